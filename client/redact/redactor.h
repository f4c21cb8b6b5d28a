/* redactor.h - what the parts of coffer/redact.h share: the patterns and the engine over them.
 * Layer: client/redact. */
#ifndef REDACT_REDACTOR_H
#define REDACT_REDACTOR_H

#include <coffer/limits.h>
#include <coffer/redact.h>

#include "engine.h"
#include "patterns.h"

/* A secret whose value is too short, and of which the caller has been told. */
struct redactor_told {
	struct redactor_told *next;
	char name[COFFER_NAME_MAX + 1];
};

struct coffer_redactor {
	struct patterns patterns;
	struct engine engine;
	uint64_t built; /* how often the engine was; a stream's state belongs to one of these */
	bool stale;     /* patterns were added since */
	bool failed;    /* a pattern is missing: nothing may go out any more */
	struct redactor_told *told;
	char message[COFFER_NAME_MAX + 96];
};

/* Brings the engine up to date. COFFER_RESOURCE_EXHAUSTED: no memory, now or when a pattern was added. */
COFFER_MUST_USE coffer_err redactor_refresh(struct coffer_redactor *redactor);

#endif
