/* settings.h - which bucket, by which key, and how hard to try. Layer: s3.
 *
 * They come as lines "name = value" on standard input, so that no secret stands in an argument list or an
 * environment. Not read by inih, which cuts lines at 200 bytes and values at " ;": session tokens are longer, and
 * a key may hold anything. Empty lines and those that begin with '#' or ';' are passed over. */
#ifndef SERVER_S3_SETTINGS_H
#define SERVER_S3_SETTINGS_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

#include "slice.h"

/* All settings together, in bytes. */
#define SETTINGS_MAX (64u * 1024)

typedef enum s3_encryption {
	ENCRYPT_NONE, /* by the store; what coffer stores is sealed anyhow */
	ENCRYPT_SSE_S3,
	ENCRYPT_SSE_KMS,
	ENCRYPT_SSE_C,
} s3_encryption;

/* Strings are heap and end with NUL; NULL: not given. */
struct settings {
	char *admin_socket; /* of the daemon */
	char *bucket;
	char *endpoint; /* "https://host" or "http://host", with or without ":port" */
	char *region;
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
	char *prefix; /* of every key; without '/' at its ends */
	char *encrypt;
	char *sse_kms_key_id;
	char *sse_c_key; /* base64 of 32 bytes */
	char *path_style_text;
	char *ca_file; /* certificates that are trusted in place of the system's */
	s3_encryption encryption;
	bool single_writer; /* the store has no conditional writes, and nobody else writes to it */
	bool path_style;    /* endpoint/bucket/key, not bucket.endpoint/key */
	size_t sync_interval_ms;
	size_t parallel;   /* requests at a time */
	size_t timeout_ms; /* of one request */
	size_t give_up_ms; /* of one object, with all that was tried again */
	size_t backoff_ms; /* before the first time that something is tried again */
	size_t frame_max;  /* the largest message that the daemon takes */
};

/* Reads settings out of text. *out must go to settings_free, also on failure. COFFER_INVALID_ARGUMENT: one is
 * unknown, missing or wrong, which is logged without its value; COFFER_RESOURCE_EXHAUSTED: no memory. */
COFFER_MUST_USE coffer_err settings_parse(struct settings *out, struct slice text);

/* The same from a descriptor, to its end. COFFER_UNAVAILABLE: it cannot be read. */
COFFER_MUST_USE coffer_err settings_read(struct settings *out, int fd);

/* Wipes and frees them; all becomes empty. */
void settings_free(struct settings *settings);

#endif
