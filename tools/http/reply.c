#include "reply.h"

#include <stdlib.h>

#include "json.h"

/* Every error that there is, so that a new one does not pass as something else. */
static unsigned status_of(coffer_err err)
{
	switch (err) {
	case COFFER_OK:
		return MHD_HTTP_OK;
	case COFFER_INVALID_ARGUMENT:
		return MHD_HTTP_BAD_REQUEST;
	case COFFER_UNAUTHENTICATED:
		return MHD_HTTP_UNAUTHORIZED;
	case COFFER_PERMISSION_DENIED:
		return MHD_HTTP_FORBIDDEN;
	case COFFER_NOT_FOUND:
		return MHD_HTTP_NOT_FOUND;
	case COFFER_ALREADY_EXISTS:
	case COFFER_ABORTED:
	case COFFER_FAILED_PRECONDITION:
		return MHD_HTTP_CONFLICT;
	case COFFER_GONE:
		return MHD_HTTP_GONE;
	case COFFER_RESOURCE_EXHAUSTED:
		return MHD_HTTP_TOO_MANY_REQUESTS;
	case COFFER_UNAVAILABLE:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case COFFER_DEADLINE_EXCEEDED:
		return MHD_HTTP_GATEWAY_TIMEOUT;
	case COFFER_UNIMPLEMENTED:
		return MHD_HTTP_NOT_IMPLEMENTED;
	case COFFER_INTERNAL:
	case COFFER_DATA_LOSS:
		break;
	}
	return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

void reply_fail(struct reply *reply, unsigned status, const char *text)
{
	reply_free(reply);
	reply->status = status;
	reply->type = NULL;
	json_append_error(&reply->body, text);
}

void reply_fail_with(struct reply *reply, coffer_err err, const char *text)
{
	reply_fail(reply, status_of(err), text);
	reply->bad_token = err == COFFER_UNAUTHENTICATED;
}

static void release(void *held)
{
	body_free(held);
	free(held);
}

static struct MHD_Response *respond(struct reply *reply)
{
	struct body *held = malloc(sizeof(*held));
	struct MHD_Response *response = NULL;

	if (held != NULL && !reply->body.failed)
		response = MHD_create_response_from_buffer_with_free_callback_cls(
		    reply->body.len, reply->body.data, release, held);
	if (response == NULL) {
		free(held);
		return NULL;
	}
	*held = reply->body; /* ownership moves to the response */
	reply->body = (struct body){ .data = NULL };
	return response;
}

static bool add_headers(const struct reply *reply, struct MHD_Response *response)
{
	const char *challenge = reply->bad_token
				    ? "Bearer realm=\"coffer\", error=\"invalid_token\""
				    : "Bearer realm=\"coffer\"";
	bool later = reply->status == MHD_HTTP_TOO_MANY_REQUESTS ||
		     reply->status == MHD_HTTP_SERVICE_UNAVAILABLE;
	const struct {
		bool given;
		const char *name, *value;
	} headers[] = {
		{ true, MHD_HTTP_HEADER_CONTENT_TYPE,
		  reply->type ? reply->type : "application/json" },
		{ true, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ true, "X-Content-Type-Options", "nosniff" },
		{ reply->status == MHD_HTTP_UNAUTHORIZED, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		  challenge },
		{ reply->allow != NULL, MHD_HTTP_HEADER_ALLOW, reply->allow },
		{ later, MHD_HTTP_HEADER_RETRY_AFTER, "1" },
		{ reply->close, MHD_HTTP_HEADER_CONNECTION, "close" },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i].given &&
		    MHD_add_response_header(response, headers[i].name, headers[i].value) != MHD_YES)
			return false;
	return true;
}

enum MHD_Result reply_send(struct reply *reply, struct MHD_Connection *connection)
{
	struct MHD_Response *response = respond(reply);
	enum MHD_Result result = MHD_NO;

	if (response != NULL && add_headers(reply, response))
		result = MHD_queue_response(connection, reply->status, response);
	if (response != NULL)
		MHD_destroy_response(response);
	reply_free(reply);
	return result;
}

void reply_free(struct reply *reply)
{
	body_free(&reply->body);
}
