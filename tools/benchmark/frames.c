#include "frames.h"

#include <coffer/limits.h>
#include <stdio.h>
#include <string.h>

#include "codec.h"

void frames_name(size_t i, char out[FRAMES_NAME_SIZE])
{
	(void)snprintf(out, FRAMES_NAME_SIZE, "SECRET_%07u", (unsigned)(i % 10000000));
}

void frames_value(uint8_t out[FRAMES_VALUE_LEN])
{
	memset(out, 'v', FRAMES_VALUE_LEN);
}

static bool told(coffer_err err, const char *what)
{
	if (err != COFFER_OK)
		(void)fprintf(stderr, "coffer-bench: %s frame: %s\n", what, coffer_err_text(err));
	return err == COFFER_OK;
}

bool frames_hello(struct buf *out, struct slice token)
{
	coffer_v1_HelloRequest hello = { .protocol = COFFER_PROTOCOL_VERSION,
					 .client = SLICE_LITERAL("coffer-bench"),
					 .token = token };
	uint8_t room[256];
	struct buf body = { room, 0, sizeof(room) };
	coffer_err err = codec_append(&body, coffer_v1_HelloRequest_fields, &hello);

	if (err == COFFER_OK)
		err = codec_append_request(out, FRAMES_HELLO_ID, SLICE_LITERAL("Hello"),
					   (struct slice){ body.data, body.len });
	return told(err, "Hello");
}

bool frames_get(struct buf *out, size_t i)
{
	char name[FRAMES_NAME_SIZE];
	coffer_v1_GetSecretRequest get = { 0 };
	uint8_t room[256];
	struct buf body = { room, 0, sizeof(room) };
	coffer_err err;

	frames_name(i, name);
	get.name = slice_str(name);
	err = codec_append(&body, coffer_v1_GetSecretRequest_fields, &get);
	if (err == COFFER_OK)
		err = codec_append_request(out, FRAMES_REQUEST_ID, SLICE_LITERAL("GetSecret"),
					   (struct slice){ body.data, body.len });
	return told(err, "GetSecret");
}

bool frames_get_many(struct buf *out, size_t i, size_t count)
{
	char name[FRAMES_NAME_SIZE];
	uint8_t room[COFFER_BATCH_MAX * (FRAMES_NAME_SIZE + 2)];
	struct buf body = { room, 0, sizeof(room) };
	coffer_err err = COFFER_OK;

	for (size_t n = 0; n < count && err == COFFER_OK; n++) {
		frames_name(i + n, name);
		err = codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag,
					 slice_str(name));
	}
	if (err == COFFER_OK)
		err = codec_append_request(out, FRAMES_REQUEST_ID, SLICE_LITERAL("GetSecrets"),
					   (struct slice){ body.data, body.len });
	return told(err, "GetSecrets");
}

bool frames_get_reply(struct buf *out)
{
	uint8_t value[FRAMES_VALUE_LEN];
	coffer_v1_GetSecretResponse reply = { .value = { value, sizeof(value) },
					      .version = 1,
					      .scope = SLICE_LITERAL(FRAMES_SCOPE) };
	size_t mark;
	coffer_err err;

	frames_value(value);
	if ((err = codec_reply_begin(out, &mark)) == COFFER_OK &&
	    (err = codec_append(out, coffer_v1_GetSecretResponse_fields, &reply)) == COFFER_OK)
		err = codec_reply_end(out, mark, FRAMES_REQUEST_ID, COFFER_OK, SLICE_EMPTY);
	return told(err, "GetSecret reply");
}
