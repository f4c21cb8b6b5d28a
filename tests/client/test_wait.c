/* Goal of this test: waiting for a change takes as long as the daemon does, within its own time, and tells what
 * the daemon told. */
#include "fake.h"
#include "support.h"

#include <poll.h>

/* Longer than a hasty session's deadline. */
#define LATE_MS (4 * FAKE_HASTY_MS)

enum variant {
	ANSWERS,
	ANSWERS_LATE,
	NEVER_ANSWERS,
	REFUSES,
	IS_REPLACED, /* by another daemon, while the client waits: the first one closes without an answer */
};

/* The answer shows what was asked: changed if the time is odd, and the revision is both numbers' sum. */
static void answer(struct fake_conn *conn)
{
	coffer_v1_WaitForChangeRequest request;
	coffer_v1_WaitForChangeResponse reply;

	if (codec_decode(conn->body, coffer_v1_WaitForChangeRequest_fields, &request,
			 sizeof(request)) != COFFER_OK)
		return;
	reply = (coffer_v1_WaitForChangeResponse){ request.after_revision + request.timeout_ms,
						   request.timeout_ms % 2 == 1 };
	fake_answer(conn, coffer_v1_WaitForChangeResponse_fields, &reply);
	(void)fake_send(conn);
}

static void serve(struct fake_conn *conn)
{
	fake_greet(conn);
	while (fake_read(conn)) {
		if (conn->variant == IS_REPLACED && conn->number == 0)
			return;
		if (conn->variant == ANSWERS_LATE)
			(void)poll(NULL, 0, LATE_MS);
		if (conn->variant == REFUSES) {
			fake_refuse(conn, conn->id, COFFER_UNAUTHENTICATED,
				    "the token is not valid");
			(void)fake_send(conn);
		} else if (conn->variant != NEVER_ANSWERS) {
			answer(conn);
		}
	}
}

static struct coffer_session *open_hasty(const struct fake *fake)
{
	struct coffer_options options = fake_options(fake);
	struct coffer_session *session;

	options.timeout_ms = FAKE_HASTY_MS;
	assert_int_equal(coffer_open(&session, &options), COFFER_OK);
	return session;
}

static void the_daemons_answer_is_handed_out(void **state)
{
	static const struct {
		uint64_t after;
		int timeout_ms;
		uint64_t revision;
		bool changed;
	} cases[] = { { 0, 0, 0, false },
		      { 7, 1, 8, true },
		      { 7, 600000, 600007, false },
		      { UINT64_MAX - INT32_MAX, INT32_MAX, UINT64_MAX, true } };
	struct fake fake = fake_start(serve, ANSWERS);
	struct coffer_session *session = fake_open(&fake);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t revision = 99;
		bool changed = !cases[i].changed;
		assert_int_equal(coffer_wait(session, cases[i].after, cases[i].timeout_ms,
					     &revision, &changed),
				 COFFER_OK);
		assert_int_equal(revision, cases[i].revision);
		assert_int_equal(changed, cases[i].changed);
	}
	assert_int_equal(fake.seen->connections, 1);
	coffer_close(session);
	fake_stop(&fake);
}

static void the_time_to_wait_comes_on_top_of_the_sessions_deadline(void **state)
{
	struct fake fake = fake_start(serve, ANSWERS_LATE);
	struct coffer_session *session = open_hasty(&fake);
	uint64_t revision;
	bool changed;

	(void)state;
	assert_int_equal(coffer_wait(session, 1, FAKE_PATIENT_MS, &revision, &changed), COFFER_OK);
	assert_int_equal(revision, 1 + FAKE_PATIENT_MS);
	assert_int_equal(fake.seen->connections, 1);
	coffer_close(session);
	fake_stop(&fake);
}

static void a_daemon_that_never_answers_is_not_waited_for_for_ever(void **state)
{
	struct fake fake = fake_start(serve, NEVER_ANSWERS);
	struct coffer_session *session = open_hasty(&fake);
	uint64_t revision = 99;
	bool changed = true;

	(void)state;
	assert_int_equal(coffer_wait(session, 5, 1, &revision, &changed), COFFER_DEADLINE_EXCEEDED);
	assert_int_equal(revision, 5);
	assert_false(changed);
	assert_string_not_equal(coffer_message(session), "");
	coffer_close(session);
	fake_stop(&fake);
}

static void the_end_of_the_run_is_told(void **state)
{
	struct fake fake = fake_start(serve, REFUSES);
	struct coffer_session *session = fake_open(&fake);
	uint64_t revision;
	bool changed = true;

	(void)state;
	assert_int_equal(coffer_wait(session, 5, 1, &revision, &changed), COFFER_UNAUTHENTICATED);
	assert_string_equal(coffer_message(session), "the token is not valid");
	assert_int_equal(revision, 5);
	assert_false(changed);
	coffer_close(session);
	fake_stop(&fake);
}

static void a_wait_goes_on_at_the_next_daemon(void **state)
{
	struct fake fake = fake_start(serve, IS_REPLACED);
	struct coffer_session *session = fake_open(&fake);
	uint64_t revision;
	bool changed;

	(void)state;
	assert_int_equal(coffer_wait(session, 5, 1, &revision, &changed), COFFER_OK);
	assert_int_equal(revision, 6);
	assert_true(changed);
	assert_int_equal(fake.seen->connections, 2);
	coffer_close(session);
	fake_stop(&fake);
}

static void a_negative_time_is_refused_unasked(void **state)
{
	struct fake fake = fake_start(serve, ANSWERS);
	struct coffer_session *session = fake_open(&fake);
	uint32_t requests = fake.seen->requests;
	uint64_t revision;
	bool changed;

	(void)state;
	assert_int_equal(coffer_wait(session, 5, -1, &revision, &changed), COFFER_INVALID_ARGUMENT);
	assert_int_equal(revision, 5);
	assert_int_equal(fake.seen->requests, requests);
	assert_int_equal(coffer_wait(session, 5, 1, &revision, &changed), COFFER_OK);
	coffer_close(session);
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_daemons_answer_is_handed_out),
		cmocka_unit_test(the_time_to_wait_comes_on_top_of_the_sessions_deadline),
		cmocka_unit_test(a_daemon_that_never_answers_is_not_waited_for_for_ever),
		cmocka_unit_test(the_end_of_the_run_is_told),
		cmocka_unit_test(a_wait_goes_on_at_the_next_daemon),
		cmocka_unit_test(a_negative_time_is_refused_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
