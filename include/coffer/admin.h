/* coffer/admin.h - what an operator or an orchestrator does, over the admin socket.
 *
 * Same rules as coffer/client.h: synchronous, libc only, no value in a message. The authority is the peer's
 * uid: the superuser's, the daemon's own, or a member of the configured group. Changing calls are never
 * repeated by the library: after COFFER_UNAVAILABLE or COFFER_DEADLINE_EXCEEDED the caller does not know
 * whether the change was made. A connection that the daemon has closed since the last call is opened again
 * before anything is sent; calls that only read are also repeated once if it breaks under them. */
#ifndef COFFER_ADMIN_H
#define COFFER_ADMIN_H

#include <coffer/client.h>

#ifdef __cplusplus
extern "C" {
#endif

COFFER_API_BEGIN

struct coffer_admin;

/* Connects. What answers must be the superuser's, the caller's own or of the uid that owns the folder of the
 * socket, or nothing is sent to it. socket is the admin socket's path, not NULL. timeout_ms as in struct coffer_options; it bounds
 * each call. Ownership and errors as for coffer_open. */
COFFER_MUST_USE coffer_err coffer_admin_open(struct coffer_admin **out, const char *socket,
					     int timeout_ms);
void coffer_admin_close(struct coffer_admin *admin);                /* NULL is fine */
const char *coffer_admin_message(const struct coffer_admin *admin); /* as coffer_message */

/* --- secrets ------------------------------------------------------------------------------------------ */

/* Where a secret is. system must be true to touch a scope system/<component>. */
struct coffer_where {
	const char *scope;
	const char *name;
	bool system;
};

/* "Only if the newest version is this": set check; version 0 means that there must be none (a deleted
 * secret counts as none). */
struct coffer_if_version {
	bool check;
	uint32_t version;
};

/* One secret to write. data may be NULL if len is 0. */
struct coffer_write {
	const char *name;
	const uint8_t *data;
	size_t len;
	struct coffer_if_version if_version;
};

/* Writes count secrets (1 .. COFFER_BATCH_MAX) of one scope: all of them, durably, or none. versions may be
 * NULL, else it has room for count numbers. COFFER_ABORTED: an if_version did not hold.
 * COFFER_RESOURCE_EXHAUSTED: together they are larger than one frame. COFFER_PERMISSION_DENIED: system scope. */
COFFER_MUST_USE coffer_err coffer_admin_put(struct coffer_admin *admin, const char *scope,
					    bool system, const struct coffer_write *writes,
					    size_t count, uint32_t *versions);

/* Adds a tombstone, whose version goes to *version, or with purge erases every version (*version is 0).
 * version and if_version may be NULL. COFFER_NOT_FOUND, COFFER_ABORTED. */
COFFER_MUST_USE coffer_err coffer_admin_delete(struct coffer_admin *admin,
					       const struct coffer_where *where, bool purge,
					       const struct coffer_if_version *if_version,
					       uint32_t *version);

/* Makes an old version's value the newest. COFFER_NOT_FOUND; COFFER_FAILED_PRECONDITION if that version is a
 * tombstone. new_version may be NULL. */
COFFER_MUST_USE coffer_err coffer_admin_rollback(struct coffer_admin *admin,
						 const struct coffer_where *where, uint32_t version,
						 uint32_t *new_version);

/* The value of a version (0: the newest). The caller frees *out with coffer_value_free. */
COFFER_MUST_USE coffer_err coffer_admin_reveal(struct coffer_admin *admin,
					       const struct coffer_where *where, uint32_t version,
					       struct coffer_value *out);

/* A version of a secret, without its value. */
struct coffer_info {
	char scope[COFFER_SCOPE_MAX + 1];
	char name[COFFER_NAME_MAX + 1];
	uint32_t version;
	int64_t updated_at_ms;
	bool deleted;
};
struct coffer_infos {
	struct coffer_info *items;
	size_t len;
};
void coffer_infos_free(struct coffer_infos *infos);

/* A listing is held in memory as a whole: one above 64 MiB is refused with COFFER_RESOURCE_EXHAUSTED.
 * Every secret of a scope, or (scope NULL) of every scope, without deleted ones; sorted by scope and name. */
COFFER_MUST_USE coffer_err coffer_admin_list(struct coffer_admin *admin, const char *scope,
					     bool system, struct coffer_infos *out);

/* Every kept version, newest first. */
COFFER_MUST_USE coffer_err coffer_admin_history(struct coffer_admin *admin,
						const struct coffer_where *where,
						struct coffer_infos *out);

/* --- runs --------------------------------------------------------------------------------------------- */

/* What to create a run with. Strings may be NULL but for pipeline and ref. */
struct coffer_run_spec {
	const char *pipeline;
	const char *ref;
	const char *repo;
	const char *sha;
	int64_t pushed_at_ms;
	const char *git_dir;
	const char *sentry_dsn;
	const char *sentry_trace_id;
	const struct coffer_pair *extras;
	size_t extras_len;
	const char *const *allow; /* globs over names; none: every name */
	size_t allow_len;
	int64_t ttl_ms; /* 0: one hour */
	bool bind_uid;
	uint32_t uid;
	const struct coffer_write *secrets; /* for this run alone */
	size_t secrets_len;
	bool no_bootstrap;
};

/* What came of it. Wipe it: it holds the token, which is told this once. */
struct coffer_run_made {
	char run_id[COFFER_ID_LEN + 1];
	char token[COFFER_TOKEN_LEN + 1];
	int64_t expires_at_ms;
	size_t superseded; /* runs that this one replaced */
};
COFFER_MUST_USE coffer_err coffer_admin_create_run(struct coffer_admin *admin,
						   const struct coffer_run_spec *spec,
						   struct coffer_run_made *out);
void coffer_run_made_wipe(struct coffer_run_made *made);

/* Equal to coffer.v1.RunState. */
typedef enum coffer_run_state {
	COFFER_RUN_PENDING = 1,
	COFFER_RUN_ACTIVE = 2,
	COFFER_RUN_SUCCEEDED = 3,
	COFFER_RUN_FAILED = 4,
	COFFER_RUN_CANCELLED = 5,
	COFFER_RUN_SUPERSEDED = 6,
	COFFER_RUN_EXPIRED = 7,
} coffer_run_state;

/* "pending", ...; "unknown" for a number that is none. A static string. */
const char *coffer_run_state_name(coffer_run_state state);

/* result is SUCCEEDED, FAILED or CANCELLED. COFFER_NOT_FOUND; COFFER_FAILED_PRECONDITION if it has ended. */
COFFER_MUST_USE coffer_err coffer_admin_finish_run(struct coffer_admin *admin, const char *run_id,
						   coffer_run_state result);

/* Ends a run's or a service's authority at once; a run counts as cancelled. Errors as above. */
COFFER_MUST_USE coffer_err coffer_admin_revoke(struct coffer_admin *admin, const char *id);

/* A run. In a listing, git_dir, extras and allow are empty. Strings are never NULL. */
struct coffer_run {
	struct coffer_bootstrap about; /* its strings and extras */
	coffer_run_state state;
	int64_t created_at_ms;
	int64_t started_at_ms; /* 0: not yet */
	int64_t finished_at_ms;
	int64_t expires_at_ms;
	bool bind_uid;
	uint32_t uid;
	const char *allow; /* globs with a space between them */
};
struct coffer_runs {
	struct coffer_run *items;
	size_t len;
};
void coffer_runs_free(struct coffer_runs *runs);

/* The newest runs first, at most max of them (0: all). */
COFFER_MUST_USE coffer_err coffer_admin_list_runs(struct coffer_admin *admin, size_t max,
						  struct coffer_runs *out);
/* One run in full, as the one item of *out. COFFER_NOT_FOUND. */
COFFER_MUST_USE coffer_err coffer_admin_show_run(struct coffer_admin *admin, const char *run_id,
						 struct coffer_runs *out);

/* --- audit and status --------------------------------------------------------------------------------- */

/* Records above after_seq, oldest first: one page of JSON lines with a newline behind each, as one string
 * that the caller frees with free(). *last_seq is where the next page begins; *more whether there is one. */
COFFER_MUST_USE coffer_err coffer_admin_read_audit(struct coffer_admin *admin, uint64_t after_seq,
						   char **lines, uint64_t *last_seq, bool *more);

struct coffer_verdict {
	uint64_t first_seq; /* of the records that stand */
	uint64_t last_seq;
	char problem[256]; /* "" if the whole log stands */
};
/* Verifies the whole log. COFFER_OK also when a problem was found: look at out->problem. The deadline bounds
 * each step, not the whole. */
COFFER_MUST_USE coffer_err coffer_admin_verify_audit(struct coffer_admin *admin,
						     struct coffer_verdict *out);

struct coffer_method_status {
	char method[32];
	uint64_t calls;
	uint64_t errors;
};
struct coffer_status {
	char server[64];
	char cipher[32];
	int64_t started_at_ms;
	uint32_t connections;
	uint64_t revision;
	uint64_t audit_seq;
	bool audit_writable;
	uint64_t arena_used;
	uint64_t arena_size;
	struct coffer_method_status *methods;
	size_t methods_len;
};
COFFER_MUST_USE coffer_err coffer_admin_status(struct coffer_admin *admin,
					       struct coffer_status *out);
void coffer_status_free(struct coffer_status *status);

COFFER_API_END

#ifdef __cplusplus
}
#endif

#endif
