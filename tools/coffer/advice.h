/* advice.h - what to do next, told behind what went wrong. Layer: tools.
 *
 * Only where the error, and the verb that got it, leave no doubt. Static texts, one clause each. */
#ifndef ADVICE_H
#define ADVICE_H

#include <coffer/error.h>
#include <stdbool.h>

/* Of an error that a verb ("get", "run show") got as a run or a service, or as an operator. NULL: nothing is to
 * be added. */
const char *advice_run(const char *verb, coffer_err err);
const char *advice_operator(const char *verb, coffer_err err);

/* Of a daemon that could not be reached at that socket. Never NULL. */
const char *advice_connect(const char *socket, bool is_operator);

#endif
