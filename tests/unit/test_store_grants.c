#include "test_store.h"

static int new_store(void **state)
{
	struct store *store = store_make(":memory:");

	must(store_begin(store));
	*state = store;
	return 0;
}

static int end_store(void **state)
{
	store_rollback(*state);
	store_close(*state);
	return 0;
}

static struct store_grant grant_of(const char *id, uint8_t hash_byte)
{
	struct store_grant grant = { .id = text(id),
				     .kind = GRANT_SERVICE,
				     .scopes = text("pipeline/x\nglobal"),
				     .allow = text("AWS_*\nB?"),
				     .bind_uid = true,
				     .uid = UINT32_MAX,
				     .created_ms = 11,
				     .expires_ms = 22,
				     .end = GRANT_LIVE,
				     .name = text(id),
				     .process = text("7:0:boot") };

	memset(grant.token_hash, hash_byte, sizeof(grant.token_hash));
	return grant;
}

static void assert_grant(const struct store_grant *got, const struct store_grant *want)
{
	assert_true(slice_equal(got->id, want->id));
	assert_int_equal(got->kind, want->kind);
	assert_memory_equal(got->token_hash, want->token_hash, sizeof(got->token_hash));
	assert_true(slice_equal(got->scopes, want->scopes));
	assert_true(slice_equal(got->allow, want->allow));
	assert_int_equal(got->bind_uid, want->bind_uid);
	assert_int_equal(got->uid, want->uid);
	assert_int_equal(got->created_ms, want->created_ms);
	assert_int_equal(got->expires_ms, want->expires_ms);
	assert_int_equal(got->end, want->end);
	assert_true(slice_equal(got->name, want->name));
	assert_true(slice_equal(got->process, want->process));
}

static void a_grant_is_found_by_id_and_by_hash(void **state)
{
	struct store_grant a = grant_of("a", 1), b = grant_of("b", 2), out;
	uint8_t unknown[STORE_HASH_LEN] = { 1 };

	b.kind = GRANT_RUN;
	b.name = b.process = SLICE_EMPTY;
	b.allow = SLICE_EMPTY;
	b.bind_uid = false;
	b.uid = 0;
	b.end = GRANT_EXPIRED;
	must(store_grant_put(*state, &a));
	must(store_grant_put(*state, &b));
	must(store_grant_by_id(*state, text("a"), &out));
	assert_grant(&out, &a);
	must(store_grant_by_id(*state, text("b"), &out));
	assert_grant(&out, &b);
	must(store_grant_by_hash(*state, a.token_hash, &out));
	assert_grant(&out, &a);
	must(store_grant_by_hash(*state, b.token_hash, &out));
	assert_grant(&out, &b);
	assert_int_equal(store_grant_by_id(*state, text("c"), &out), COFFER_NOT_FOUND);
	assert_int_equal(store_grant_by_id(*state, SLICE_EMPTY, &out), COFFER_NOT_FOUND);
	assert_int_equal(store_grant_by_hash(*state, unknown, &out), COFFER_NOT_FOUND);
	assert_int_equal(out.id.len, 0);
}

static void neither_an_id_nor_a_hash_is_given_twice(void **state)
{
	struct store_grant a = grant_of("a", 1), out;
	struct store_grant same_id = grant_of("a", 2), same_hash = grant_of("b", 1);

	must(store_grant_put(*state, &a));
	assert_int_equal(store_grant_put(*state, &same_id), COFFER_ALREADY_EXISTS);
	assert_int_equal(store_grant_put(*state, &same_hash), COFFER_ALREADY_EXISTS);
	must(store_grant_by_id(*state, text("a"), &out));
	assert_grant(&out, &a);
	assert_int_equal(store_grant_by_id(*state, text("b"), &out), COFFER_NOT_FOUND);
}

static void a_grant_ends_once(void **state)
{
	static const grant_end ends[] = { GRANT_FINISHED, GRANT_SUPERSEDED, GRANT_EXPIRED,
					  GRANT_REVOKED };
	struct store_grant out;

	for (size_t i = 0; i < CASES(ends); i++) {
		char id[2] = { (char)('a' + i), '\0' };
		struct store_grant grant = grant_of(id, (uint8_t)i);

		must(store_grant_put(*state, &grant));
		must(store_grant_set_end(*state, text(id), ends[i]));
		assert_int_equal(store_grant_set_end(*state, text(id), GRANT_REVOKED),
				 COFFER_NOT_FOUND);
		must(store_grant_by_id(*state, text(id), &out));
		grant.end = ends[i];
		assert_grant(&out, &grant);
	}
	assert_int_equal(store_grant_set_end(*state, text("none"), GRANT_REVOKED),
			 COFFER_NOT_FOUND);
}

