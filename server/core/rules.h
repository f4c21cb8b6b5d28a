/* rules.h - which names of a flat store belong to which component of the system. Layer: core. Pure functions.
 *
 * A rule is "PATTERN=component": a secret global/<name that matches> is to be system/<component>/<name>. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>

#include "core/grants.h"
#include "slice.h"

/* Longest rule, and the longest text of as many as one request may have. */
#define RULES_RULE_MAX (COFFER_NAME_MAX + 1 + COFFER_SCOPE_MAX)
#define RULES_TEXT_MAX (COFFER_ALLOW_MAX * (RULES_RULE_MAX + 1))

/* COFFER_INVALID_ARGUMENT with *why if it is no rule. */
COFFER_MUST_USE coffer_err rules_check(struct slice rule, const char **why);

/* The scope that the name belongs to: by the first of own, a list of checked rules as in scopes.h, that matches,
 * else by those that are built in. Written to out; empty if there is none. */
struct slice rules_scope(struct slice own, struct slice name, char out[COFFER_SCOPE_MAX]);

/* Whether a grant reads the name in global, too, as it reads the scope that the name belongs to by these rules. */
bool rules_fall_back(const struct grant *grant, struct slice own, struct slice name);

#endif
