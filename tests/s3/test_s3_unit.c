/* coffer-s3's parsers and the signature, each in a table. How they work together, test_worker*.py shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sandbox.h"
#include "s3/answer.h"
#include "s3/keys.h"
#include "s3/op.h"
#include "s3/page.h"
#include "s3/settings.h"
#include "s3/sign.h"
#include "s3/xml.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID   "00112233445566778899aabbccddeeff"

/* The example of AWS's documentation of the signature: a GET of test.txt in examplebucket. */
static void a_signature_is_that_of_the_documentation(void **state)
{
	struct settings settings = { .region = (char[]){ "us-east-1" },
				     .access_key_id = (char[]){ "AKIAIOSFODNN7EXAMPLE" },
				     .secret_access_key =
					 (char[]){ "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" } };
	char digest[SIGN_DIGEST_LEN + 1], date[SIGN_DATE_LEN + 1], *out;
	const struct sign_header headers[] = {
		{ "host", "examplebucket.s3.amazonaws.com" },
		{ "range", "bytes=0-9" },
		{ "x-amz-content-sha256", digest },
		{ "x-amz-date", date },
	};
	const struct sign_request request = { "GET", "/test.txt", "", headers, 4, digest, date };

	(void)state;
	assert_int_equal(sign_digest(SLICE_EMPTY, digest), COFFER_OK);
	sign_date(1369353600, date);
	assert_string_equal(date, "20130524T000000Z");
	assert_int_equal(sign_make(&settings, &request, &out), COFFER_OK);
	assert_string_equal(
	    out,
	    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
	    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	free(out);
}

static void keys_that_are_coffers_are_kept_as_they_are(void **state)
{
	static const struct {
		keys_kind kind;
		const char *key;
	} cases[] = {
		{ KEYS_RECORD, "v1/" HASH "/00000000000000000001" },
		{ KEYS_RECORD, "v1/" HASH "/00000000000000000255" },
		{ KEYS_RECORD, "v1/" HASH "/18446744073709551615" },
		{ KEYS_BATCH, "v1/batch/" ID },
	};
	char text[KEYS_TEXT_MAX + 1];
	struct keys keys = { .list = NULL };
	coffer_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(keys_add(&keys, cases[i].kind, slice_str(cases[i].key), &err));
		assert_int_equal(err, COFFER_OK);
		keys_format(&keys.list[i], text);
		assert_string_equal(text, cases[i].key);
	}
	keys_free(&keys);
}

static void keys_that_are_not_coffers_are_passed_over(void **state)
{
	static const struct {
		keys_kind kind;
		const char *key;
	} cases[] = {
		{ KEYS_RECORD, "" },
		{ KEYS_RECORD, "v1/" },
		{ KEYS_RECORD, "v1/" HASH },
		{ KEYS_RECORD, "v1/" HASH "/" },
		{ KEYS_RECORD, "v1/" HASH "/1" },
		{ KEYS_RECORD, "v1/" HASH "/00000000000000000000" },
		{ KEYS_RECORD, "v1/" HASH "/18446744073709551616" },
		{ KEYS_RECORD, "v1/" HASH "/99999999999999999999" },
		{ KEYS_RECORD, "v1/" HASH "/000000000000000000001" },
		{ KEYS_RECORD, "v1/" HASH "/0000000000000000000a" },
		{ KEYS_RECORD, "v1/" HASH "f/00000000000000000001" },
		{ KEYS_RECORD, "v1/" ID "/00000000000000000001" },
		{ KEYS_RECORD, "v1/AA112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
			       "/00000000000000000001" },
		{ KEYS_RECORD, "v2/" HASH "/00000000000000000001" },
		{ KEYS_RECORD, "v1/batch/" ID },
		{ KEYS_RECORD, "v1/root/00000000000000000001" },
		{ KEYS_BATCH, "v1/batch/" },
		{ KEYS_BATCH, "v1/batch/" ID "00" },
		{ KEYS_BATCH, "v1/batch/0" },
		{ KEYS_BATCH, "v1/" HASH "/00000000000000000001" },
	};
	struct keys keys = { .list = NULL };
	coffer_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(keys_add(&keys, cases[i].kind, slice_str(cases[i].key), &err));
		assert_int_equal(err, COFFER_OK);
	}
	assert_int_equal(keys.len, 0);
	keys_free(&keys);
}

