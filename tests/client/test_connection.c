/* Goal of this test: whom the client connects to, and what it does when the connection ends, stalls or is
 * carried over a fork. */
#include "fake.h"
#include "support.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void serve_well(struct fake_conn *conn)
{
	fake_greet(conn);
	while (fake_read(conn)) {
		fake_answer_secret(conn, SLICE_LITERAL("value"));
		(void)fake_send(conn);
	}
}

static void get_well(struct coffer_session *session)
{
	struct coffer_value value;

	if (coffer_get(session, "NAME", &value) != COFFER_OK)
		fail_msg("%s", coffer_message(session));
	assert_string_equal(value.data, "value");
	coffer_value_free(&value);
}

static coffer_err try_open(const struct coffer_options *options)
{
	struct coffer_session *session;
	coffer_err err = coffer_open(&session, options);

	coffer_close(session);
	return err;
}

/* --- who answers -------------------------------------------------------------------------------------- */

static void a_daemon_of_another_uid_is_refused_before_it_gets_a_byte(void **state)
{
	struct fake fake = fake_start(serve_well, 0);
	struct coffer_options options = fake_options(&fake);
	struct coffer_session *session;

	(void)state;
	options.check_uid = true;
	options.uid = geteuid() + 1;
	assert_int_equal(coffer_open(&session, &options), COFFER_PERMISSION_DENIED);
	assert_non_null(strstr(coffer_message(session), "is served by uid"));
	coffer_close(session);
	fake_wait(&fake, 1);
	assert_int_equal(fake.seen->connections, 1);
	assert_int_equal(fake.seen->bytes, 0);
	options.uid = geteuid();
	assert_int_equal(try_open(&options), COFFER_OK);
	fake_stop(&fake);
}

/* An impostor that came to listen in a folder of somebody else's. */
static void an_impostor_gets_nothing_unless_it_owns_the_folder(void **state)
{
	const uid_t impostor = 65533;
	struct coffer_options options;
	struct fake fake;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only the superuser can be two users */
	fake = fake_start_as(impostor, serve_well, 0);
	options = fake_options(&fake);
	assert_int_equal(try_open(&options), COFFER_PERMISSION_DENIED);
	fake_wait(&fake, 1);
	assert_int_equal(fake.seen->bytes, 0);
	assert_int_equal(chown(fake.folder, impostor, (gid_t)-1), 0);
	assert_int_equal(try_open(&options), COFFER_OK);
	fake_stop(&fake);
}

static void nobody_at_the_path_is_told_with_the_path(void **state)
{
	struct coffer_options options = { .socket = "/nonexistent/coffer.sock",
					  .token = FAKE_TOKEN };
	struct coffer_session *session;
	struct coffer_value value;

	(void)state;
	assert_int_equal(coffer_open(&session, &options), COFFER_UNAVAILABLE);
	assert_string_equal(coffer_message(session), "cannot connect to /nonexistent/coffer.sock: "
						     "No such file or directory");
	assert_int_equal(coffer_get(session, "NAME", &value), COFFER_FAILED_PRECONDITION);
	coffer_close(session);
}

/* --- ends --------------------------------------------------------------------------------------------- */

/* Closes after Hello and one answer. */
static void serve_one(struct fake_conn *conn)
{
	fake_greet(conn);
	if (!fake_read(conn))
		return;
	fake_answer_secret(conn, SLICE_LITERAL("value"));
	(void)fake_send(conn);
}

static void a_connection_closed_while_idle_is_opened_again(void **state)
{
	struct fake fake = fake_start(serve_one, 0);
	struct coffer_session *session = fake_open(&fake);

	(void)state;
	for (uint32_t i = 1; i < 4; i++) {
		get_well(session);
		fake_wait(&fake, 1);
		assert_int_equal(fake.seen->connections, i);
	}
	coffer_close(session);
	fake_stop(&fake);
}

