/* Goal of this test: a registry asks its sources in the order that it promises and as often, and what it
 * hands out the redactor has known before. */
#include <coffer/registry.h>

#include "fake.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

/* A source that counts, and answers with a value that tells how often it was asked. */
struct counted {
	size_t asked;
	coffer_err err;  /* to return instead of a value */
	const char *why; /* to tell with it */
	char last[COFFER_NAME_MAX + 1];
};

static coffer_err ask(void *context, const char *name, struct coffer_value *out, const char **why)
{
	struct counted *counted = context;
	char text[64];

	assert_null(*why);
	assert_null(out->data);
	counted->asked++;
	snprintf(counted->last, sizeof(counted->last), "%s", name);
	snprintf(text, sizeof(text), "value of %.30s, %zu", name, counted->asked);
	*why = counted->why;
	if (counted->err != COFFER_OK)
		return counted->err;
	return coffer_value_copy(out, (const uint8_t *)text, strlen(text));
}

static struct coffer_registry *new_registry(struct coffer_redactor *redactor)
{
	struct coffer_registry *registry;

	assert_int_equal(coffer_registry_new(&registry, redactor), COFFER_OK);
	return registry;
}

static void declare(struct coffer_registry *registry, const char *name, const char *value)
{
	assert_int_equal(coffer_registry_declare(registry, name, (const uint8_t *)value,
						 strlen(value)),
			 COFFER_OK);
}

static void resolves_to(struct coffer_registry *registry, const char *name, const char *want)
{
	struct coffer_value value;

	assert_int_equal(coffer_registry_resolve(registry, name, &value), COFFER_OK);
	assert_string_equal(value.data, want);
	assert_int_equal(value.len, strlen(want));
	assert_string_equal(coffer_registry_message(registry), "");
	coffer_value_free(&value);
}

static void fails(struct coffer_registry *registry, const char *name, coffer_err want,
		  const char *message)
{
	struct coffer_value value;

	assert_int_equal(coffer_registry_resolve(registry, name, &value), want);
	assert_string_equal(coffer_registry_message(registry), message);
	assert_null(value.data);
}

static void what_is_declared_comes_before_the_fallback(void **state)
{
	struct coffer_registry *registry = new_registry(NULL);
	struct counted fallback = { 0 };

	(void)state;
	coffer_registry_fallback(registry, ask, &fallback);
	declare(registry, "A", "declared");
	resolves_to(registry, "A", "declared");
	assert_int_equal(fallback.asked, 0);
	resolves_to(registry, "B", "value of B, 1");
	assert_string_equal(fallback.last, "B");
	coffer_registry_free(registry);
}

static void without_any_source_a_name_is_unknown(void **state)
{
	struct coffer_registry *registry = new_registry(NULL);
	struct counted fallback = { 0 };

	(void)state;
	fails(registry, "A", COFFER_NOT_FOUND, "unknown secret 'A'");
	coffer_registry_fallback(registry, ask, &fallback);
	resolves_to(registry, "A", "value of A, 1");
	coffer_registry_fallback(registry, NULL, NULL);
	fails(registry, "A", COFFER_NOT_FOUND, "unknown secret 'A'");
	coffer_registry_free(registry);
}

static void the_fallback_is_asked_once_for_each_resolve_and_nothing_is_kept(void **state)
{
	struct coffer_registry *registry = new_registry(NULL);
	struct counted fallback = { 0 };

	(void)state;
	coffer_registry_fallback(registry, ask, &fallback);
	resolves_to(registry, "A", "value of A, 1");
	resolves_to(registry, "A", "value of A, 2");
	assert_int_equal(fallback.asked, 2);
	fallback.err = COFFER_UNAVAILABLE;
	fallback.why = "the tunnel is down";
	fails(registry, "A", COFFER_UNAVAILABLE, "the tunnel is down");
	assert_int_equal(fallback.asked, 3);
	fallback.err = COFFER_NOT_FOUND;
	fallback.why = NULL;
	fails(registry, "A", COFFER_NOT_FOUND, "unknown secret 'A'");
	assert_int_equal(fallback.asked, 4);
	coffer_registry_free(registry);
}