static void add_record(struct keys *keys, unsigned version)
{
	char key[KEYS_TEXT_MAX + 1];
	coffer_err err;

	assert_true(snprintf(key, sizeof(key), "v1/" HASH "/%020u", version) > 0);
	assert_true(keys_add(keys, KEYS_RECORD, slice_str(key), &err));
}

static void what_was_known_stays_known_for_as_long_as_it_is_listed(void **state)
{
	struct keys before = { .list = NULL }, now = { .list = NULL };

	(void)state;
	for (unsigned i = 600; i > 0; i--) /* more than fit at first */
		add_record(&before, i);
	add_record(&before, 7);
	keys_sort(&before);
	assert_int_equal(before.len, 600);
	for (size_t i = 0; i < 600; i++)
		before.list[i].known = i % 2; /* the even versions */
	for (unsigned i = 5; i <= 1000; i += 5)
		add_record(&now, i);
	keys_sort(&now);
	keys_mark_known(&now, &before);
	for (size_t i = 0; i < now.len; i++)
		assert_int_equal(now.list[i].known, (i + 1) * 5 <= 600 && (i + 1) % 2 == 0);
	keys_forget(&now);
	for (size_t i = 0; i < now.len; i++)
		assert_false(now.list[i].known);
	keys_free(&before);
	keys_free(&now);
}

static void batches_come_before_records(void **state)
{
	struct keys keys = { .list = NULL };
	coffer_err err;

	(void)state;
	add_record(&keys, 1);
	assert_true(keys_add(&keys, KEYS_BATCH,
			     SLICE_LITERAL("v1/batch/ffffffffffffffffffffffffffffffff"), &err));
	keys_sort(&keys);
	assert_int_equal(keys.list[0].kind, KEYS_BATCH);
	assert_int_equal(keys.list[1].kind, KEYS_RECORD);
	keys_free(&keys);
}

struct listed {
	size_t len;
	char last[64];
};

static void on_key(void *user, struct slice key)
{
	struct listed *listed = user;

	listed->len++;
	assert_true(snprintf(listed->last, sizeof(listed->last), "%.*s", SLICE_ARG(key)) >= 0);
}

#define PAGE(content)                                                                              \
	"<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/\">" content \
	"</ListBucketResult>"
#define KEY(name)    "<Contents><Key>" name "</Key><Size>1</Size></Contents>"
#define ERASED(name) "<Contents><Key>" name "</Key><Size>0</Size></Contents>"
#define LAST         "<IsTruncated>false</IsTruncated>"
#define MORE         "<IsTruncated>true</IsTruncated>"
#define TOKEN(t)     "<NextContinuationToken>" t "</NextContinuationToken>"