/* Closes instead of answering on the first variant connections. */
static void serve_late(struct fake_conn *conn)
{
	fake_greet(conn);
	if (conn->number < conn->variant)
		(void)fake_read(conn);
	else
		while (fake_read(conn)) {
			fake_answer_secret(conn, SLICE_LITERAL("value"));
			(void)fake_send(conn);
		}
}

static void a_read_is_repeated_once_when_its_connection_ends(void **state)
{
	struct fake fake = fake_start(serve_late, 1);
	struct coffer_session *session = fake_open(&fake);

	(void)state;
	get_well(session);
	assert_int_equal(fake.seen->connections, 2);
	coffer_close(session);
	fake_stop(&fake);
}

static void a_read_is_not_repeated_twice(void **state)
{
	struct fake fake = fake_start(serve_late, 3);
	struct coffer_session *session = fake_open(&fake);
	struct coffer_value value;

	(void)state;
	assert_int_equal(coffer_get(session, "NAME", &value), COFFER_UNAVAILABLE);
	assert_non_null(strstr(coffer_message(session), "closed the connection"));
	fake_wait(&fake, 2);
	assert_int_equal(fake.seen->connections, 2);
	assert_int_equal(coffer_get(session, "NAME", &value), COFFER_OK);
	coffer_value_free(&value);
	coffer_close(session);
	fake_stop(&fake);
}

/* Reads one request and closes, or on connections from variant on answers with an empty message. */
static void serve_admin(struct fake_conn *conn)
{
	if (!fake_read(conn) || conn->number < conn->variant)
		return;
	fake_begin(conn);
	fake_end(conn);
	(void)fake_send(conn);
}

static void a_change_is_never_repeated(void **state)
{
	struct fake fake = fake_start(serve_admin, 2);
	struct coffer_admin *admin = fake_open_admin(&fake);

	(void)state;
	assert_int_equal(coffer_admin_revoke(admin, FAKE_RUN_ID), COFFER_UNAVAILABLE);
	fake_wait(&fake, 1);
	assert_int_equal(fake.seen->requests, 1);
	coffer_admin_close(admin);
	fake_stop(&fake);
}

static void a_change_goes_out_once_over_a_new_connection_if_the_old_one_was_closed(void **state)
{
	struct fake fake = fake_start(serve_admin, 0);
	struct coffer_admin *admin = fake_open_admin(&fake);

	(void)state;
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(coffer_admin_revoke(admin, FAKE_RUN_ID), COFFER_OK);
		fake_wait(&fake, 1);
		assert_int_equal(fake.seen->requests, i);
	}
	coffer_admin_close(admin);
	fake_stop(&fake);
}

/* Closes, in the middle of a frame that is larger than the socket's buffer; variant 1 says why. */
static void serve_refusing_size(struct fake_conn *conn)
{
	(void)recv(conn->fd, conn->in, 3, MSG_WAITALL);
	if (conn->variant > 0) {
		fake_refuse(conn, 0, COFFER_INVALID_ARGUMENT, "the frame is too large");
		(void)fake_send(conn);
	}
}

/* Were SIGPIPE raised, it would end this program. */
static void a_daemon_that_closes_while_it_is_sent_to_raises_no_signal(void **state)
{
	static const uint8_t large[900000];
	const struct coffer_write write = { .name = "N", .data = large, .len = sizeof(large) };

	(void)state;
	for (size_t variant = 0; variant < 2; variant++) {
		struct fake fake = fake_start(serve_refusing_size, variant);
		struct coffer_admin *admin = fake_open_admin(&fake);
		coffer_err err = coffer_admin_put(admin, "global", false, &write, 1, NULL);
		if (variant == 0)
			assert_int_equal(err, COFFER_UNAVAILABLE);
		else {
			assert_int_equal(err, COFFER_RESOURCE_EXHAUSTED);
			assert_string_equal(coffer_admin_message(admin), "the frame is too large");
		}
		coffer_admin_close(admin);
		fake_stop(&fake);
	}
}

