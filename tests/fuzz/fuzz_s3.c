/* What coffer-s3 reads: a store's pages and errors, keys that others chose, and its settings. The first byte says which. */
#include "s3/answer.h"
#include "s3/keys.h"
#include "s3/page.h"
#include "s3/settings.h"

#include "check.h"

#include <string.h>

static void on_key(void *user, struct slice key)
{
	char text[KEYS_TEXT_MAX + 1];
	struct keys keys = { .list = NULL };
	coffer_err err;

	*(size_t *)user += 1;
	for (keys_kind kind = KEYS_BATCH; kind <= KEYS_RECORD; kind++) {
		if (keys_add(&keys, kind, key, &err)) {
			keys_format(&keys.list[0], text);
			CHECK(slice_equal(slice_str(text), key));
		}
		CHECK(err == COFFER_OK);
		keys_free(&keys);
	}
}

static void read_page(struct slice in)
{
	size_t count = 0;
	char *next;
	coffer_err err = page_read(in, on_key, &count, &next);

	CHECK(err == COFFER_OK || next == NULL);
	CHECK(next == NULL || strlen(next) > 0);
	CHECK(count <= in.len / strlen("<Contents><Key>k</Key></Contents>"));
	free(next);
}

static void read_answer(struct slice in)
{
	const struct settings settings = { .bucket = (char[]){ "bucket" },
					   .endpoint = (char[]){ "http://host" },
					   .region = (char[]){ "region" } };
	struct answer answer;

	for (long status = 200; status < 600; status += 101) {
		answer_read(&answer, &settings, status, in);
		CHECK((answer.code == COFFER_OK) == (status == 200));
		CHECK((answer.text[0] == '\0') == (answer.code == COFFER_OK));
		for (const char *at = answer.text; *at != '\0'; at++)
			CHECK(*at >= ' ' && *at <= '~');
	}
}

static void read_settings(struct slice in)
{
	struct settings s;

	if (settings_parse(&s, in) == COFFER_OK) {
		CHECK(s.bucket != NULL && s.access_key_id != NULL && s.secret_access_key != NULL);
		CHECK(strncmp(s.endpoint, "http", 4) == 0 && strstr(s.endpoint, "://") != NULL);
		CHECK(s.prefix[0] != '/' && s.prefix[strlen(s.prefix) - 1] != '/');
		CHECK(strpbrk(s.prefix, " ?#%\n") == NULL && strpbrk(s.bucket, "/?#%\n") == NULL);
		CHECK(s.parallel > 0 && s.timeout_ms > 0 && s.frame_max > 0);
		CHECK(s.encryption != ENCRYPT_SSE_C || s.sse_c_key != NULL);
	}
	settings_free(&s);
	CHECK(s.secret_access_key == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice in = { data + 1, len - 1 };
	size_t count = 0;

	if (len == 0)
		return 0;
	switch (data[0]) {
	case 'p':
		read_page(in);
		break;
	case 'a':
		read_answer(in);
		break;
	case 's':
		read_settings(in);
		break;
	case 'k':
		on_key(&count, in);
		break;
	default:
		break;
	}
	return 0;
}