static void grants_that_only_a_defect_could_write_are_refused(void **state)
{
	for (int i = 0; i < 5; i++) {
		struct store_grant grant = grant_of("a", 1);

		switch (i) {
		case 0:
			grant.id = SLICE_EMPTY;
			break;
		case 1:
			grant.kind = (grant_kind)3;
			break;
		case 2:
			grant.end = (grant_end)5;
			break;
		case 3:
			grant.created_ms = -1;
			break;
		default:
			grant.expires_ms = -1;
		}
		assert_int_equal(store_grant_put(*state, &grant), COFFER_INTERNAL);
		store_rollback(*state);
		must(store_begin(*state));
	}
}

static void one_live_service_has_a_name(void **state)
{
	struct store_grant first = grant_of("a", 1), second = grant_of("b", 2), out;

	second.name = first.name;
	must(store_grant_put(*state, &first));
	assert_int_equal(store_grant_put(*state, &second), COFFER_ALREADY_EXISTS);
	must(store_grant_set_end(*state, text("a"), GRANT_REVOKED));
	assert_int_equal(store_service_by_name(*state, text("a"), &out), COFFER_NOT_FOUND);
	must(store_grant_put(*state, &second));
	must(store_service_by_name(*state, text("a"), &out));
	assert_grant(&out, &second);
}

static void runs_have_no_name_to_be_found_by(void **state)
{
	struct store_grant a = grant_of("a", 1), b = grant_of("b", 2), out;

	a.kind = b.kind = GRANT_RUN;
	a.name = b.name = SLICE_EMPTY;
	must(store_grant_put(*state, &a));
	must(store_grant_put(*state, &b));
	assert_int_equal(store_service_by_name(*state, SLICE_EMPTY, &out), COFFER_NOT_FOUND);
}

static void services_and_bound_grants_are_walked_by_id(void **state)
{
	struct store_grant a = grant_of("a", 1), b = grant_of("b", 2), c = grant_of("c", 3), out;

	b.kind = GRANT_RUN;
	c.process = SLICE_EMPTY;
	must(store_grant_put(*state, &c));
	must(store_grant_put(*state, &b));
	must(store_grant_put(*state, &a));
	must(store_service_next(*state, SLICE_EMPTY, &out));
	assert_grant(&out, &a);
	must(store_service_next(*state, text("a"), &out));
	assert_grant(&out, &c);
	assert_int_equal(store_service_next(*state, text("c"), &out), COFFER_NOT_FOUND);
	must(store_grant_bound_next(*state, text("a"), &out));
	assert_grant(&out, &b);
	assert_int_equal(store_grant_bound_next(*state, text("b"), &out), COFFER_NOT_FOUND);
	must(store_grant_set_end(*state, text("a"), GRANT_REVOKED));
	must(store_grant_bound_next(*state, SLICE_EMPTY, &out));
	assert_grant(&out, &b);
	must(store_service_next(*state, SLICE_EMPTY, &out));
	assert_int_equal(out.end, GRANT_REVOKED);
}

static void a_live_grant_is_renewed(void **state)
{
	struct store_grant grant = grant_of("a", 1), out;

	must(store_grant_put(*state, &grant));
	must(store_grant_renew(*state, text("a"), 77));
	must(store_grant_by_id(*state, text("a"), &out));
	assert_int_equal(out.expires_ms, 77);
	must(store_grant_set_end(*state, text("a"), GRANT_EXPIRED));
	assert_int_equal(store_grant_renew(*state, text("a"), 78), COFFER_NOT_FOUND);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, new_store, end_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_grant_is_found_by_id_and_by_hash),
		with_store(neither_an_id_nor_a_hash_is_given_twice),
		with_store(a_grant_ends_once),
		with_store(one_live_service_has_a_name),
		with_store(runs_have_no_name_to_be_found_by),
		with_store(services_and_bound_grants_are_walked_by_id),
		with_store(a_live_grant_is_renewed),
		with_store(grants_that_only_a_defect_could_write_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
