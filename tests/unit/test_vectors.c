/* Golden vectors of Python protobuf (tests/vectors/) through coffer_wire: every one is read, and what was
 * read is written back as the same bytes. */
#include "codec.h"
#include "frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#define LINE_MAX_BYTES 32768
#define FIELDS_MAX     64

/* clang-format off */
#define BODIES(X) \
	X(HelloRequest) X(HelloResponse) X(BootstrapRequest) X(RunMeta) X(Sentry) X(Pair) \
	X(BootstrapResponse) X(GetSecretRequest) X(GetSecretResponse) X(Secret) \
	X(GetSecretsRequest) X(GetSecretsResponse) X(SecretInfo) X(ListSecretsRequest) \
	X(ListSecretsResponse) X(GetEnvironmentRequest) X(GetEnvironmentResponse) \
	X(SecretWrite) X(PutSecretRequest) X(PutSecretResponse) X(DeleteSecretRequest) \
	X(DeleteSecretResponse) X(ListVersionsRequest) X(ListVersionsResponse) \
	X(RollbackSecretRequest) X(RollbackSecretResponse) X(ListAllSecretsRequest) \
	X(ListAllSecretsResponse) X(RevealSecretRequest) X(RevealSecretResponse) \
	X(CreateRunRequest) X(CreateRunResponse) X(FinishRunRequest) X(FinishRunResponse) \
	X(RunInfo) X(ListRunsRequest) X(ListRunsResponse) X(RevokeGrantRequest) \
	X(RevokeGrantResponse) X(ReadAuditRequest) X(ReadAuditResponse) X(VerifyAuditRequest) \
	X(VerifyAuditResponse) X(StatusRequest) X(MethodStatus) X(StatusResponse) \
	X(WaitForChangeRequest) X(WaitForChangeResponse) X(CreateServiceRequest) \
	X(CreateServiceResponse) X(GrantInfo) X(ListGrantsRequest) X(ListGrantsResponse) \
	X(RenewGrantRequest) X(RenewGrantResponse) X(WhyRequest) X(WhyGrantRequest) \
	X(WhyScope) X(WhyResponse) X(RewrapKeyRequest) X(RewrapKeyResponse) X(RotateKeyRequest) X(RotateKeyResponse) \
	X(BeginBackupRequest) X(BeginBackupResponse) X(ReadBackupRequest) \
	X(ReadBackupResponse) X(FinishBackupRequest) X(FinishBackupResponse) \
	X(MigrateRequest) X(Migration) X(MigrateResponse) X(SyncRequest) X(SyncResponse) \
	X(MirrorStatus) X(MirrorTask) X(MirrorResult) X(MirrorTasksRequest) \
	X(MirrorTasksResponse) X(MirrorOfferRequest) X(MirrorOfferResponse) X(MirrorObject) \
	X(MirrorApplyRequest) X(MirrorApplyResponse)
/* clang-format on */

#define MEMBER(name) coffer_v1_##name name;
union any_message {
	BODIES(MEMBER)
};

/* The tags of each message's repeated fields, which codec_append leaves to its caller. */
#define TAG_IF_SINGULAR(tag)                               0
#define TAG_IF_OPTIONAL(tag)                               0
#define TAG_IF_REPEATED(tag)                               tag
#define REPEATED_TAG(a, allocation, rule, type, name, tag) TAG_IF_##rule(tag),
#define REPEATED(name)                                                            \
	static const uint32_t repeated_##name[] = { coffer_v1_##name##_FIELDLIST( \
	    REPEATED_TAG, ) 0 };
BODIES(REPEATED)

