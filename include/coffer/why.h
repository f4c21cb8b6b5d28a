/* coffer/why.h - where a secret would come from, or why there is none: without its value.
 *
 * Same rules as coffer/client.h and coffer/admin.h. */
#ifndef COFFER_WHY_H
#define COFFER_WHY_H

#include <coffer/client.h>

#ifdef __cplusplus
extern "C" {
#endif

COFFER_API_BEGIN

/* Whether a token still works. Equal to coffer.v1.GrantState. */
typedef enum coffer_grant_state {
	COFFER_GRANT_LIVE = 1,
	COFFER_GRANT_FINISHED = 2,
	COFFER_GRANT_SUPERSEDED = 3,
	COFFER_GRANT_EXPIRED = 4,
	COFFER_GRANT_REVOKED = 5,
} coffer_grant_state;

/* "live", "finished", ...; "unknown" for a number that is none. A static string. */
const char *coffer_grant_state_name(coffer_grant_state state);

/* Equal to coffer.v1.WhyOutcome and coffer.v1.ScopeOutcome. */
typedef enum coffer_why_outcome {
	COFFER_WHY_FOUND = 1,       /* the last of the scopes has it */
	COFFER_WHY_NOT_FOUND = 2,   /* none of the scopes has it */
	COFFER_WHY_NOT_ALLOWED = 3, /* no glob matches the name */
	COFFER_WHY_ENDED = 4,       /* the run or the service has ended */
} coffer_why_outcome;
typedef enum coffer_scope_outcome {
	COFFER_SCOPE_HAS = 1,
	COFFER_SCOPE_LACKS = 2,
	COFFER_SCOPE_DELETED = 3,
	COFFER_SCOPE_EXPIRED = 4,
} coffer_scope_outcome;

/* "found", "not found", "not allowed", "ended", and "has", "lacks", "deleted", "expired"; "unknown" for a number
 * that is none. Static strings. */
const char *coffer_why_outcome_name(coffer_why_outcome outcome);
const char *coffer_scope_outcome_name(coffer_scope_outcome outcome);

/* What one scope has of the name. */
struct coffer_why_scope {
	char scope[COFFER_SCOPE_MAX + 1];
	coffer_scope_outcome outcome;
	uint32_t version; /* the newest one, also of a deletion; 0: it lacks the secret */
	int64_t updated_at_ms;
	int64_t expires_at_ms; /* 0: never */
	bool from_file;        /* its value is read from a file at each use */
};

struct coffer_answer {
	coffer_why_outcome outcome;
	/* In the order in which they are searched, up to the one that has it. */
	struct coffer_why_scope scopes[COFFER_SCOPES_MAX];
	size_t scopes_len;
	char *allow;              /* globs with a space between them; "": every name. Never NULL */
	coffer_grant_state state; /* of the run or the service, and when it expires */
	int64_t expires_at_ms;
};
void coffer_answer_free(struct coffer_answer *answer); /* an empty one is fine */

/* As a job: for its own token. scopes is empty where the name is not allowed: nothing is told of it then.
 * COFFER_FAILED_PRECONDITION over the filesystem transport. The caller frees *out. */
COFFER_MUST_USE coffer_err coffer_why(struct coffer_session *session, const char *name,
				      struct coffer_answer *out);

COFFER_API_END

#ifdef __cplusplus
}
#endif

#endif
