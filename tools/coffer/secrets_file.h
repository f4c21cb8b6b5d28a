/* secrets_file.h - a file of secrets, as import reads it and export writes it. Layer: tools.
 *
 * dotenv: see exec/envfile.h. json: an object of strings; bytes that are no text are {"base64": "..."}. shell:
 * lines of "export NAME='value'", for writing alone. What is wrong with a file is told by line or member, for a
 * name that is none may be a value in the wrong place; values are never told. */
#ifndef SECRETS_FILE_H
#define SECRETS_FILE_H

#include <coffer/admin.h>
#include <jansson.h>

#include "bytes.h"
#include "cli.h"

typedef enum secrets_format { SECRETS_DOTENV, SECRETS_JSON, SECRETS_SHELL } secrets_format;

/* The format of that name. False if there is none. */
bool secrets_format_find(const char *name, secrets_format *format);

struct secrets_entry {
	const char *name;
	const uint8_t *data;
	size_t len;
	unsigned place; /* its line in a dotenv file, else its number among the members */
};

/* What a file holds. Zero it to begin. */
struct secrets_file {
	struct secrets_entry *items; /* in the order of the file */
	size_t len;
	struct bytes text, lines; /* that they point into */
	struct bytes *decoded;    /* of base64, one an item */
	json_t *json;
};

/* Reads a file, "-" for standard input. Refused with messages of everything that is wrong: names that are no
 * secrets' or stand there twice, and members that are no values. On failure *out is empty. */
COFFER_MUST_USE cli_exit secrets_file_read(const struct cli *cli, const char *path,
					   secrets_format format, struct secrets_file *out);
void secrets_file_free(struct secrets_file *file); /* wipes and empties */

/* Appends the secrets to out. Refused with a message of every name that the format cannot hold, or whose value
 * it cannot; out is then not to be used. */
COFFER_MUST_USE cli_exit secrets_file_write(const struct cli *cli,
					    const struct coffer_secrets *secrets,
					    secrets_format format, struct bytes *out);

#endif
