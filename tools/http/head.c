#include "head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LINE_END 2 /* CR and LF, and not LF alone */

struct head {
	uintptr_t next; /* where the next header must begin */
	bool plain;
};

static uintptr_t after(const char *text, size_t len)
{
	return (uintptr_t)text + len;
}

/* Between a name and its value: the colon, which libmicrohttpd has overwritten, and white space. */
static bool is_separator(const char *gap, const char *value)
{
	for (gap++; gap < value; gap++)
		if (*gap != ' ' && *gap != '\t')
			return false;
	return gap == value;
}

static enum MHD_Result step(void *context, enum MHD_ValueKind kind, const char *name,
			    size_t name_len, const char *value, size_t len)
{
	struct head *head = context;

	(void)kind;
	head->plain = name_len > 0 && value != NULL && (uintptr_t)name == head->next &&
		      is_separator(name + name_len, value);
	head->next = after(value, len + LINE_END);
	return head->plain ? MHD_YES : MHD_NO;
}

const char *head_find_fault(struct MHD_Connection *connection, const char *method, const char *url,
			    const char *version)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct head head = { .next = after(version, strlen(version) + LINE_END), .plain = true };

	if (MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0)
		return "a request has no query here";
	if (after(method, strlen(method) + 1) != (uintptr_t)url ||
	    after(url, strlen(url) + 1) != (uintptr_t)version)
		return "the request's line is malformed";
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, step, &head);
	if (!head.plain || info == NULL || head.next + LINE_END != after(method, info->header_size))
		return "the request's headers are malformed";
	return NULL;
}