static void a_request_above_every_limit_is_not_sent(void **state)
{
	static const uint8_t large[COFFER_VALUE_MAX_CEILING + COFFER_FRAME_OVERHEAD];
	const struct coffer_write write = { .name = "N", .data = large, .len = sizeof(large) };
	struct fake fake = fake_start(serve_admin, 0);
	struct coffer_admin *admin = fake_open_admin(&fake);

	(void)state;
	assert_int_equal(coffer_admin_put(admin, "global", false, &write, 1, NULL),
			 COFFER_RESOURCE_EXHAUSTED);
	coffer_admin_close(admin);
	fake_wait(&fake, 1);
	assert_int_equal(fake.seen->bytes, 0);
	fake_stop(&fake);
}

static void serve_refusing_connections(struct fake_conn *conn)
{
	(void)fake_read(conn);
	fake_refuse(conn, 0, COFFER_RESOURCE_EXHAUSTED, "too many connections");
	(void)fake_send(conn);
}

static void a_refused_connection_is_told_in_the_daemons_words(void **state)
{
	struct fake fake = fake_start(serve_refusing_connections, 0);
	struct coffer_options options = fake_options(&fake);
	struct coffer_session *session;

	(void)state;
	assert_int_equal(coffer_open(&session, &options), COFFER_RESOURCE_EXHAUSTED);
	assert_string_equal(coffer_message(session), "too many connections");
	coffer_close(session);
	fake_stop(&fake);
}

/* --- stalls ------------------------------------------------------------------------------------------- */

static void serve_silence(struct fake_conn *conn)
{
	if (conn->variant > 0)
		fake_greet(conn);
	while (fake_read(conn))
		;
}

static void silence_ends_with_the_deadline(void **state)
{
	(void)state;
	for (size_t variant = 0; variant < 2; variant++) {
		struct fake fake = fake_start(serve_silence, variant);
		struct coffer_options options = fake_options(&fake);
		struct coffer_session *session;
		struct coffer_value value;
		coffer_err err;
		options.timeout_ms = FAKE_HASTY_MS;
		err = coffer_open(&session, &options);
		if (variant == 1 && err == COFFER_OK)
			err = coffer_get(session, "NAME", &value);
		assert_int_equal(err, COFFER_DEADLINE_EXCEEDED);
		assert_non_null(strstr(coffer_message(session), "within 100 ms"));
		coffer_close(session);
		fake_stop(&fake);
	}
}

/* A byte now and then would keep a time-out for each read from ever passing. */
static void serve_drops(struct fake_conn *conn)
{
	static const uint8_t head[] = { 0x80, 0x80, 0x04 };

	if (!fake_read(conn) || !fake_write(conn, head, sizeof(head)))
		return;
	while (fake_write(conn, head, 1))
		usleep(10000);
}

static void a_trickle_does_not_move_the_deadline(void **state)
{
	struct fake fake = fake_start(serve_drops, 0);
	struct coffer_options options = fake_options(&fake);

	(void)state;
	options.timeout_ms = FAKE_HASTY_MS;
	assert_int_equal(try_open(&options), COFFER_DEADLINE_EXCEEDED);
	fake_stop(&fake);
}

static void serve_bytewise(struct fake_conn *conn)
{
	while (fake_read(conn)) {
		if (strcmp(conn->method, "Hello") == 0)
			fake_answer_hello(conn);
		else
			fake_answer_secret(conn, SLICE_LITERAL("value"));
		for (size_t i = 0; i < conn->out.len; i++)
			(void)fake_write(conn, conn->out.data + i, 1);
		conn->out.len = 0;
	}
}

static void a_reply_may_come_byte_by_byte(void **state)
{
	struct fake fake = fake_start(serve_bytewise, 0);
	struct coffer_session *session = fake_open(&fake);

	(void)state;
	get_well(session);
	coffer_close(session);
	fake_stop(&fake);
}

