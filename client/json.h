/* json.h - a strict scanner of JSON texts (RFC 8259). Layer: client. Pure functions.
 *
 * One pass without memory or recursion: what is not JSON to the letter is refused, also what is not UTF-8,
 * a surrogate alone, and more than JSON_DEPTH_MAX levels. Tokens are slices of the text as it stands, so a
 * caller can copy, replace or decode them where they are. */
#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include <coffer/error.h>

#include "slice.h"

#define JSON_DEPTH_MAX 512

typedef enum json_kind {
	JSON_END, /* of the text */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY, /* a string, as the following one */
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
} json_kind;

/* text: a bracket, or the whole of anything else, a string with its quotes. */
struct json_token {
	json_kind kind;
	struct slice text;
};

typedef enum json_expects {
	JSON_EXPECTS_VALUE,
	JSON_EXPECTS_FIRST_VALUE, /* or the end of the array */
	JSON_EXPECTS_KEY,
	JSON_EXPECTS_FIRST_KEY, /* or the end of the object */
	JSON_EXPECTS_COMMA,     /* or the end of what it stands in */
} json_expects;

struct json {
	struct slice text;
	size_t at; /* where the next token is looked for; after a failure, where that is */
	json_expects expects;
	unsigned depth;
	uint8_t objects[JSON_DEPTH_MAX / 8]; /* a bit for each level: an object, or else an array */
	const char *why; /* of a failure: "a string has no end". A static string */
};

/* text is borrowed as long as *json and its tokens are used. */
void json_begin(struct json *json, struct slice text);

/* The next token, at last JSON_END. COFFER_INVALID_ARGUMENT: json->why tells, and json->at is where. */
COFFER_MUST_USE coffer_err json_next(struct json *json, struct json_token *token);

/* The next token, but an object or an array as a whole: its kind is that of its first bracket. */
COFFER_MUST_USE coffer_err json_next_whole(struct json *json, struct json_token *token);

/* Decodes a token of a string, which is never shorter, to out; that may be where the token itself stands.
 * Returns how many bytes they are. */
size_t json_decode(struct slice string, uint8_t *out);

/* The line and the column (in characters), from 1 on, of a place in a text. */
void json_place(struct slice text, size_t at, size_t *line, size_t *column);

#endif
