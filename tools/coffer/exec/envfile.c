#include "envfile.h"

#include "input.h"

#include <string.h>

/* A file on the way through. */
struct reader {
	const char *at;
	const char *end;
	unsigned line;
	struct bytes *out;
	struct bytes *lines; /* NULL: a name must be one */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '.' || c == '-');
}

/* Whether the character is there, and is left behind. */
static bool take(struct reader *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	in->line += c == '\n';
	return true;
}

static void skip_blanks(struct reader *in)
{
	while (in->at < in->end && is_blank(*in->at))
		in->at++;
}

static void skip_line(struct reader *in)
{
	while (in->at < in->end && *in->at != '\n')
		in->at++;
}

/* To where the next variable begins. */
static void skip_empty(struct reader *in)
{
	do {
		skip_blanks(in);
		if (in->at < in->end && *in->at == '#')
			skip_line(in);
	} while (take(in, '\n'));
}

static void skip_export(struct reader *in)
{
	static const char word[] = "export";
	size_t len = strlen(word);

	if ((size_t)(in->end - in->at) > len && memcmp(in->at, word, len) == 0 &&
	    is_blank(in->at[len])) {
		in->at += len;
		skip_blanks(in);
	}
}

static const char *read_name(struct reader *in)
{
	const char *start = in->at;

	if (in->lines)
		bytes_append(in->lines, (const char *)&in->line, sizeof(in->line));
	while (in->at < in->end &&
	       (in->lines ? *in->at != '=' && *in->at != '\n' : is_name(*in->at, in->at == start)))
		in->at++;
	if (in->at == start || in->at == in->end || *in->at != '=')
		return "is not NAME=VALUE";
	in->at++;
	bytes_append(in->out, start, (size_t)(in->at - start));
	return NULL;
}

static void read_plain(struct reader *in)
{
	const char *start = in->at;
	const char *end;

	while (in->at < in->end && *in->at != '\n' && !(*in->at == '#' && is_blank(in->at[-1])))
		in->at++;
	for (end = in->at; end > start && is_blank(end[-1]); end--)
		;
	bytes_append(in->out, start, (size_t)(end - start));
}

/* What stands behind a backslash in double quotes; 0: the backslash stands for itself. */
static char unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '"':
	case '\\':
	case '$':
		return c;
	default:
		return '\0';
	}
}

static const char *read_quoted(struct reader *in, char quote)
{
	unsigned line = in->line;

	while (in->at < in->end && *in->at != quote) {
		char c = *in->at;
		char escaped =
		    quote == '"' && c == '\\' && in->at + 1 < in->end ? unescape(in->at[1]) : '\0';

		in->line += c == '\n';
		in->at += escaped ? 2 : 1;
		bytes_append(in->out, escaped ? &escaped : &c, 1);
	}
	if (!take(in, quote)) {
		in->line = line;
		return "has a quote that is not closed";
	}
	return NULL;
}

static const char *read_value(struct reader *in)
{
	const char *why = NULL;

	skip_blanks(in);
	if (take(in, '"'))
		why = read_quoted(in, '"');
	else if (take(in, '\''))
		why = read_quoted(in, '\'');
	else
		read_plain(in);
	bytes_append(in->out, "", 1);
	if (why)
		return why;
	skip_blanks(in);
	if (in->at < in->end && *in->at == '#')
		skip_line(in);
	return in->at == in->end || *in->at == '\n' ? NULL : "has text behind a quoted value";
}

/* NULL, or what is wrong with the line that the reader is at. */
static const char *read_all(struct reader *in)
{
	const char *why;

	for (skip_empty(in); in->at < in->end; skip_empty(in)) {
		skip_export(in);
		if ((why = read_name(in)) || (why = read_value(in)))
			return why;
	}
	return NULL;
}

static unsigned count_lines(const char *from, const char *to)
{
	unsigned count = 1;

	for (; from < to; from++)
		count += *from == '\n';
	return count;
}

const char *envfile_parse_lines(const char *data, size_t len, struct bytes *out,
				struct bytes *lines, unsigned *line)
{
	struct reader in = { data, data + len, 1, out, lines };
	const char *nul = memchr(data, '\0', len);
	const char *why;

	if (nul) {
		*line = count_lines(data, nul);
		return "holds a NUL byte";
	}
	why = read_all(&in);
	*line = in.line;
	return why;
}

const char *envfile_parse(const char *data, size_t len, struct bytes *out, unsigned *line)
{
	return envfile_parse_lines(data, len, out, NULL, line);
}

cli_exit envfile_read(const struct cli *cli, const char *path, struct bytes *out)
{
	struct bytes file = { 0 };
	unsigned line;
	cli_exit status = input_file(cli, path, false, &file);
	const char *why;

	*out = (struct bytes){ 0 };
	if (status != CLI_DONE)
		return status;
	if ((why = envfile_parse(file.data, file.len, out, &line)))
		status = cli_refuse(cli, "%s:%u: %s", path, line, why);
	else if (out->failed)
		status = cli_refuse(cli, "out of memory");
	bytes_free(&file);
	if (status != CLI_DONE)
		bytes_free(out);
	return status;
}

const char *envfile_next(const struct bytes *file, const char *text)
{
	const char *next = text ? text + strlen(text) + 1 : file->data;

	return next && next < file->data + file->len ? next : NULL;
}
