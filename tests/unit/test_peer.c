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
		cmocka_unit_test(a_peer_is_who_it_was_when_it_connected),
		cmocka_unit_test(what_is_no_unix_socket_has_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
