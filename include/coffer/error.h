/* coffer/error.h - the one error space of coffer.
 *
 * Every fallible function of the public API and of the service itself returns a coffer_err. The same
 * numbers travel on the wire as coffer.v1.Code; the list is append only. */
#ifndef COFFER_ERROR_H
#define COFFER_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define COFFER_MUST_USE __attribute__((warn_unused_result))
#else
#define COFFER_MUST_USE
#endif

/* The library is built with hidden visibility: what stands between these two is its public API. */
#if defined(__GNUC__)
#define COFFER_API_BEGIN _Pragma("GCC visibility push(default)")
#define COFFER_API_END   _Pragma("GCC visibility pop")
#else
#define COFFER_API_BEGIN
#define COFFER_API_END
#endif

/* X(name, number, what it means to a caller) */
#define COFFER_ERRORS(X)                                               \
	X(OK, 0, "done")                                               \
	X(INVALID_ARGUMENT, 1, "the request is malformed")             \
	X(UNAUTHENTICATED, 2, "no valid token")                        \
	X(PERMISSION_DENIED, 3, "not allowed")                         \
	X(NOT_FOUND, 4, "no such thing")                               \
	X(ALREADY_EXISTS, 5, "it exists already")                      \
	X(GONE, 6, "it was there once and has been taken")             \
	X(ABORTED, 7, "another writer came first")                     \
	X(FAILED_PRECONDITION, 8, "not possible in this state")        \
	X(RESOURCE_EXHAUSTED, 9, "a limit was reached")                \
	X(UNAVAILABLE, 10, "the service cannot answer now; try again") \
	X(DEADLINE_EXCEEDED, 11, "not done in time")                   \
	X(UNIMPLEMENTED, 12, "the server does not know this method")   \
	X(INTERNAL, 13, "a defect or a failed system call in coffer")  \
	X(DATA_LOSS, 14, "stored data is damaged or was tampered with")

#define COFFER_ERROR_ENUM(name, number, text) COFFER_##name = number,
typedef enum coffer_err { COFFER_ERRORS(COFFER_ERROR_ENUM) } coffer_err;
#undef COFFER_ERROR_ENUM

COFFER_API_BEGIN

/* The error's name as it stands in coffer.proto ("NOT_FOUND"); "UNKNOWN" for a number that is not in
 * the list. A static string, never NULL. */
const char *coffer_err_name(coffer_err err);

/* A short description in English, for people. A static string, never NULL. */
const char *coffer_err_text(coffer_err err);

COFFER_API_END

#ifdef __cplusplus
}
#endif

#endif
