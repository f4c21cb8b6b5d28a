/* What the daemon asks of itself. */
#include "rpc/local.h"

#include "rpc/methods.h"
#include "told.h"
#include "world_test.h"

static void a_secret_of_the_command_line_is_put_and_recorded(void **state)
{
	struct world *world = *state;
	size_t before = arena_used(world->arena);
	struct store_secret row;

	must(local_put(&world->rpc, TEXT("A"), TEXT("value")));
	must(store_secret_latest(world->store, TEXT("global"), TEXT("A"), &row));
	assert_last_record(world, "{\"op\":\"PutSecret\",\"scope\":\"global\",\"name\":\"A\","
				  "\"version\":1,\"outcome\":\"OK\"}");
	assert_int_equal(arena_used(world->arena), before);
	assert_int_equal(world->rpc.connections, 0);
}

static void a_secret_that_cannot_be_put_is_named_in_the_log(void **state)
{
	static uint8_t large[COFFER_VALUE_MAX_DEFAULT + 1];
	const struct {
		struct slice name, value;
		coffer_err want;
		const char *told;
	} cases[] = {
		{ TEXT("A"), { large, sizeof(large) }, COFFER_RESOURCE_EXHAUSTED, "'A'" },
		{ TEXT("B"), { large, 8u << 20 }, COFFER_RESOURCE_EXHAUSTED, "'B'" },
		{ TEXT("C"), TEXT("v"), COFFER_UNAVAILABLE, "audit log" },
	};
	struct world *world = *state;

	log_set_level(LOG_WARN);
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *told;
		int saved = told_begin();
		if (cases[i].want == COFFER_UNAVAILABLE) {
			log_block(world);
			must(local_run(&world->rpc, methods_find(TEXT("ListRuns")), SLICE_EMPTY,
				       &world->reply));
			assert_int_equal(trail_flush(world->trail), COFFER_UNAVAILABLE);
		}
		/* The file for what is told is bound by the limit, too. */
		coffer_err err = local_put(&world->rpc, cases[i].name, cases[i].value);
		log_unblock();
		told = told_end(saved);
		assert_int_equal(err, cases[i].want);
		if (cases[i].want != COFFER_UNAVAILABLE)
			assert_non_null(strstr(told, cases[i].told));
	}
}

/* "--secret SOMEBASE64==" has the value where the name should be. */
static void what_is_no_name_is_not_repeated(void **state)
{
	struct world *world = *state;
	int saved = told_begin();
	coffer_err err = local_put(&world->rpc, TEXT("c2VjcmV0 c2VjcmV0"), TEXT("="));
	const char *told = told_end(saved);

	assert_int_equal(err, COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(told, "the secret's name "));
	assert_null(strstr(told, "c2Vj"));
}

static void a_run_for_tests_has_a_token_that_works(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	char id[COFFER_ID_LEN + 1], text[COFFER_TOKEN_LEN + 1];
	struct secret token;

	must(local_create_run(&world->rpc, id, &token));
	assert_int_equal(token.len, COFFER_TOKEN_LEN);
	snprintf(text, sizeof(text), "%.*s", (int)token.len, (const char *)token.data);
	must(world_hello(world, &job, text));
	assert_string_equal(job.grant->id, id);
	secret_free(&token);
	rpc_session_close(&world->rpc, &job);
}

static void what_fails_without_a_message_is_told_by_its_code(void **state)
{
	struct world *world = *state;
	char body[COFFER_ID_LEN + 1] = "00000000-0000-7000-8000-000000000001";
	const char *told;
	int saved;
	coffer_err err;

	log_set_level(LOG_WARN);
	saved = told_begin();
	err = local_run(&world->rpc, &methods_expire_runs, TEXT(body), &world->reply);
	told = told_end(saved);
	assert_int_equal(err, COFFER_NOT_FOUND);
	assert_non_null(strstr(told, coffer_err_text(COFFER_NOT_FOUND)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_secret_of_the_command_line_is_put_and_recorded),
		CASE(a_secret_that_cannot_be_put_is_named_in_the_log),
		CASE(what_is_no_name_is_not_repeated),
		CASE(a_run_for_tests_has_a_token_that_works),
		CASE(what_fails_without_a_message_is_told_by_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
