#include "output.h"

#include "file.h"
#include "wiped.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void output_init(void)
{
	json_set_alloc_funcs(wiped_malloc, wiped_free);
}

cli_exit output_write_to(const struct cli *cli, int fd, const char *what, const char *data,
			 size_t len)
{
	if (file_write(fd, data, len))
		return CLI_DONE;
	return cli_refuse(cli, "cannot write to %s: %s", what, strerror(errno));
}

cli_exit output_write(const struct cli *cli, const char *data, size_t len)
{
	return output_write_to(cli, STDOUT_FILENO, "standard output", data, len);
}

cli_exit output_send(const struct cli *cli, struct bytes *out)
{
	cli_exit status =
	    out->failed ? cli_refuse(cli, "out of memory") : output_write(cli, out->data, out->len);

	bytes_free(out);
	return status;
}

static int append_dump(const char *data, size_t len, void *context)
{
	struct bytes *out = context;

	bytes_append(out, data, len);
	return out->failed ? -1 : 0;
}

void output_append_json(struct bytes *out, json_t *json)
{
	if (!json || json_dump_callback(json, append_dump, out, JSON_COMPACT) != 0)
		out->failed = true;
	json_decref(json);
}

cli_exit output_json(const struct cli *cli, json_t *json)
{
	struct bytes out = { 0 };

	output_append_json(&out, json);
	bytes_append(&out, "\n", 1);
	return output_send(cli, &out);
}

json_t *output_json_text(const char *text)
{
	struct bytes repaired = { 0 };
	json_t *json = json_string(text);

	if (json)
		return json;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			bytes_append(&repaired, text, 1);
		else
			bytes_append(&repaired, "\xEF\xBF\xBD", 3);
	}
	if (!repaired.failed)
		json = json_stringn(repaired.data, repaired.len);
	bytes_free(&repaired);
	return json;
}

json_t *output_json_words(const char *text)
{
	json_t *json = json_array();

	while (json && *text) {
		size_t len = strcspn(text, " ");
		if (len > 0 && json_array_append_new(json, json_stringn(text, len)) != 0) {
			json_decref(json);
			return NULL;
		}
		text += len + (text[len] == ' ');
	}
	return json;
}

void output_clean(char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)text[0];
		unsigned char next = (unsigned char)text[1];

		if (c < 0x20 || c == 0x7F)
			text[0] = '?';
		/* U+0080 to U+009F: the eight-bit control characters, as UTF-8. */
		else if (c == 0xC2 && next >= 0x80 && next <= 0x9F)
			text[0] = text[1] = '?';
	}
}

void output_time(char out[OUTPUT_TIME_LEN], int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;

	if (time_ms == 0 || !gmtime_r(&seconds, &tm) ||
	    strftime(out, OUTPUT_TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(out, "-", sizeof("-"));
}
