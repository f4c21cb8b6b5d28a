#include "lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct lines {
	FILE *file;
	int count;
	int max;   /* bytes of a line; 0: all were whole */
	int error; /* an errno */
};

/* An ini_reader. inih would take the rest of a line that is too long for it as another line. */
static char *next_line(char *out, int size, void *stream)
{
	struct lines *lines = stream;

	if (lines->max > 0)
		return NULL;
	if (fgets(out, size, lines->file) == NULL) {
		lines->error = ferror(lines->file) ? errno : 0;
		return NULL;
	}
	lines->count++;
	if (strchr(out, '\n') != NULL || getc(lines->file) == EOF)
		return out;
	lines->max = size - 2; /* a line feed and a NUL */
	return NULL;
}

static coffer_err parse(struct lines *lines, const char *path, ini_handler take, void *user)
{
	int wrong = ini_parse_stream(next_line, lines, take, user);

	if (lines->error != 0 || wrong < 0)
		fprintf(stderr, "coffer-http: cannot read %s: %s\n", path,
			strerror(lines->error != 0 ? lines->error : ENOMEM));
	else if (wrong > 0)
		fprintf(stderr, "coffer-http: %s, line %d\n", path, wrong);
	else if (lines->max > 0)
		fprintf(stderr, "coffer-http: %s, line %d: is no text of at most %d bytes\n", path,
			lines->count, lines->max);
	else
		return COFFER_OK;
	return COFFER_INVALID_ARGUMENT;
}

coffer_err lines_read(const char *path, bool required, ini_handler take, void *user)
{
	struct lines lines = { .file = fopen(path, "re") };
	coffer_err err;

	if (lines.file == NULL && !required && errno == ENOENT)
		return COFFER_OK;
	if (lines.file == NULL) {
		fprintf(stderr, "coffer-http: cannot read %s: %s\n", path, strerror(errno));
		return COFFER_INVALID_ARGUMENT;
	}
	err = parse(&lines, path, take, user);
	fclose(lines.file);
	return err;
}
