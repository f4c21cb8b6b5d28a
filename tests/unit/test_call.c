/* What handlers say to the caller and to the audit log. */
#include "rpc/call.h"

#include "world_test.h"

static void a_message_is_replaced_by_the_next_and_cut_to_its_room(void **state)
{
	struct call call;
	char longer[COFFER_MESSAGE_MAX + 10];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(call_fail(&call, COFFER_ABORTED, "%s", "first"), COFFER_ABORTED);
	assert_int_equal(call_fail(&call, COFFER_GONE, "number %d", 7), COFFER_GONE);
	assert_slice((struct slice){ (uint8_t *)call.message, call.message_len }, "number 7");
	call_say(&call, "%s", ", and more");
	assert_slice((struct slice){ (uint8_t *)call.message, call.message_len },
		     "number 7, and more");
	call_say(&call, "%s", longer);
	assert_int_equal(call.message_len, COFFER_MESSAGE_MAX - 1);
	call_say(&call, "%s", "nothing fits");
	assert_int_equal(call.message_len, COFFER_MESSAGE_MAX - 1);
	call_reason(&call, "%s", longer);
	assert_int_equal(strlen(call.record.reason), sizeof(call.record.reason) - 1);
}

/* What is malformed may be a value in the wrong place. */
static void a_malformed_name_is_not_repeated(void **state)
{
	static const char bad[] = "sup3r=secret";
	struct call call = { .message_len = 0 };

	(void)state;
	assert_int_equal(call_check_name(&call, TEXT(bad)), COFFER_INVALID_ARGUMENT);
	assert_null(memmem(call.message, call.message_len, "sup3r", 5));
	assert_int_equal(call_check_scope(&call, TEXT(bad), false), COFFER_INVALID_ARGUMENT);
	assert_null(memmem(call.message, call.message_len, "sup3r", 5));
	assert_int_equal(call_check_id(&call, "run id", TEXT(bad)), COFFER_INVALID_ARGUMENT);
	assert_slice((struct slice){ (uint8_t *)call.message, call.message_len },
		     "the run id is not a UUID");
	assert_int_equal(call_check_text(&call, "ref", TEXT("a\nsup3r"), 99),
			 COFFER_INVALID_ARGUMENT);
	assert_null(memmem(call.message, call.message_len, "sup3r", 5));
}

static void a_page_takes_back_the_item_that_does_not_fit(void **state)
{
	uint8_t bytes[CALL_TAIL_MAX + 20];
	struct buf out = { bytes, 4, sizeof(bytes) };
	struct call call = { .out = &out };
	struct call_page page = call_page_begin(&call);
	coffer_err err = COFFER_OK;
	size_t items = 0;

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(out.cap, 20);
	while (err == COFFER_OK) {
		call_page_item(&call, &page);
		err = codec_append_bytes(&out, 1, TEXT("abc"));
		if (err == COFFER_OK)
			err = codec_append_bytes(&out, 2, TEXT("de"));
		items += err == COFFER_OK;
	}
	assert_int_equal(items, 1);
	assert_int_equal(out.len, 4 + 9 + 5);
	assert_true(call_page_full(&call, &page, err));
	assert_int_equal(out.len, 4 + 9);
	for (size_t i = out.len; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0); /* nothing is left behind */
	call_page_end(&call, &page);
	assert_int_equal(out.cap, sizeof(bytes));
}

static void an_item_that_is_too_large_for_any_page_is_an_error(void **state)
{
	uint8_t bytes[CALL_TAIL_MAX + 8];
	struct buf out = { bytes, 0, sizeof(bytes) };
	struct call call = { .out = &out };
	struct call_page page = call_page_begin(&call);

	(void)state;
	call_page_item(&call, &page);
	assert_int_equal(codec_append_bytes(&out, 1, TEXT("0123456789")),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_false(call_page_full(&call, &page, COFFER_RESOURCE_EXHAUSTED));
	assert_false(call_page_full(&call, &page, COFFER_DATA_LOSS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_replaced_by_the_next_and_cut_to_its_room),
		cmocka_unit_test(a_malformed_name_is_not_repeated),
		cmocka_unit_test(a_page_takes_back_the_item_that_does_not_fit),
		cmocka_unit_test(an_item_that_is_too_large_for_any_page_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
