/* Who is at the other end of a socket. */
#include "net/peer.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "world_test.h"

static void a_peer_is_known_by_its_credentials(void **state)
{
	gid_t groups[PEER_GROUPS_MAX];
	struct peer peer;
	int ends[2], n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	must(peer_identify(ends[0], false, &peer));
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.groups_len, 0);
	must(peer_identify(ends[0], true, &peer));
	n = getgroups(PEER_GROUPS_MAX, groups);
	assert_true(n >= 0);
	assert_int_equal(peer.groups_len, n);
	if (n > 0)
		assert_memory_equal(peer.groups, groups, (size_t)n * sizeof(groups[0]));
	close(ends[0]);
	close(ends[1]);
}

/* How many groups are seen of a peer that has that many; in a process of its own, for they stay. */
static size_t groups_seen(size_t count, bool with_groups)
{
	gid_t groups[PEER_GROUPS_MAX + 1];
	struct peer peer;
	int ends[2], status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		for (size_t i = 0; i <= PEER_GROUPS_MAX; i++)
			groups[i] = (gid_t)(3000000000u + i);
		if (setgroups(count, groups) != 0 ||
		    socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
		    peer_identify(ends[0], with_groups, &peer) != COFFER_OK ||
		    memcmp(peer.groups, groups, peer.groups_len * sizeof(groups[0])) != 0)
			_exit(255);
		_exit((int)peer.groups_len);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 255);
	return (size_t)WEXITSTATUS(status);
}

/* A peer with more of them than there is room for has none: that can only deny. */
static void groups_are_seen_up_to_a_number_and_when_asked_for(void **state)
{
	(void)state;
	if (geteuid() != 0) /* only the superuser can choose them; the first case shows one's own */
		return;
	assert_int_equal(groups_seen(3, true), 3);
	assert_int_equal(groups_seen(3, false), 0);
	assert_int_equal(groups_seen(PEER_GROUPS_MAX, true), PEER_GROUPS_MAX);
	assert_int_equal(groups_seen(PEER_GROUPS_MAX + 1, true), 0);
}

/* Who connects and then hands the socket on, or changes its uid, stays who it was. */
static void a_peer_is_who_it_was_when_it_connected(void **state)
{
	struct peer peer;
	int ends[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	if ((child = fork()) == 0) {
		char byte = 'x';
		_exit(write(ends[1], &byte, 1) == 1 ? 0 : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	must(peer_identify(ends[0], false, &peer));
	assert_int_equal(peer.pid, getpid());
	close(ends[0]);
	close(ends[1]);
}

static void what_is_no_unix_socket_has_no_peer(void **state)
{
	struct peer peer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(peer_identify(ends[0], true, &peer), COFFER_UNAVAILABLE);
	assert_int_equal(peer_identify(-1, true, &peer), COFFER_UNAVAILABLE);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_known_by_its_credentials),
		cmocka_unit_test(groups_are_seen_up_to_a_number_and_when_asked_for),
		cmocka_unit_test(a_peer_is_who_it_was_when_it_connected),
		cmocka_unit_test(what_is_no_unix_socket_has_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