/* The listener's queue holds one connection more than its backlog; nobody accepts. */
static void a_daemon_that_does_not_accept_ends_with_the_deadline(void **state)
{
	struct coffer_options options = { .token = FAKE_TOKEN, .timeout_ms = FAKE_HASTY_MS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/coffer-client-XXXXXX";
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), first = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	memcpy(address.sun_path, folder, sizeof(folder) - 1);
	memcpy(address.sun_path + sizeof(folder) - 1, "/s", 2);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(connect(first, (struct sockaddr *)&address, sizeof(address)), 0);
	options.socket = address.sun_path;
	assert_int_equal(try_open(&options), COFFER_DEADLINE_EXCEEDED);
	close(first);
	close(listener);
	unlink(address.sun_path);
	rmdir(folder);
}

/* --- forks and descriptors ---------------------------------------------------------------------------- */

static int in_child(struct coffer_session *session)
{
	struct coffer_value value;
	struct coffer_bootstrap about;

	if (coffer_get(session, "NAME", &value) != COFFER_FAILED_PRECONDITION || value.data != NULL)
		return 1;
	if (coffer_claim(session, &about) != COFFER_FAILED_PRECONDITION)
		return 2;
	if (strstr(coffer_message(session), "fork") == NULL)
		return 3;
	coffer_close(session);
	return 0;
}

static void a_forked_child_cannot_use_the_session_and_does_not_disturb_it(void **state)
{
	struct fake fake = fake_start(serve_well, 0);
	struct coffer_session *session = fake_open(&fake);
	int status;
	pid_t pid;

	(void)state;
	get_well(session);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(in_child(session));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	get_well(session);
	assert_int_equal(fake.seen->connections, 1);
	coffer_close(session);
	fake_stop(&fake);
}

static void no_descriptor_is_left_open(void **state)
{
	size_t before = open_descriptors();
	struct fake fake = fake_start(serve_one, 0);
	struct coffer_options options = fake_options(&fake);
	struct coffer_session *session = fake_open(&fake);

	(void)state;
	get_well(session);
	get_well(session);
	coffer_close(session);
	options.check_uid = true;
	options.uid = geteuid() + 1;
	assert_int_equal(try_open(&options), COFFER_PERMISSION_DENIED);
	fake_stop(&fake);
	assert_int_equal(try_open(&options), COFFER_UNAVAILABLE);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_daemon_of_another_uid_is_refused_before_it_gets_a_byte),
		cmocka_unit_test(an_impostor_gets_nothing_unless_it_owns_the_folder),
		cmocka_unit_test(nobody_at_the_path_is_told_with_the_path),
		cmocka_unit_test(a_connection_closed_while_idle_is_opened_again),
		cmocka_unit_test(a_read_is_repeated_once_when_its_connection_ends),
		cmocka_unit_test(a_read_is_not_repeated_twice),
		cmocka_unit_test(a_change_is_never_repeated),
		cmocka_unit_test(
		    a_change_goes_out_once_over_a_new_connection_if_the_old_one_was_closed),
		cmocka_unit_test(a_daemon_that_closes_while_it_is_sent_to_raises_no_signal),
		cmocka_unit_test(a_request_above_every_limit_is_not_sent),
		cmocka_unit_test(a_refused_connection_is_told_in_the_daemons_words),
		cmocka_unit_test(silence_ends_with_the_deadline),
		cmocka_unit_test(a_trickle_does_not_move_the_deadline),
		cmocka_unit_test(a_reply_may_come_byte_by_byte),
		cmocka_unit_test(a_daemon_that_does_not_accept_ends_with_the_deadline),
		cmocka_unit_test(a_forked_child_cannot_use_the_session_and_does_not_disturb_it),
		cmocka_unit_test(no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
