/* Every message of coffer.proto: the first byte of the input chooses which, the rest is the message. It is
 * decoded, all its elements are walked over and decoded in turn, and what was read is written again. */
#include "codec.h"
#include "frame.h"

#include <pb_common.h>

#include "check.h"

/* clang-format off */
#define MESSAGES(X) \
	X(Request) X(Response) \
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
	X(MigrateRequest) X(Migration) X(MigrateResponse)
/* clang-format on */

#define MEMBER(name) coffer_v1_##name name;
union any_message {
	MESSAGES(MEMBER)
};

#define ROW(name) { coffer_v1_##name##_fields, sizeof(coffer_v1_##name) },
static const struct {
	const pb_msgdesc_t *desc;
	size_t size;
} messages[] = { MESSAGES(ROW) };

/* coffer.proto nests no deeper. */
#define DEPTH_MAX 4

static size_t size_of(const pb_msgdesc_t *desc)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].desc == desc)
			return messages[i].size;
	CHECK(false && "a message that is not in the list above");
	return 0;
}

static void check_inside(struct slice outer, struct slice inner)
{
	CHECK(inner.len <= outer.len);
	CHECK(inner.len == 0 ||
	      (inner.data >= outer.data && inner.data + inner.len <= outer.data + outer.len));
}

static void check_message(struct slice in, const pb_msgdesc_t *desc, int depth);

static void check_element(struct slice in, struct slice element, const pb_field_iter_t *field,
			  int depth)
{
	check_inside(in, element);
	if (PB_LTYPE_IS_SUBMSG(field->type))
		check_message(element, field->submsg_desc, depth + 1);
}

/* Appends what codec_append leaves to its caller: the elements of repeated fields. */
static void append_elements(struct slice in, const pb_field_iter_t *field, struct buf *out)
{
	struct slice rest = in, element;

	while (codec_next(&rest, field->tag, &element))
		CHECK(codec_append_bytes(out, field->tag, element) == COFFER_OK);
}

/* Writes a message that decodes again. */
static void write_again(struct slice in, const pb_msgdesc_t *desc, struct buf *out)
{
	union any_message msg;
	pb_field_iter_t field;

	CHECK(codec_decode(in, desc, &msg, size_of(desc)) == COFFER_OK);
	CHECK(codec_append(out, desc, &msg) == COFFER_OK);
	if (!pb_field_iter_begin(&field, desc, &msg))
		return;
	do {
		if (PB_HTYPE(field.type) == PB_HTYPE_REPEATED)
			append_elements(in, &field, out);
	} while (pb_field_iter_next(&field));
}

/* What was written is read as the same: written once more it has the same bytes. */
static void check_writing(struct slice in, const pb_msgdesc_t *desc)
{
	size_t cap = in.len + 16;
	struct buf once = { malloc(cap), 0, cap }, twice = { malloc(cap), 0, cap };

	CHECK(once.data != NULL && twice.data != NULL);
	write_again(in, desc, &once);
	write_again((struct slice){ once.data, once.len }, desc, &twice);
	CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	free(once.data);
	free(twice.data);
}

static void check_message(struct slice in, const pb_msgdesc_t *desc, int depth)
{
	union any_message msg;
	pb_field_iter_t field;
	struct slice rest, element;

	CHECK(depth < DEPTH_MAX);
	if (codec_decode(in, desc, &msg, size_of(desc)) != COFFER_OK)
		return;
	check_writing(in, desc);
	if (!pb_field_iter_begin(&field, desc, &msg))
		return;
	do {
		rest = in;
		if (PB_ATYPE(field.type) != PB_ATYPE_CALLBACK)
			continue;
		if (PB_HTYPE(field.type) != PB_HTYPE_REPEATED)
			check_element(in, *(struct slice *)field.pData, &field, depth);
		else
			while (codec_next(&rest, field.tag, &element))
				check_element(in, element, &field, depth);
	} while (pb_field_iter_next(&field));
}

/* Any bytes travel as the body of a reply. */
static void check_reply(struct slice body, uint32_t id)
{
	size_t cap = body.len + 64, mark, header, len;
	struct buf out = { malloc(cap), 0, cap };
	coffer_v1_Response response;

	CHECK(out.data != NULL);
	CHECK(codec_reply_begin(&out, &mark) == COFFER_OK);
	if (body.len > 0)
		memcpy(out.data + out.len, body.data, body.len);
	out.len += body.len;
	CHECK(codec_reply_end(&out, mark, id, COFFER_OK, SLICE_EMPTY) == COFFER_OK);
	CHECK(frame_parse((struct slice){ out.data, out.len }, FRAME_BODY_MAX, &header, &len) ==
	      COFFER_OK);
	CHECK(header + len == out.len);
	CHECK(codec_decode((struct slice){ out.data + header, len }, coffer_v1_Response_fields,
			   &response, sizeof(response)) == COFFER_OK);
	CHECK(response.id == id && slice_equal(response.body, body));
	free(out.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice in;

	if (len == 0)
		return 0;
	in = (struct slice){ data + 1, len - 1 };
	check_message(in, messages[data[0] % (sizeof(messages) / sizeof(messages[0]))].desc, 0);
	check_reply(in, data[0]);
	return 0;
}
