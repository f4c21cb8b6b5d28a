/* output.h - standard output, for people and for programs. Layer: tools.
 *
 * Nothing goes through stdio: what is printed may hold a token or a value, and stdio's buffer is
 * not wiped. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <jansson.h>
#include <stdint.h>

#include "bytes.h"
#include "cli.h"

/* Makes jansson's memory such that it is wiped when freed. Call before any other use of jansson. */
void output_init(void);

/* Writes all of data. A full disk or a closed pipe is refused with a message. */
cli_exit output_write(const struct cli *cli, const char *data, size_t len);
/* The same to a descriptor, which messages call what. */
cli_exit output_write_to(const struct cli *cli, int fd, const char *what, const char *data,
			 size_t len);
/* Writes out and frees it. */
cli_exit output_send(const struct cli *cli, struct bytes *out);
/* Appends json, without white space, and drops the reference. NULL is a failure of memory. */
void output_append_json(struct bytes *out, json_t *json);
/* Writes json on one line and drops the reference. NULL is a failure of memory. */
cli_exit output_json(const struct cli *cli, json_t *json);

/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL if there is no memory. */
json_t *output_json_text(const char *text);

/* The words of text, which have a space between them, as a JSON array. NULL if there is no memory. */
json_t *output_json_words(const char *text);

/* Replaces control characters in place, so that text cannot steer a terminal nor break a line. */
void output_clean(char *text);

/* Milliseconds since 1970 as "2026-11-22T01:40:08Z", or "-" for 0. */
#define OUTPUT_TIME_LEN 32
void output_time(char out[OUTPUT_TIME_LEN], int64_t time_ms);

#endif
