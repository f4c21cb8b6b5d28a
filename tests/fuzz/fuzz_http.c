/* What a stranger writes into a request's path and Host header: what is taken for a path has nothing in it that
 * could be taken for another one, and only our own names are taken for ours. */
#include "http/host.h"
#include "http/json.h"
#include "http/path.h"

#include "check.h"

#include <string.h>
#include <strings.h>

#define INPUT_MAX 2048

static void check_segment(const char *segment)
{
	size_t len = strlen(segment);

	CHECK(len > 0 && strchr(segment, '/') == NULL && json_is_utf8(segment, len));
	CHECK(strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0);
	for (size_t i = 0; i < len; i++)
		CHECK((unsigned char)segment[i] >= 0x20 && segment[i] != 0x7f);
}

static void check_path(const char *text)
{
	const char *why = NULL;
	struct path path;
	coffer_err err = path_parse(&path, text, &why);

	CHECK(path.len <= PATH_SEGMENTS_MAX);
	CHECK(err == COFFER_OK || err == COFFER_NOT_FOUND || why != NULL);
	for (size_t i = 0; err == COFFER_OK && i < path.len; i++)
		check_segment(path.segments[i]);
	if (err == COFFER_OK)
		CHECK(text[0] == '/' && path.len > 0);
}

static void check_host(const char *text)
{
	static const char *const ours[] = { "127.0.0.1", "[127.0.0.1]", "localhost",
					    "[localhost]" };
	struct address local;
	bool named = false;

	CHECK(address_parse(&local, "127.0.0.1:8200") == COFFER_OK);
	if (!host_is_ours(text, &local, NULL))
		return;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		size_t len = strlen(ours[i]);
		named = named || (strncasecmp(text, ours[i], len) == 0 &&
				  (text[len] == '\0' || strcmp(text + len, ":8200") == 0));
	}
	CHECK(named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct address address;
	char text[INPUT_MAX];

	if (len == 0 || len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	check_path(text);
	check_host(text);
	(void)address_parse(&address, text);
	return 0;
}
