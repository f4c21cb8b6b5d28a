/* Binding a socket at a path. */
#include "net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "told.h"
#include "world_test.h"

struct place {
	char folder[32], path[64];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	strcpy(place->folder, "/tmp/coffer-listen-XXXXXX");
	if (mkdtemp(place->folder) == NULL)
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/s.sock", place->folder);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	coffer_err err = file_remove_tree(place->folder);

	free(place);
	return err == COFFER_OK ? 0 : -1;
}

/* A socket of that type at the path, bound by somebody else. */
static int bind_other(const struct place *place, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, place->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int connect_to(const struct place *place)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, place->path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Binding is refused with that error, the reason is told, and what is at the path stays. */
static void assert_refused(const struct place *place, coffer_err want, const char *why)
{
	struct stat before, after;
	const char *told;
	int saved, fd = 7;
	coffer_err err;

	assert_int_equal(lstat(place->path, &before), 0);
	saved = told_begin();
	err = listener_bind(place->path, 0600, -1, &fd);
	told = told_end(saved);
	assert_int_equal(err, want);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(told, why));
	assert_non_null(strstr(told, place->path));
	assert_int_equal(lstat(place->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void a_socket_has_its_mode_whatever_the_umask(void **state)
{
	static const unsigned modes[] = { 0600, 0660, 0666 };
	static const mode_t masks[] = { 0, 077, 0777 };
	struct place *place = *state;
	struct stat st;
	int fd;

	for (size_t i = 0; i < CASES(modes); i++) {
		mode_t before = umask(masks[i]);
		must(listener_bind(place->path, modes[i], -1, &fd));
		assert_int_equal(umask(before), masks[i]);
		assert_int_equal(lstat(place->path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		close(fd);
	}
}

static void a_socket_gets_its_group(void **state)
{
	struct place *place = *state;
	struct stat st;
	int fd;

	must(listener_bind(place->path, 0660, (int64_t)getegid(), &fd));
	assert_int_equal(lstat(place->path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	close(fd);
}

static void a_socket_that_nobody_answers_on_is_replaced(void **state)
{
	struct place *place = *state;
	int fd, peer;

	close(bind_other(place, SOCK_STREAM));
	must(listener_bind(place->path, 0600, -1, &fd));
	peer = connect_to(place);
	assert_true(peer >= 0);
	close(peer);
	close(fd);
}

static void a_daemon_that_answers_is_left_alone(void **state)
{
	struct place *place = *state;
	int fd;

	must(listener_bind(place->path, 0600, -1, &fd));
	assert_refused(place, COFFER_ALREADY_EXISTS, "a daemon answers");
	close(fd);
}

/* A daemon that is stopped, or busy, accepts nobody: to wait for it would hang the start, and to take it for
 * dead would take its socket away. */
static void a_daemon_with_a_full_backlog_is_left_alone(void **state)
{
	struct place *place = *state;
	int fd = bind_other(place, SOCK_STREAM), peers[64], n = 0;

	assert_int_equal(listen(fd, 1), 0);
	while (n < 64 && (peers[n] = connect_to(place)) >= 0)
		n++;
	assert_true(n > 0 && n < 64);
	assert_refused(place, COFFER_ALREADY_EXISTS, "a daemon answers");
	while (n-- > 0)
		close(peers[n]);
	close(fd);
}

static void a_socket_of_another_kind_is_left_alone(void **state)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	struct place *place = *state;

	for (size_t i = 0; i < CASES(types); i++) {
		int fd = bind_other(place, types[i]);
		if (types[i] == SOCK_SEQPACKET)
			assert_int_equal(listen(fd, 1), 0);
		assert_refused(place, COFFER_ALREADY_EXISTS, place->path);
		close(fd);
		assert_int_equal(unlink(place->path), 0);
	}
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct place *place = *state;
	int fd = open(place->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_refused(place, COFFER_ALREADY_EXISTS, "not a socket");
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(mkdir(place->path, 0700), 0);
	assert_refused(place, COFFER_ALREADY_EXISTS, "not a socket");
	assert_int_equal(rmdir(place->path), 0);
	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_refused(place, COFFER_ALREADY_EXISTS, "not a socket");
}

/* Also one that leads to a dead socket: what it leads to is not ours to take away. */
static void a_link_is_left_alone(void **state)
{
	struct place *place = *state;
	struct place real = *place;

	snprintf(real.path, sizeof(real.path), "%s/real", place->folder);
	close(bind_other(&real, SOCK_STREAM));
	assert_int_equal(symlink(real.path, place->path), 0);
	assert_refused(place, COFFER_ALREADY_EXISTS, "not a socket");
	assert_int_equal(access(real.path, F_OK), 0);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(symlink("/nonexistent/s", place->path), 0);
	assert_refused(place, COFFER_ALREADY_EXISTS, "not a socket");
}

static void a_path_is_as_long_as_a_socket_address_takes(void **state)
{
	enum { LONGEST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };
	struct place *place = *state;
	char path[LONGEST + 2];
	const char *told;
	int saved, fd;

	memset(path, 'x', sizeof(path));
	memcpy(path, place->folder, strlen(place->folder));
	path[strlen(place->folder)] = '/';
	path[LONGEST] = '\0';
	must(listener_bind(path, 0600, -1, &fd));
	close(fd);
	path[LONGEST] = 'x';
	path[LONGEST + 1] = '\0';
	saved = told_begin();
	assert_int_equal(listener_bind(path, 0600, -1, &fd), COFFER_UNAVAILABLE);
	told = told_end(saved);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(told, "longer than 107 bytes"));
}

static void a_missing_folder_is_told(void **state)
{
	const char *told;
	int saved = told_begin(), fd;
	coffer_err err = listener_bind("/nonexistent/s", 0600, -1, &fd);

	(void)state;
	told = told_end(saved);
	assert_int_equal(err, COFFER_UNAVAILABLE);
	assert_non_null(strstr(told, "/nonexistent/s: No such file"));
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(a_socket_has_its_mode_whatever_the_umask),
		PLACED(a_socket_gets_its_group),
		PLACED(a_socket_that_nobody_answers_on_is_replaced),
		PLACED(a_daemon_that_answers_is_left_alone),
		PLACED(a_daemon_with_a_full_backlog_is_left_alone),
		PLACED(a_socket_of_another_kind_is_left_alone),
		PLACED(what_is_no_socket_is_left_alone),
		PLACED(a_link_is_left_alone),
		PLACED(a_path_is_as_long_as_a_socket_address_takes),
		PLACED(a_missing_folder_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
