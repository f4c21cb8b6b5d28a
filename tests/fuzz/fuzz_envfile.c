/* A file of variables: what is understood of it is variables, and means the same when it is written down again. */
#include "coffer/exec/envfile.h"

#include "check.h"

#include <string.h>

/* In double quotes, with a backslash before all that may need one. */
static void write_down(struct bytes *out, const char *text)
{
	const char *value = strchr(text, '=') + 1;

	bytes_append(out, text, (size_t)(value - text));
	bytes_append(out, "\"", 1);
	for (; *value; value++) {
		if (strchr("\\\"$", *value))
			bytes_append(out, "\\", 1);
		bytes_append(out, value, 1);
	}
	bytes_append(out, "\"\n", 2);
}

static void check_again(const struct bytes *file)
{
	struct bytes again = { 0 }, written = { 0 };
	const char *text = NULL;
	unsigned line;

	bytes_append(&written, "", 0);
	while ((text = envfile_next(file, text))) {
		CHECK(strchr(text, '=') > text);
		write_down(&written, text);
	}
	CHECK(envfile_parse(written.data, written.len, &again, &line) == NULL);
	CHECK(again.len == file->len &&
	      (again.len == 0 || memcmp(again.data, file->data, again.len) == 0));
	bytes_free(&written);
	bytes_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes file = { 0 };
	unsigned line = 0;
	const char *why = envfile_parse((const char *)data, len, &file, &line);

	CHECK(line >= 1 && line <= len + 1);
	if (!why)
		check_again(&file);
	bytes_free(&file);
	return 0;
}