static void pages_are_read(void **state)
{
	static const struct {
		const char *document;
		coffer_err want;
		size_t keys;
		const char *last, *next;
	} cases[] = {
		{ PAGE(LAST), COFFER_OK, 0, "", NULL },
		{ PAGE(KEY("a") KEY("b") LAST), COFFER_OK, 2, "b", NULL },
		{ PAGE(LAST KEY("a&lt;&#98;&amp;")), COFFER_OK, 1, "a<b&", NULL },
		{ PAGE("<Key>no content</Key><Key>x</Key>" LAST), COFFER_OK, 0, "", NULL },
		{ PAGE(KEY("a") MORE TOKEN("t/+=")), COFFER_OK, 1, "a", "t/+=" },
		{ PAGE(MORE TOKEN("first") TOKEN("second")), COFFER_OK, 0, "", "first" },
		{ PAGE(KEY("a") ERASED("b") KEY("c") ERASED("d") LAST), COFFER_OK, 2, "c", NULL },
		{ PAGE("<Contents><Size>0</Size><Key>a</Key></Contents>" KEY("b") LAST), COFFER_OK,
		  1, "b", NULL },
		{ PAGE("<Contents><Size>0</Size></Contents><Contents><Key>a</Key></Contents>" LAST),
		  COFFER_OK, 1, "a", NULL },
		{ PAGE("<Contents><Key>a</Key><Size/><Owner><ID>0</ID></Owner></Contents>" LAST),
		  COFFER_OK, 1, "a", NULL },
		{ PAGE(KEY("a")), COFFER_INVALID_ARGUMENT, 1, "a", NULL },
		{ PAGE(KEY("a") MORE), COFFER_INVALID_ARGUMENT, 1, "a", NULL },
		{ PAGE(MORE TOKEN("")), COFFER_INVALID_ARGUMENT, 0, "", NULL },
		{ PAGE(LAST TOKEN("t")), COFFER_INVALID_ARGUMENT, 0, "", NULL },
		{ "<Error><Code>x</Code></Error>", COFFER_INVALID_ARGUMENT, 0, "", NULL },
		{ "", COFFER_INVALID_ARGUMENT, 0, "", NULL },
		{ "{}", COFFER_INVALID_ARGUMENT, 0, "", NULL },
		{ "<ListBucketResult>" LAST "</ListBucketResult>", COFFER_OK, 0, "", NULL },
		{ "<!DOCTYPE x><ListBucketResult>" LAST "</ListBucketResult>",
		  COFFER_INVALID_ARGUMENT, 0, "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listed listed = { .len = 0 };
		char *next;
		assert_int_equal(page_read(slice_str(cases[i].document), on_key, &listed, &next),
				 cases[i].want);
		assert_int_equal(listed.len, cases[i].keys);
		assert_string_equal(listed.last, cases[i].last);
		assert_true((next == NULL) == (cases[i].next == NULL));
		if (next != NULL)
			assert_string_equal(next, cases[i].next);
		free(next);
	}
}

static void every_part_of_a_page_is_no_page(void **state)
{
	static const char page[] = PAGE(KEY("a") KEY("b") LAST);

	(void)state;
	for (size_t len = 0; len < sizeof(page) - 1; len++) {
		struct listed listed = { .len = 0 };
		char *next;
		assert_int_equal(page_read((struct slice){ (const uint8_t *)page, len }, on_key,
					   &listed, &next),
				 COFFER_INVALID_ARGUMENT);
		assert_null(next);
	}
}

static void ignore(void *user, const char *parent, const char *leaf, struct slice text)
{
	(void)user;
	(void)parent;
	(void)leaf;
	(void)text;
}

static void xml_that_is_deep_or_long_is_refused(void **state)
{
	char text[2 * XML_TEXT_MAX], *at = text;
	size_t len;

	(void)state;
	for (size_t depth = 15; depth <= 18; depth++) {
		at = text;
		for (size_t i = 0; i < depth; i++)
			at = stpcpy(at, "<a>");
		for (size_t i = 0; i < depth; i++)
			at = stpcpy(at, "</a>");
		assert_int_equal(xml_read(slice_str(text), ignore, NULL),
				 depth <= 16 ? COFFER_OK : COFFER_INVALID_ARGUMENT);
	}
	for (len = XML_TEXT_MAX - 1; len <= XML_TEXT_MAX + 1; len++) {
		at = stpcpy(text, "<a>");
		memset(at, 'x', len);
		strcpy(at + len, "</a>");
		assert_int_equal(xml_read(slice_str(text), ignore, NULL),
				 len <= XML_TEXT_MAX ? COFFER_OK : COFFER_INVALID_ARGUMENT);
	}
	for (len = 62; len <= 65; len++) { /* a tag's name */
		text[0] = '<';
		memset(text + 1, 'x', len);
		strcpy(text + 1 + len, "/>");
		assert_int_equal(xml_read(slice_str(text), ignore, NULL),
				 len < 64 ? COFFER_OK : COFFER_INVALID_ARGUMENT);
	}
}

#define FAULT(code) "<Error><Code>" code "</Code></Error>"

static void answers_have_their_meaning(void **state)
{
	static const struct {
		long status;
		const char *body;
		coffer_err want;
		bool again;
		const char *words;
	} cases[] = {
		{ 200, "anything", COFFER_OK, false, "" },
		{ 204, "", COFFER_OK, false, "" },
		{ 404, FAULT("NoSuchKey"), COFFER_NOT_FOUND, false, "no such object" },
		{ 404, FAULT("NoSuchBucket"), COFFER_FAILED_PRECONDITION, false,
		  "there is no bucket 'b' at http://e" },
		{ 404, "<html/>", COFFER_FAILED_PRECONDITION, false, "not S3's" },
		{ 404, "", COFFER_FAILED_PRECONDITION, false, "not S3's" },
		{ 412, FAULT("PreconditionFailed"), COFFER_ALREADY_EXISTS, false, "exists" },
		{ 412, "", COFFER_ALREADY_EXISTS, false, "exists" },
		{ 409, FAULT("ConditionalRequestConflict"), COFFER_UNAVAILABLE, true, "another" },
		{ 403, FAULT("AccessDenied"), COFFER_PERMISSION_DENIED, false, "denies" },
		{ 403, FAULT("SignatureDoesNotMatch"), COFFER_PERMISSION_DENIED, false, "secret" },
		{ 403, FAULT("InvalidAccessKeyId"), COFFER_PERMISSION_DENIED, false, "key id" },
		{ 403, FAULT("RequestTimeTooSkewed"), COFFER_PERMISSION_DENIED, false, "clock" },
		{ 400, FAULT("ExpiredToken"), COFFER_PERMISSION_DENIED, false, "expired" },
		{ 403, "", COFFER_PERMISSION_DENIED, false, "HTTP 403" },
		{ 403, FAULT("Odd"), COFFER_PERMISSION_DENIED, false, "HTTP 403, Odd" },
		{ 301, "", COFFER_FAILED_PRECONDITION, false, "in region r: HTTP 301" },
		{ 400,
		  "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-1</Region></Error>",
		  COFFER_FAILED_PRECONDITION, false, "try region eu-1" },
		{ 501, FAULT("NotImplemented"), COFFER_UNIMPLEMENTED, false, "single-writer" },
		{ 500, "", COFFER_UNAVAILABLE, true, "HTTP 500" },
		{ 502, "<html>\n", COFFER_UNAVAILABLE, true, "HTTP 502" },
		{ 503, FAULT("SlowDown"), COFFER_UNAVAILABLE, true, "slow down" },
		{ 503, FAULT("Other"), COFFER_UNAVAILABLE, true, "HTTP 503, Other" },
		{ 429, "", COFFER_UNAVAILABLE, true, "HTTP 429" },
		{ 400, FAULT("a&#9;b\xc3\xa4") /* no control character */,
		  COFFER_FAILED_PRECONDITION, false, "HTTP 400, a?b??" },
		{ 418, "", COFFER_FAILED_PRECONDITION, false, "HTTP 418" },
	};
	const struct settings settings = { .bucket = (char[]){ "b" },
					   .endpoint = (char[]){ "http://e" },
					   .region = (char[]){ "r" } };
	struct answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer_read(&answer, &settings, cases[i].status, slice_str(cases[i].body));
		assert_int_equal(answer.code, cases[i].want);
		assert_int_equal(answer.again, cases[i].again);
		assert_non_null(strstr(answer.text, cases[i].words));
	}
}

