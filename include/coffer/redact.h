/* coffer/redact.h - secrets taken out of a stream of bytes before anybody reads it.
 *
 * A redactor knows values; a stream is text on its way, such as a job's standard output. Every occurrence of every
 * form of every value is found, wherever the text is cut into chunks, and their union replaced: what overlaps or
 * touches becomes one COFFER_REDACT_MARKER. Text and values are any bytes. Only the longest end of the text that
 * begins a pattern is held back, for it may yet become one; never a line.
 *
 * Forms of a value: as it is; without white space at its end; without quotes around it; each of these as JSON has
 * it (also with \u003c, \/ and \u00e9), shells ('\'', '"'"', backslashes, double quotes, $'...'), URLs (%2f, %2F,
 * + for a space) and XML, in hexadecimal, in base64 and base64url wherever it stands in what was encoded. Of a text
 * of lines also these joined with LF, CRLF and a space, and each of 16 bytes or more, but for BEGIN and END of PEM.
 * Not found: base64 in lines, escape codes or a terminal's line ends within, more than 4 KiB of no text escaped.
 *
 * How: a filter after R. Karp and M. Rabin (1987) and S. Wu and U. Manber (1994) rules most of the text out; where
 * it cannot, the automaton of A. Aho and M. Corasick (1975) reads on, in linear time whatever text and values are.
 * The engine takes 12 bytes and a little for each byte of the patterns, a stream none for the text it holds back.
 *
 * Nothing is printed, no thread started. A redactor and its streams belong to one thread at a time. What held a
 * value is wiped when it is freed. */
#ifndef COFFER_REDACT_H
#define COFFER_REDACT_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What stands in the place of a secret. It is never searched itself. */
#define COFFER_REDACT_MARKER "***REDACTED***"

COFFER_API_BEGIN

/* The values to be found, made ready for search. */
struct coffer_redactor;

/* The caller frees *out, after its streams. COFFER_RESOURCE_EXHAUSTED: no memory; *out is NULL. */
COFFER_MUST_USE coffer_err coffer_redactor_new(struct coffer_redactor **out);
void coffer_redactor_free(struct coffer_redactor *redactor); /* redactor may be NULL */

/* Registers len bytes at value in all forms; the caller still owns, and must wipe, them. name is the secret's, and
 * is used in a message only. It acts on what any stream is fed from then on. To register many values before the
 * next feed costs one preparation, not many. A value that is there already changes nothing.
 * COFFER_FAILED_PRECONDITION: it has fewer than 8 bytes, white space at its ends not counted, and was not
 * registered; coffer_redactor_message says so, once for each name.
 * COFFER_RESOURCE_EXHAUSTED: no memory, or more than 1 GiB of patterns; every stream of the redactor has failed. */
COFFER_MUST_USE coffer_err coffer_redactor_add(struct coffer_redactor *redactor, const char *name,
					       const uint8_t *value, size_t len);

/* The same of these bytes alone, in no other form. */
COFFER_MUST_USE coffer_err coffer_redactor_add_exact(struct coffer_redactor *redactor,
						     const char *name, const uint8_t *bytes,
						     size_t len);

/* What the last addition has to tell, in words that never hold a value; "" if nothing. Valid until the next one.
 * redactor may be NULL, which gives a text about memory. */
const char *coffer_redactor_message(const struct coffer_redactor *redactor);

/* One text on its way. Standard output and standard error are two of these, over one redactor. */
struct coffer_redact_stream;

/* Takes len bytes, at least one, that may be read by anybody. data is borrowed for the call. Anything but
 * COFFER_OK fails the stream. It must not call the stream's functions. */
typedef coffer_err (*coffer_redact_write)(void *context, const uint8_t *data, size_t len);

/* redactor is borrowed until the stream is freed; write is called with context from within the functions below,
 * and from nowhere else. The caller owns *out. COFFER_RESOURCE_EXHAUSTED: no memory; *out is NULL. */
COFFER_MUST_USE coffer_err coffer_redact_stream_new(struct coffer_redact_stream **out,
						    struct coffer_redactor *redactor,
						    coffer_redact_write write, void *context);
void coffer_redact_stream_free(struct coffer_redact_stream *stream); /* stream may be NULL */

/* Takes in the next len bytes, 0 or more, and writes what is certain. in is borrowed for the call.
 * COFFER_RESOURCE_EXHAUSTED: no memory; else what write returned. A stream that has failed writes nothing ever
 * again and returns the same error each time: text that cannot be searched must not get out. After the end:
 * COFFER_FAILED_PRECONDITION. */
COFFER_MUST_USE coffer_err coffer_redact_feed(struct coffer_redact_stream *stream,
					      const uint8_t *in, size_t len);

/* Whether coffer_redact_idle would write something: then call it when nothing has come for about 100 ms. */
bool coffer_redact_waits(const struct coffer_redact_stream *stream);

/* The text has paused. A held beginning of a pattern of 3 bytes or fewer is written, and the rest, should it
 * follow, is redacted still; a longer one is held as long as it takes. Errors as for coffer_redact_feed. */
COFFER_MUST_USE coffer_err coffer_redact_idle(struct coffer_redact_stream *stream);

/* The text has ended: of what is held back, 8 bytes or more of a pattern become a marker, fewer are written.
 * Errors as for coffer_redact_feed. */
COFFER_MUST_USE coffer_err coffer_redact_end(struct coffer_redact_stream *stream);

COFFER_API_END

#ifdef __cplusplus
}
#endif

#endif
