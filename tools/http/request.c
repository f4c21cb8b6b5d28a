#include "request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "head.h"
#include "host.h"
#include "tls.h"

/* A header that may come once. */
struct header {
	unsigned count;
	const char *value; /* NULL: without one */
	size_t len;
};

struct headers {
	struct header host;
	struct header authorization;
	struct header length;
	struct header encoding;
	bool malformed;
};

static bool is_name(const char *key, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(key, name, len) == 0;
}

static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return true;
	return false;
}

static enum MHD_Result collect(void *context, enum MHD_ValueKind kind, const char *key,
			       size_t key_len, const char *value, size_t len)
{
	struct headers *headers = context;
	const struct {
		const char *name;
		struct header *header;
	} known[] = {
		{ MHD_HTTP_HEADER_HOST, &headers->host },
		{ MHD_HTTP_HEADER_AUTHORIZATION, &headers->authorization },
		{ MHD_HTTP_HEADER_CONTENT_LENGTH, &headers->length },
		{ MHD_HTTP_HEADER_TRANSFER_ENCODING, &headers->encoding },
	};

	(void)kind;
	/* "Host : x" is Host to some, and another header to others. */
	headers->malformed = headers->malformed || key_len == 0 || has_control(key, key_len) ||
			     memchr(key, ' ', key_len) != NULL ||
			     memchr(key, '\t', key_len) != NULL ||
			     (value != NULL && has_control(value, len));
	while (value != NULL && len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!is_name(key, key_len, known[i].name))
			continue;
		known[i].header->count++;
		known[i].header->value = value;
		known[i].header->len = value != NULL ? len : 0;
	}
	return MHD_YES;
}

static bool has_body(const struct headers *headers)
{
	const struct header *length = &headers->length;

	return headers->encoding.count > 0 || length->count > 1 ||
	       (length->count == 1 && (length->len != 1 || length->value[0] != '0'));
}

bool request_has_body(struct MHD_Connection *connection)
{
	struct headers headers = { .malformed = false };

	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect, &headers);
	return has_body(&headers);
}

/* No request has a body here, and where one server sees an end of it and the next another, one request hides in the
 * other's (request smuggling): whoever sends one is not read from any more. */
static const char *find_fault(const struct headers *headers)
{
	if (headers->malformed)
		return "a header is malformed";
	if (has_body(headers))
		return "a request has no body here";
	if (headers->host.count != 1 || headers->host.value == NULL)
		return "one Host header is needed";
	if (headers->authorization.count > 1)
		return "there is more than one Authorization header";
	return NULL;
}

/* The token within "Bearer TOKEN", or NULL. */
static const char *find_token(const char *value, size_t len)
{
	static const char scheme[] = "Bearer ";
	size_t at = sizeof(scheme) - 1;

	if (len < at || strncasecmp(value, scheme, at) != 0)
		return NULL;
	while (at < len && value[at] == ' ')
		at++;
	if (len - at != COFFER_TOKEN_LEN)
		return NULL;
	for (size_t i = at; i < len; i++)
		if (!isalnum((unsigned char)value[i])) /* of the C locale */
			return NULL;
	return value + at;
}

/* libmicrohttpd's buffer lives as long as the connection; what it holds there is writable memory. */
static void take_token(struct request *request, const struct header *authorization)
{
	const char *value = authorization->value;
	const char *token = value != NULL ? find_token(value, authorization->len) : NULL;

	request->has_token = token != NULL;
	request->bad_token = authorization->count > 0 && token == NULL;
	if (token != NULL)
		memcpy(request->token, token, COFFER_TOKEN_LEN);
	if (value != NULL)
		explicit_bzero((char *)(uintptr_t)value, authorization->len);
}

static bool read_caller(struct request *out, struct address *local,
			struct MHD_Connection *connection, bool tls)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info == NULL || address_of_socket(local, info->connect_fd) != COFFER_OK ||
	    address_of_peer(&out->peer, info->connect_fd) != COFFER_OK)
		return false;
	address_print(&out->peer, out->caller);
	info = tls ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) : NULL;
	if (info != NULL)
		tls_append_subject(info->tls_session, out->caller, sizeof(out->caller));
	return true;
}

static bool is_for_us(const struct header *host, const struct address *local, const char *allowed)
{
	char text[HOST_TEXT_MAX + 1];

	if (host->len > HOST_TEXT_MAX)
		return false;
	memcpy(text, host->value, host->len);
	text[host->len] = '\0';
	return host_is_ours(text, local, allowed);
}

static bool refuse(struct reply *reply, unsigned status, const char *text)
{
	reply_fail(reply, status, text);
	reply->close = true;
	return false;
}

bool request_read(struct request *out, struct MHD_Connection *connection,
		  const struct request_line *line, const struct request_rules *rules,
		  struct reply *reply)
{
	struct headers headers = { .malformed = false };
	struct address local;
	const char *fault;
	coffer_err err;

	*out = (struct request){ .method = line->method };
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect, &headers);
	if ((fault = find_fault(&headers)) == NULL)
		fault = head_find_fault(connection, line->method, line->url, line->version);
	take_token(out, &headers.authorization);
	if (!read_caller(out, &local, connection, rules->tls))
		return refuse(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "the caller has no address");
	if (fault != NULL)
		return refuse(reply, MHD_HTTP_BAD_REQUEST, fault);
	if (!is_for_us(&headers.host, &local, rules->allowed_hosts))
		return refuse(reply, MHD_HTTP_MISDIRECTED_REQUEST,
			      "the Host header names another server");
	if ((err = path_parse(&out->path, line->url, &fault)) == COFFER_INVALID_ARGUMENT)
		return refuse(reply, MHD_HTTP_BAD_REQUEST, fault);
	if (err == COFFER_RESOURCE_EXHAUSTED)
		return refuse(reply, MHD_HTTP_URI_TOO_LONG, fault);
	out->has_route = err == COFFER_OK;
	return true;
}

void request_wipe(struct request *request)
{
	explicit_bzero(request, sizeof(*request));
}