static void a_declared_source_that_fails_is_the_answer(void **state)
{
	static const struct {
		coffer_err err;
		const char *why, *message;
	} cases[] = {
		{ COFFER_UNAVAILABLE, "no route", "no route" },
		{ COFFER_NOT_FOUND, NULL, "unknown secret 'A'" },
		{ COFFER_NOT_FOUND, "", "unknown secret 'A'" },
		{ COFFER_INTERNAL, NULL,
		  "the source of 'A' failed: a defect or a failed system call in coffer" },
	};
	struct coffer_registry *registry = new_registry(NULL);
	struct counted fallback = { 0 }, source = { 0 };

	(void)state;
	coffer_registry_fallback(registry, ask, &fallback);
	assert_int_equal(coffer_registry_declare_source(registry, "A", ask, &source), COFFER_OK);
	resolves_to(registry, "A", "value of A, 1");
	resolves_to(registry, "A", "value of A, 2"); /* asked at each resolve */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		source.err = cases[i].err;
		source.why = cases[i].why;
		fails(registry, "A", cases[i].err, cases[i].message);
	}
	assert_int_equal(fallback.asked, 0);
	coffer_registry_free(registry);
}

static coffer_err succeed_without_value(void *context, const char *name, struct coffer_value *out,
					const char **why)
{
	(void)context, (void)name, (void)out, (void)why;
	return COFFER_OK;
}

static coffer_err fail_with_value(void *context, const char *name, struct coffer_value *out,
				  const char **why)
{
	(void)context, (void)name, (void)why;
	assert_int_equal(coffer_value_copy(out, (const uint8_t *)"half", 4), COFFER_OK);
	return COFFER_DATA_LOSS;
}

static void a_source_that_breaks_its_promise_harms_nobody(void **state)
{
	struct coffer_registry *registry = new_registry(NULL);

	(void)state;
	coffer_registry_fallback(registry, succeed_without_value, NULL);
	fails(registry, "A", COFFER_INTERNAL, "the source of 'A' gave no value");
	coffer_registry_fallback(registry, fail_with_value, NULL);
	fails(registry, "A", COFFER_DATA_LOSS,
	      "the source of 'A' failed: stored data is damaged or was tampered with");
	coffer_registry_free(registry);
}

static void a_later_declaration_replaces_the_earlier_one(void **state)
{
	struct coffer_registry *registry = new_registry(NULL);
	struct counted source = { 0 };

	(void)state;
	declare(registry, "A", "first");
	declare(registry, "B", "");
	declare(registry, "A", "second");
	resolves_to(registry, "A", "second");
	resolves_to(registry, "B", "");
	assert_int_equal(coffer_registry_declare_source(registry, "A", ask, &source), COFFER_OK);
	resolves_to(registry, "A", "value of A, 1");
	declare(registry, "A", "third");
	resolves_to(registry, "A", "third");
	assert_int_equal(source.asked, 1);
	assert_string_equal(coffer_registry_name(registry, 0), "A");
	assert_string_equal(coffer_registry_name(registry, 1), "B");
	assert_null(coffer_registry_name(registry, 2));
	coffer_registry_free(registry);
}

static void many_names_can_be_declared(void **state)
{
	struct coffer_registry *registry = new_registry(NULL);
	char name[24];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "NAME_%d", i);
		declare(registry, name, name);
	}
	resolves_to(registry, "NAME_0", "NAME_0");
	resolves_to(registry, "NAME_99", "NAME_99");
	assert_string_equal(coffer_registry_name(registry, 57), "NAME_57");
	coffer_registry_free(registry);
}

static void what_is_no_name_is_refused_everywhere(void **state)
{
	static const char *const names[] = { "", NULL, "A B", "1", "__coffer_x" };
	struct coffer_registry *registry = new_registry(NULL);
	struct counted fallback = { 0 };
	struct coffer_value value;

	(void)state;
	coffer_registry_fallback(registry, ask, &fallback);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(coffer_registry_resolve(registry, names[i], &value),
				 COFFER_INVALID_ARGUMENT);
		assert_int_equal(coffer_registry_declare(registry, names[i], NULL, 0),
				 COFFER_INVALID_ARGUMENT);
		assert_int_equal(coffer_registry_declare_source(registry, names[i], ask, NULL),
				 COFFER_INVALID_ARGUMENT);
		assert_ptr_equal(strstr(coffer_registry_message(registry), "the secret's name "),
				 coffer_registry_message(registry));
	}
	assert_int_equal(coffer_registry_declare_source(registry, "A", NULL, NULL),
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(fallback.asked, 0);
	assert_null(coffer_registry_name(registry, 0));
	coffer_registry_free(registry);
}

struct sink {
	char text[256];
	size_t len;
};

static coffer_err gather(void *context, const uint8_t *data, size_t len)
{
	struct sink *sink = context;

	assert_true(len < sizeof(sink->text) - sink->len);
	memcpy(sink->text + sink->len, data, len);
	sink->len += len;
	return COFFER_OK;
}