static void settings_have_defaults(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(settings_parse(&s, SLICE_LITERAL("bucket = b\naccess_key_id=a\r\n"
							  "secret_access_key\t=\ts = ; t\t\n"
							  "region = eu-west-9\n")),
			 COFFER_OK);
	assert_string_equal(s.endpoint, "https://s3.eu-west-9.amazonaws.com");
	assert_string_equal(s.secret_access_key, "s = ; t");
	assert_string_equal(s.prefix, "coffer");
	assert_false(s.path_style);
	assert_int_equal(s.encryption, ENCRYPT_NONE);
	assert_int_equal(s.sync_interval_ms, 30000);
	assert_int_equal(s.parallel, 16);
	settings_free(&s);
	assert_int_equal(settings_parse(&s, SLICE_LITERAL("bucket=b\naccess_key_id=a\n"
							  "endpoint = http://[::1]:9000/\n"
							  "bucket = c\nsecret_access_key = s")),
			 COFFER_OK);
	assert_string_equal(s.endpoint, "http://[::1]:9000");
	assert_string_equal(s.bucket, "c");
	assert_true(s.path_style);
	settings_free(&s);
	assert_null(s.bucket);
}

static void never(struct op *op, void *user)
{
	(void)op;
	(void)user;
	fail();
}

