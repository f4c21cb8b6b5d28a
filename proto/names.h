/* names.h - the syntax of everything that a peer names. Layer: wire. Pure functions.
 *
 * Each check returns COFFER_OK, or COFFER_INVALID_ARGUMENT with *why set to a static sentence
 * fragment for people ("is empty"). why is never NULL on entry. */
#ifndef NAMES_H
#define NAMES_H

#include <coffer/error.h>
#include <coffer/limits.h>

#include "slice.h"

/* Names and ids that begin so are coffer's own and are refused wherever a user names something. */
#define NAMES_RESERVED_PREFIX "__coffer_"

typedef enum scope_kind {
	SCOPE_GLOBAL,   /* "global" */
	SCOPE_PIPELINE, /* "pipeline/<id>" */
	SCOPE_RUN,      /* "run/<id>" */
	SCOPE_SYSTEM,   /* "system/<component>" */
} scope_kind;

/* A secret's name: [A-Za-z_][A-Za-z0-9_.-]{0,127}, not reserved. */
COFFER_MUST_USE coffer_err names_check_secret(struct slice name, const char **why);

/* The id part of a scope, and a pipeline: parts like names with '/' between them, none of them empty,
 * "." or "..", none reserved; short enough that "pipeline/<id>" is a scope. */
COFFER_MUST_USE coffer_err names_check_id(struct slice id, const char **why);

/* A whole scope. *kind is set on COFFER_OK. */
COFFER_MUST_USE coffer_err names_check_scope(struct slice scope, scope_kind *kind,
					     const char **why);

/* A glob over names: the characters of names, '*' and '?', 1 to 128 bytes. */
COFFER_MUST_USE coffer_err names_check_glob(struct slice glob, const char **why);

/* Free text: at most max bytes of UTF-8 without control characters (C0, DEL, C1). Empty is fine. */
COFFER_MUST_USE coffer_err names_check_text(struct slice text, size_t max, const char **why);

/* The length of the well-formed UTF-8 sequence (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF) that text begins with; 0 if there is none. */
size_t names_utf8(struct slice text);

/* True if the token has the right length and alphabet. In constant time for a given length. */
bool names_is_token(struct slice token);

/* True if id has the form of a UUID in lower case. */
bool names_is_uuid(struct slice id);

#endif