static void every_value_is_redacted_once_it_was_handed_out(void **state)
{
	static const char text[] = "[declared-value][value of SOURCE, 1][value of OTHER, 1]";
	struct coffer_redactor *redactor;
	struct coffer_redact_stream *stream;
	struct coffer_registry *registry;
	struct counted source = { 0 }, fallback = { 0 };
	struct sink sink = { .len = 0 };

	(void)state;
	assert_int_equal(coffer_redactor_new(&redactor), COFFER_OK);
	registry = new_registry(redactor);
	declare(registry, "DECLARED", "declared-value");
	assert_int_equal(coffer_registry_declare_source(registry, "SOURCE", ask, &source),
			 COFFER_OK);
	coffer_registry_fallback(registry, ask, &fallback);
	resolves_to(registry, "DECLARED", "declared-value");
	resolves_to(registry, "SOURCE", "value of SOURCE, 1");
	resolves_to(registry, "OTHER", "value of OTHER, 1");
	assert_int_equal(coffer_redact_stream_new(&stream, redactor, gather, &sink), COFFER_OK);
	assert_int_equal(coffer_redact_feed(stream, (const uint8_t *)text, strlen(text)),
			 COFFER_OK);
	assert_int_equal(coffer_redact_end(stream), COFFER_OK);
	sink.text[sink.len] = '\0';
	assert_string_equal(sink.text, "[***REDACTED***][***REDACTED***][***REDACTED***]");
	coffer_redact_stream_free(stream);
	coffer_registry_free(registry);
	coffer_redactor_free(redactor);
}

static void a_value_too_short_to_redact_is_handed_out_and_told(void **state)
{
	struct coffer_redactor *redactor;
	struct coffer_registry *registry;

	(void)state;
	assert_int_equal(coffer_redactor_new(&redactor), COFFER_OK);
	registry = new_registry(redactor);
	declare(registry, "PIN", "1234");
	resolves_to(registry, "PIN", "1234");
	assert_non_null(strstr(coffer_redactor_message(redactor), "PIN"));
	coffer_registry_free(registry);
	coffer_redactor_free(redactor);
}

static void answer(struct fake_conn *conn, struct slice name)
{
	if (slice_equal(name, SLICE_LITERAL("A")))
		fake_answer_secret(conn, SLICE_LITERAL("from the daemon"));
	else
		fake_refuse(conn, conn->id, COFFER_PERMISSION_DENIED, "not for this run");
}

static void serve(struct fake_conn *conn)
{
	fake_serve_secrets(conn, answer);
}

static void a_session_is_a_source(void **state)
{
	struct fake fake = fake_start(serve, 0);
	struct coffer_session *session = fake_open(&fake);
	struct coffer_registry *registry = new_registry(NULL);
	struct coffer_value value;

	(void)state;
	coffer_registry_fallback(registry, coffer_session_source, session);
	assert_int_equal(coffer_registry_resolve(registry, "A", &value), COFFER_OK);
	assert_string_equal(value.data, "from the daemon");
	assert_int_equal(value.version, 7);
	assert_string_equal(value.scope, "global");
	coffer_value_free(&value);
	fails(registry, "B", COFFER_PERMISSION_DENIED, "not for this run");
	assert_int_equal(fake.seen->requests, 1 + 2);
	coffer_registry_free(registry);
	coffer_close(session);
	fake_stop(&fake);
}

static void none_can_be_freed_and_asked_why(void **state)
{
	(void)state;
	coffer_registry_free(NULL);
	assert_string_equal(coffer_registry_message(NULL), "out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_declared_comes_before_the_fallback),
		cmocka_unit_test(without_any_source_a_name_is_unknown),
		cmocka_unit_test(the_fallback_is_asked_once_for_each_resolve_and_nothing_is_kept),
		cmocka_unit_test(a_declared_source_that_fails_is_the_answer),
		cmocka_unit_test(a_source_that_breaks_its_promise_harms_nobody),
		cmocka_unit_test(a_later_declaration_replaces_the_earlier_one),
		cmocka_unit_test(many_names_can_be_declared),
		cmocka_unit_test(what_is_no_name_is_refused_everywhere),
		cmocka_unit_test(every_value_is_redacted_once_it_was_handed_out),
		cmocka_unit_test(a_value_too_short_to_redact_is_handed_out_and_told),
		cmocka_unit_test(a_session_is_a_source),
		cmocka_unit_test(none_can_be_freed_and_asked_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
