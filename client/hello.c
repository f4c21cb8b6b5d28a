#include "hello.h"

#include "call.h"
#include "names.h"
#include "pages.h"
#include "settings.h"
#include "wipe.h"

/* The frame, and behind it the message while it is encoded. */
#define PAGES_LEN ((size_t)2 * HELLO_ROOM)

static coffer_err check_text(const char *what, struct slice text, struct transport *t)
{
	const char *why;

	if (names_check_text(text, COFFER_TEXT_MAX, &why) == COFFER_OK)
		return COFFER_OK;
	return transport_fail(t, COFFER_INVALID_ARGUMENT, "%s %s", what, why);
}

static coffer_err check_settings(const coffer_v1_HelloRequest *request, struct transport *t)
{
	coffer_err err;

	if ((err = check_text("the client's name", request->client, t)) != COFFER_OK ||
	    (err = check_text("the run id", request->run_id, t)) != COFFER_OK ||
	    (err = check_text("the name of whom the client speaks for", request->via, t)) !=
		COFFER_OK)
		return err;
	return COFFER_OK;
}

static coffer_err encode(struct slice *out, const coffer_v1_HelloRequest *request,
			 struct transport *t)
{
	uint8_t *pages = pages_map(PAGES_LEN);
	struct buf frame = { pages, 0, HELLO_ROOM }, body = { NULL, 0, HELLO_ROOM };
	coffer_err err;

	if (pages == NULL)
		return transport_fail(t, COFFER_RESOURCE_EXHAUSTED, "no memory for the token");
	body.data = pages + HELLO_ROOM;
	err = codec_append(&body, coffer_v1_HelloRequest_fields, request);
	if (err == COFFER_OK)
		err = codec_append_request(&frame, CALL_GREETING_ID, SLICE_LITERAL("Hello"),
					   (struct slice){ body.data, body.len });
	wipe(body.data, HELLO_ROOM);
	*out = (struct slice){ pages, frame.len };
	if (err == COFFER_OK)
		return COFFER_OK;
	hello_free(out);
	return transport_fail(t, err, "what Hello says is too long");
}

coffer_err hello_make(struct slice *out, const struct coffer_options *options, struct transport *t)
{
	const char *client = options->client;
	coffer_v1_HelloRequest request = {
		.protocol = COFFER_PROTOCOL_VERSION,
		.client = slice_str(
		    client != NULL && client[0] != '\0' ? client : "libcoffer/" COFFER_VERSION),
		.run_id = slice_str(settings_get(options->run_id, "COFFER_RUN_ID")),
		.via = slice_str(options->via),
	};
	struct coffer_tokens tokens = { .len = 0 };
	coffer_err err;

	*out = SLICE_EMPTY;
	if ((err = check_settings(&request, t)) == COFFER_OK &&
	    (err = settings_token(&request.token, &tokens, options, t)) == COFFER_OK)
		err = encode(out, &request, t);
	coffer_tokens_free(&tokens);
	return err;
}

void hello_free(struct slice *hello)
{
	pages_free((uint8_t *)(uintptr_t)hello->data, PAGES_LEN);
	*hello = SLICE_EMPTY;
}