static const struct body {
	const char *name;
	const pb_msgdesc_t *desc;
	size_t size;
	const uint32_t *repeated; /* tags, 0 for a singular field */
	size_t repeated_len;
} bodies[] = {
#define BODY(name)                                                                     \
	{ #name, coffer_v1_##name##_fields, sizeof(coffer_v1_##name), repeated_##name, \
	  sizeof(repeated_##name) / sizeof(repeated_##name[0]) },
	BODIES(BODY)
};

struct line {
	char what[64], name[64];
	uint8_t bytes[LINE_MAX_BYTES];
	size_t len;
};

static bool next_line(FILE *file, struct line *line)
{
	static char hex[2 * LINE_MAX_BYTES];

	if (fscanf(file, "%63s %63s %65535s", line->what, line->name, hex) != 3)
		return false;
	line->len = 0;
	if (strcmp(hex, "-") != 0)
		assert_int_equal(sodium_hex2bin(line->bytes, sizeof(line->bytes), hex, strlen(hex),
						NULL, &line->len, NULL),
				 0);
	return true;
}

/* The size of the encoded field at the start of in, and its tag. */
static size_t field_size(struct slice in, uint64_t *tag)
{
	uint64_t number[2] = { 0 };
	size_t at = 0;

	for (unsigned i = 0, shift = 0; i < 2;) {
		assert_true(at < in.len && shift < 64);
		number[i] |= (uint64_t)(in.data[at] & 0x7f) << shift;
		shift = in.data[at] & 0x80 ? shift + 7 : 0;
		i += in.data[at++] & 0x80 ? 0 : 1;
	}
	*tag = number[0] >> 3;
	assert_true((number[0] & 7) == 0 || (number[0] & 7) == 2);
	at += (number[0] & 7) == 2 ? (size_t)number[1] : 0;
	assert_true(at <= in.len);
	return at;
}

/* Sorts encoded fields by tag, as every other implementation writes them. */
static void sort_fields(struct slice in, struct buf *out)
{
	for (uint64_t wanted = 1; wanted <= FIELDS_MAX; wanted++) {
		for (size_t at = 0, size; at < in.len; at += size) {
			uint64_t tag;
			size = field_size((struct slice){ in.data + at, in.len - at }, &tag);
			if (tag != wanted)
				continue;
			assert_true(out->cap - out->len >= size);
			memcpy(out->data + out->len, in.data + at, size);
			out->len += size;
		}
	}
}

static void check_body(const struct line *line, const struct body *body)
{
	static uint8_t written[LINE_MAX_BYTES], sorted[LINE_MAX_BYTES];
	struct buf out = { written, 0, sizeof(written) }, result = { sorted, 0, sizeof(sorted) };
	struct slice in = { line->bytes, line->len }, rest, element;
	union any_message message;

	assert_int_equal(codec_decode(in, body->desc, &message, body->size), COFFER_OK);
	assert_int_equal(codec_append(&out, body->desc, &message), COFFER_OK);
	for (size_t i = 0; i < body->repeated_len; i++) {
		rest = in;
		while (body->repeated[i] != 0 && codec_next(&rest, body->repeated[i], &element))
			assert_int_equal(codec_append_bytes(&out, body->repeated[i], element),
					 COFFER_OK);
	}
	sort_fields((struct slice){ out.data, out.len }, &result);
	assert_int_equal(result.len, line->len);
	assert_memory_equal(result.data, line->bytes, line->len);
}

/* The content of the line's one frame. */
static struct slice unframe(const struct line *line)
{
	size_t header, body;

	assert_int_equal(frame_parse((struct slice){ line->bytes, line->len }, FRAME_BODY_MAX,
				     &header, &body),
			 COFFER_OK);
	assert_int_equal(header + body, line->len);
	return (struct slice){ line->bytes + header, body };
}

static void check_request(const struct line *line)
{
	static uint8_t written[LINE_MAX_BYTES];
	struct buf out = { written, 0, sizeof(written) };
	coffer_v1_Request request;

	assert_int_equal(codec_decode(unframe(line), coffer_v1_Request_fields, &request,
				      sizeof(request)),
			 COFFER_OK);
	assert_true(slice_equal(request.method, slice_str(line->name)));
	assert_int_equal(codec_append_request(&out, request.id, request.method, request.body),
			 COFFER_OK);
	assert_int_equal(out.len, line->len);
	assert_memory_equal(out.data, line->bytes, line->len);
}

static void check_response(const struct line *line)
{
	static uint8_t written[LINE_MAX_BYTES];
	struct buf out = { written, 0, sizeof(written) };
	coffer_v1_Response response;
	size_t mark;

	assert_int_equal(codec_decode(unframe(line), coffer_v1_Response_fields, &response,
				      sizeof(response)),
			 COFFER_OK);
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	if (response.body.len > 0)
		memcpy(out.data + out.len, response.body.data, response.body.len);
	out.len += response.body.len;
	assert_int_equal(codec_reply_end(&out, mark, response.id, (coffer_err)response.code,
					 response.message),
			 COFFER_OK);
	assert_int_equal(out.len, line->len);
	assert_memory_equal(out.data, line->bytes, line->len);
}

static void check_line(const struct line *line)
{
	if (strcmp(line->what, "Request") == 0) {
		check_request(line);
		return;
	}
	if (strcmp(line->what, "Response") == 0) {
		check_response(line);
		return;
	}
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		if (strcmp(bodies[i].name, line->what) == 0) {
			check_body(line, &bodies[i]);
			return;
		}
	}
	fail_msg("no such message here: %s", line->what);
}

/* Checks every vector whose first word is what, or that of no envelope (NULL); how many there were. */
static size_t check_lines(const char *what)
{
	static struct line line;
	FILE *file = fopen(VECTORS_FILE, "r");
	size_t count = 0;

	assert_non_null(file);
	while (next_line(file, &line)) {
		bool envelope =
		    strcmp(line.what, "Request") == 0 || strcmp(line.what, "Response") == 0;
		if (what != NULL ? strcmp(line.what, what) != 0 : envelope)
			continue;
		check_line(&line);
		count++;
	}
	assert_true(feof(file));
	fclose(file);
	return count;
}

static void every_message_reads_and_writes_back_as_the_same_bytes(void **state)
{
	(void)state;
	assert_true(check_lines(NULL) >= 3 * sizeof(bodies) / sizeof(bodies[0]));
}

static void every_request_frame_reads_and_writes_back_as_the_same_bytes(void **state)
{
	(void)state;
	assert_true(check_lines("Request") > 0);
}

static void every_response_frame_reads_and_writes_back_as_the_same_bytes(void **state)
{
	(void)state;
	assert_true(check_lines("Response") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_reads_and_writes_back_as_the_same_bytes),
		cmocka_unit_test(every_request_frame_reads_and_writes_back_as_the_same_bytes),
		cmocka_unit_test(every_response_frame_reads_and_writes_back_as_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
