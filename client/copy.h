/* copy.h - out of the receive buffer, into memory of the caller's. Layer: client.
 *
 * What is copied is what a daemon sent, which may be hostile: lengths are checked, and text that a C string
 * cannot hold is refused. All functions return COFFER_INTERNAL for such bytes, COFFER_RESOURCE_EXHAUSTED
 * without memory, and empty *out on failure. */
#ifndef CLIENT_COPY_H
#define CLIENT_COPY_H

#include <coffer/client.h>

#include "coffer.pb.h"

/* Bytes that a listing's array may have in all. */
#define COPY_ARRAY_MAX ((size_t)64 << 20)

/* Copies text without control characters into out, size bytes large, with a NUL behind it. */
COFFER_MUST_USE coffer_err copy_text(struct slice text, char *out, size_t size);

/* Copies a value. The caller frees *out with coffer_value_free. */
COFFER_MUST_USE coffer_err copy_value(struct slice value, uint32_t version, struct slice scope,
				      struct coffer_value *out);

/* Any text but a NUL as one string, to be freed. */
COFFER_MUST_USE coffer_err copy_string(struct slice text, char **out);

/* A repeated field of texts in an encoded message as one string with a space between them, to be freed. */
COFFER_MUST_USE coffer_err copy_words(struct slice message, uint32_t tag, char **out);

/* The number of elements of a repeated field in an encoded message. */
size_t copy_count(struct slice message, uint32_t tag);

/* Returns the array of len items of size bytes with room, zeroed, for one more for each element of the
 * repeated field behind them; the old one is wiped and freed if it had to move. Without elements, or on
 * COFFER_RESOURCE_EXHAUSTED (also if it would be too large), it is as it was. items may be NULL if len is 0. */
void *copy_room(struct slice message, uint32_t tag, void *items, size_t len, size_t size,
		coffer_err *err);

/* Where the texts of a run come from. */
struct copy_run {
	struct slice run_id;
	struct slice git_dir;
	coffer_v1_RunMeta meta;
	coffer_v1_Sentry sentry;
	coffer_v1_Pair extras[COFFER_EXTRAS_MAX];
	size_t extras_len;
	struct slice message; /* the encoded message that holds the globs; may be empty */
	uint32_t allow_tag;
};

/* Adds what a repeated field of pairs in an encoded message holds. */
COFFER_MUST_USE coffer_err copy_extras(struct copy_run *run, struct slice message, uint32_t tag);

/* Copies them into one block, which coffer_bootstrap_free frees. *allow, if not NULL, becomes the globs with a
 * space between them, in the same block. */
COFFER_MUST_USE coffer_err copy_run(const struct copy_run *from, struct coffer_bootstrap *out,
				    const char **allow);

#endif