static void who_waits_for_a_turn_gets_that_of_one_that_is_freed(void **state)
{
	struct settings settings;
	struct bucket bucket;
	struct ops ops;
	struct op *all[3];
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);

	(void)state;
	assert_int_equal(settings_parse(&settings, SLICE_LITERAL("bucket=b\naccess_key_id=a\n"
								 "secret_access_key=s\n"
								 "endpoint=http://127.0.0.1:1\n"
								 "parallel=1\n")),
			 COFFER_OK);
	assert_int_equal(bucket_open(&bucket, &settings), COFFER_OK);
	assert_int_equal(ops_open(&ops, loop, &bucket), COFFER_OK);
	for (size_t i = 0; i < 3; i++) {
		all[i] = op_new(&ops, OP_GET, SLICE_LITERAL("v1/a"));
		op_begin(all[i], never, NULL);
		assert_int_equal(all[i]->started, i == 0);
	}
	op_free(all[1]);
	assert_false(all[2]->started);
	op_free(all[0]);
	assert_true(all[2]->started);
	op_free(all[2]);
	ops_close(&ops);
	bucket_close(&bucket);
	settings_free(&settings);
	ev_loop_destroy(loop);
}

#ifndef COFFER_SANITIZE
/* How a child that is confined has ended, which then did that. */
static int outcome_of(void (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (process_harden() != COFFER_OK || sandbox_forbid() != COFFER_OK)
			_exit(2);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void run_a_program(void)
{
	char program[] = "/bin/true";
	char *argv[] = { program, NULL };

	execv(program, argv);
}

static void reach_into_the_parent(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void use_the_network_and_a_child(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	_exit(fd >= 0 && waitpid(pid, NULL, 0) == pid ? 0 : 1);
}

static void whoever_takes_it_over_can_run_no_program(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(run_a_program), -SIGSYS);
	assert_int_equal(outcome_of(reach_into_the_parent), -SIGSYS);
	assert_int_equal(outcome_of(use_the_network_and_a_child), 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_that_of_the_documentation),
		cmocka_unit_test(keys_that_are_coffers_are_kept_as_they_are),
		cmocka_unit_test(keys_that_are_not_coffers_are_passed_over),
		cmocka_unit_test(what_was_known_stays_known_for_as_long_as_it_is_listed),
		cmocka_unit_test(batches_come_before_records),
		cmocka_unit_test(pages_are_read),
		cmocka_unit_test(every_part_of_a_page_is_no_page),
		cmocka_unit_test(xml_that_is_deep_or_long_is_refused),
		cmocka_unit_test(answers_have_their_meaning),
		cmocka_unit_test(settings_have_defaults),
		cmocka_unit_test(who_waits_for_a_turn_gets_that_of_one_that_is_freed),
#ifndef COFFER_SANITIZE /* see base/sandbox.h */
		cmocka_unit_test(whoever_takes_it_over_can_run_no_program),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
