#include "path.h"

#include <stdbool.h>
#include <string.h>

#include "json.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The length of what one segment decodes to, or -1. */
static ptrdiff_t decode(char *out, const char *text, size_t len, const char **why)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			int high = i + 2 < len ? hex(text[i + 1]) : -1;
			int low = i + 2 < len ? hex(text[i + 2]) : -1;
			if (high < 0 || low < 0) {
				*why = "a '%' in the path encodes nothing";
				return -1;
			}
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '/') {
			*why = "the path has an encoded '/'";
			return -1;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f) {
			*why = "the path has a control character";
			return -1;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return (ptrdiff_t)n;
}

static bool is_plain(const char *segment, size_t len, const char **why)
{
	if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0) {
		*why = "the path has a segment of dots";
		return false;
	}
	if (!json_is_utf8(segment, len)) {
		*why = "the path is not UTF-8";
		return false;
	}
	return true;
}

coffer_err path_parse(struct path *out, const char *text, const char **why)
{
	bool fits = true;
	char *at = out->text;

	out->len = 0;
	if (strlen(text) > PATH_TEXT_MAX) {
		*why = "the path is too long";
		return COFFER_RESOURCE_EXHAUSTED;
	}
	if (text[0] != '/') {
		*why = "the path does not begin with '/'";
		return COFFER_INVALID_ARGUMENT;
	}
	while (*text == '/') {
		size_t len = strcspn(++text, "/");
		ptrdiff_t decoded = decode(at, text, len, why);
		if (decoded < 0 || !is_plain(at, (size_t)decoded, why))
			return COFFER_INVALID_ARGUMENT;
		fits = fits && decoded > 0 && out->len < PATH_SEGMENTS_MAX;
		if (fits)
			out->segments[out->len++] = at;
		at += decoded + 1;
		text += len;
	}
	return fits ? COFFER_OK : COFFER_NOT_FOUND;
}
