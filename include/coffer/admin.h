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
#include <coffer/why.h>

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

/* One secret to write. data may be NULL if len is 0; what is left 0 below it is as for any secret. */
struct coffer_write {
	const char *name;
	const uint8_t *data;
	size_t len;
	struct coffer_if_version if_version;
	/* "file:/absolute/path", of a file of the daemon's host that it reads at each reveal; len must be 0 then. */
	const char *source;
	const char
	    *note; /* what it is for, at most COFFER_TEXT_MAX bytes; "": none. NULL: as before */
	int64_t
	    expires_at_ms; /* from then on it is as if deleted; 0: never. Not taken over by later versions */
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

/* Makes an old version the newest, with its note and expiry. COFFER_NOT_FOUND; COFFER_FAILED_PRECONDITION if that
 * version is a tombstone or has expired. new_version may be NULL. */
COFFER_MUST_USE coffer_err coffer_admin_rollback(struct coffer_admin *admin,
						 const struct coffer_where *where, uint32_t version,
						 uint32_t *new_version);

/* The value of a version (0: the newest). The caller frees *out with coffer_value_free. COFFER_FAILED_PRECONDITION:
 * its source cannot be read. */
COFFER_MUST_USE coffer_err coffer_admin_reveal(struct coffer_admin *admin,
					       const struct coffer_where *where, uint32_t version,
					       struct coffer_value *out);

/* A version of a secret, without its value. */
struct coffer_info {
	char scope[COFFER_SCOPE_MAX + 1];
	char name[COFFER_NAME_MAX + 1];
	uint32_t version;
	int64_t updated_at_ms;
	bool deleted;          /* or expired, if expires_at_ms is not 0 */
	int64_t expires_at_ms; /* 0: never */
	const char *note;      /* NULL: none; both are the listing's */
	const char *source;    /* NULL: it holds its value itself */
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
	/* A pid, as the daemon sees it: the run is revoked when that process exits. 0: none. */
	uint32_t bind_process;
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
/* COFFER_NOT_FOUND: there is no process bind_process. */
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
	uint32_t bind_process;
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

/* --- services ----------------------------------------------------------------------------------------- */

/* What to create a service with: a long-lived caller with a token and scopes of its own. */
struct coffer_service_spec {
	const char *name;          /* as a secret's; there is one live service of a name */
	const char *const *scopes; /* any but run/<id>, in the order in which they are searched */
	size_t scopes_len;         /* 1 .. COFFER_SCOPES_MAX */
	const char *const *allow;  /* globs over names; none: every name */
	size_t allow_len;
	int64_t ttl_ms; /* 0: 24 hours; a year at most */
	bool bind_uid;
	uint32_t uid;
};

/* What came of it. Wipe it: it holds the token, which is told this once. */
struct coffer_service_made {
	char id[COFFER_ID_LEN + 1];
	char token[COFFER_TOKEN_LEN + 1];
	int64_t expires_at_ms;
};
/* COFFER_ALREADY_EXISTS: there is a live service of that name. */
COFFER_MUST_USE coffer_err coffer_admin_create_service(struct coffer_admin *admin,
						       const struct coffer_service_spec *spec,
						       struct coffer_service_made *out);
void coffer_service_made_wipe(struct coffer_service_made *made);

/* A service. Strings are never NULL. */
struct coffer_service {
	char id[COFFER_ID_LEN + 1];
	char name[COFFER_NAME_MAX + 1];
	coffer_grant_state state;
	int64_t created_at_ms;
	int64_t expires_at_ms;
	bool bind_uid;
	uint32_t uid;
	char *scopes; /* with a space between them, as are the globs */
	char *allow;
};
struct coffer_services {
	struct coffer_service *items;
	size_t len;
};
void coffer_services_free(struct coffer_services *services);

/* The oldest first; those that have ended only with all set. */
COFFER_MUST_USE coffer_err coffer_admin_list_services(struct coffer_admin *admin, bool all,
						      struct coffer_services *out);
/* The live service of that name, as the one item of *out. COFFER_NOT_FOUND. */
COFFER_MUST_USE coffer_err coffer_admin_find_service(struct coffer_admin *admin, const char *name,
						     struct coffer_services *out);

/* Lets the live service of that id expire ttl_ms from now (0: 24 hours), also on its open connections.
 * expires_at_ms may be NULL. COFFER_NOT_FOUND; COFFER_FAILED_PRECONDITION if it has ended or expired. To end
 * it: coffer_admin_revoke. */
COFFER_MUST_USE coffer_err coffer_admin_renew_service(struct coffer_admin *admin, const char *id,
						      int64_t ttl_ms, int64_t *expires_at_ms);

/* --- keys --------------------------------------------------------------------------------------------- */

/* From now on that passphrase alone opens the store, and not what did before: no secret is written anew. The
 * caller still owns, and must wipe, it. Some 0.1 to 0.2 seconds pass in which the daemon does nothing else. The
 * next start needs the passphrase, without the end of its line. COFFER_INVALID_ARGUMENT if it is empty or of more
 * than 4096 bytes; COFFER_FAILED_PRECONDITION if the store is in memory. */
COFFER_MUST_USE coffer_err coffer_admin_use_passphrase(struct coffer_admin *admin,
						       const uint8_t *passphrase, size_t len);
/* The same with the key file that the daemon looks for when it starts, which it makes if there is none. Its path
 * is a string that the caller frees with free(). COFFER_FAILED_PRECONDITION if it cannot be used. */
COFFER_MUST_USE coffer_err coffer_admin_use_key_file(struct coffer_admin *admin, char **path);

/* --- flat stores -------------------------------------------------------------------------------------- */

/* A secret of global that belongs to a component of the system. */
struct coffer_migration {
	char name[COFFER_NAME_MAX + 1];
	char scope[COFFER_SCOPE_MAX + 1]; /* where it belongs */
	uint32_t version;                 /* there; 0: none yet */
	bool kept;                        /* there is one already: both are left as they are */
};
struct coffer_migrations {
	struct coffer_migration *items;
	size_t len;
};
void coffer_migrations_free(struct coffer_migrations *migrations);

/* Moves every secret of global that a rule matches ("PATTERN=component", at most COFFER_ALLOW_MAX of them, then those
 * that are built in) to system/<component>; with dry_run only tells which. On failure *out holds what has been moved
 * until then, and a repetition goes on. COFFER_INVALID_ARGUMENT: a rule is none. */
COFFER_MUST_USE coffer_err coffer_admin_migrate(struct coffer_admin *admin,
						const char *const *rules, size_t rules_len,
						bool dry_run, struct coffer_migrations *out);

/* --- backups ------------------------------------------------------------------------------------------ */

/* A backup that is being made. */
struct coffer_backup {
	uint64_t id;
	uint64_t step; /* the library's own */
	int64_t created_at_ms;
	uint64_t audit_seq; /* the newest record of the audit log when it began */
	/* What it holds, once it is finished. */
	uint64_t secrets;
	uint64_t versions;
	uint64_t runs;
	uint64_t damaged; /* versions and runs that do not open; the daemon's log names them */
};

/* Begins a backup of the whole store; one that was being made is given up. COFFER_FAILED_PRECONDITION if the store is
 * in memory, or its home has no room for a copy of the database. */
COFFER_MUST_USE coffer_err coffer_admin_begin_backup(struct coffer_admin *admin,
						     struct coffer_backup *out);

/* The next piece of its file: *len bytes, which may be none, copied to data, which has room for
 * COFFER_BACKUP_PIECE_MAX; *done with the last. All is encrypted. COFFER_ABORTED: begin again. */
#define COFFER_BACKUP_PIECE_MAX 65536
COFFER_MUST_USE coffer_err coffer_admin_read_backup(struct coffer_admin *admin,
						    struct coffer_backup *backup, uint8_t *data,
						    size_t *len, bool *done);

/* Tells the daemon, for its audit log, that all pieces are safe on disk. */
COFFER_MUST_USE coffer_err coffer_admin_finish_backup(struct coffer_admin *admin,
						      struct coffer_backup *backup);

/* --- why ------------------------------------------------------------------------------------------------ */

/* Where a run or a service, live or not, would have a secret from; as coffer_why for the grant of that id.
 * COFFER_NOT_FOUND: there is none. */
COFFER_MUST_USE coffer_err coffer_admin_why(struct coffer_admin *admin, const char *id,
					    const char *name, struct coffer_answer *out);

/* Makes a new root key, which that passphrase opens as it does the old one; len 0: which the key file does. Every
 * secret is then written anew under it, while others are served: look at coffer_status until key_rotating is
 * false. epoch may be NULL. COFFER_INVALID_ARGUMENT if that does not open the store; COFFER_FAILED_PRECONDITION
 * if a rotation is under way, the key file cannot be used, or the store is in memory. */
COFFER_MUST_USE coffer_err coffer_admin_rotate_key(struct coffer_admin *admin,
						   const uint8_t *passphrase, size_t len,
						   uint32_t *epoch);

/* --- a bucket ------------------------------------------------------------------------------------------- */

/* How a store and its bucket stand. */
struct coffer_sync {
	bool done;          /* what was asked for */
	int64_t view_at_ms; /* the bucket as it was then, or later, is served; 0: not known */
	uint64_t pushed;    /* versions of this store's that are in the bucket */
	uint64_t to_push;   /* and about so many that are not */
	char problem[512];  /* why the bucket cannot be used; "": it can, as far as is known */
};

/* Looks at the bucket, and returns when what other hosts had written until then is served here. timeout_ms bounds it,
 * whatever the connection's deadline is; then, and if there is a problem, out->done is false.
 * COFFER_FAILED_PRECONDITION: there is no bucket, or the store is not in it yet. */
COFFER_MUST_USE coffer_err coffer_admin_sync(struct coffer_admin *admin, int timeout_ms,
					     struct coffer_sync *out);

/* Puts a store into its bucket, which must be empty or this store's: some of the way, for timeout_ms at most. To be
 * repeated until out->done or a problem; one that was broken off goes on where it stood. Errors as coffer_admin_sync. */
COFFER_MUST_USE coffer_err coffer_admin_push(struct coffer_admin *admin, int timeout_ms,
					     struct coffer_sync *out);

/* --- audit and status --------------------------------------------------------------------------------- */

/* Records above after_seq, oldest first: one page of JSON lines with a newline behind each, as one string
 * that the caller frees with free(). *last_seq is where the next page begins; *more whether there is one. */
COFFER_MUST_USE coffer_err coffer_admin_read_audit(struct coffer_admin *admin, uint64_t after_seq,
						   char **lines, uint64_t *last_seq, bool *more);

/* Which records: those that match every member that is set (not NULL or 0). Strings are borrowed. */
struct coffer_audit_filter {
	/* Not older. Where the clock was set back, some of the time before may be left out. */
	int64_t since_ms;
	const char *run;     /* id: what the run or service did, and what was done to it */
	const char *name;    /* of a secret */
	const char *op;      /* "GetSecret" */
	const char *outcome; /* "NOT_FOUND" */
};
/* The same, of records that match. A page may be empty though *more is set: *last_seq is how far the
 * daemon has looked. filter may be NULL. COFFER_INVALID_ARGUMENT if no record can be like that. */
COFFER_MUST_USE coffer_err coffer_admin_find_audit(struct coffer_admin *admin, uint64_t after_seq,
						   const struct coffer_audit_filter *filter,
						   char **lines, uint64_t *last_seq, bool *more);

/* A record that was the newest one of a log that stood. Kept outside of the daemon's reach, it shows
 * later that the log still holds it, and so all that was in front of it. It is no secret. */
#define COFFER_AUDIT_MAC_LEN 32
struct coffer_checkpoint {
	uint64_t seq; /* 0: there was no record */
	uint8_t mac[COFFER_AUDIT_MAC_LEN];
	char store[COFFER_ID_LEN + 1]; /* whose log: a UUID. "" to compare with any */
};

struct coffer_verdict {
	uint64_t first_seq; /* of the records that stand */
	uint64_t last_seq;
	char problem[256];                   /* "" if the whole log stands */
	struct coffer_checkpoint checkpoint; /* of the newest record, if the whole log stands */
};
/* Verifies the whole log. COFFER_OK also when a problem was found: look at out->problem. The deadline bounds
 * each step, not the whole. */
COFFER_MUST_USE coffer_err coffer_admin_verify_audit(struct coffer_admin *admin,
						     struct coffer_verdict *out);
/* The same, and compares with a checkpoint from before: a problem is also that the log does not hold it,
 * or no longer, for its file was not kept. */
COFFER_MUST_USE coffer_err coffer_admin_compare_audit(struct coffer_admin *admin,
						      const struct coffer_checkpoint *checkpoint,
						      struct coffer_verdict *out);

struct coffer_method_status {
	char method[32];
	uint64_t calls;
	uint64_t errors;
	/* What half, nine tenths and 99 of 100 calls took at the most, from the request read to the reply made, without
	 * what they waited for a change; too large by an eighth at the most. In microseconds, as is what all of them
	 * took together. */
	uint32_t p50_us;
	uint32_t p90_us;
	uint32_t p99_us;
	uint64_t total_us;
};
/* Of a store that has a bucket. */
struct coffer_mirror_status {
	char bucket[256];   /* "": cofferd was started without its settings */
	char endpoint[512]; /* "": the region's */
	bool joined;        /* the store is in it: writes go there first */
	bool connected;     /* coffer-s3 is there */
	int64_t view_at_ms; /* as in coffer_sync */
	char problem[512];
	uint32_t waiting; /* writes that wait for the bucket */
	uint64_t objects; /* that are known here */
	uint64_t refused; /* objects that do not open, since the start */
};
struct coffer_status {
	char server[64];
	uint32_t protocol;
	uint32_t schema; /* of the database */
	char sqlite[32]; /* versions */
	char libsodium[32];
	char cipher[32];
	int64_t started_at_ms;
	int64_t uptime_ms;
	uint32_t connections;
	uint64_t secrets;  /* that are not deleted */
	uint64_t versions; /* that are kept, tombstones too */
	uint64_t runs_live;
	uint64_t services_live;
	uint64_t revision;
	uint64_t audit_seq;        /* the newest record; 0: none was made yet */
	uint64_t audit_oldest_seq; /* the oldest that is kept */
	uint64_t audit_bytes;      /* of the log's files */
	uint64_t
	    audit_delays; /* how often a connection was made to wait, as its uid's records came too fast */
	bool audit_writable;
	uint64_t arena_used; /* bytes of locked memory */
	uint64_t arena_peak; /* the most of them since the start */
	uint64_t arena_size;
	uint64_t store_bytes; /* of the database with its write-ahead log */
	uint32_t key_epoch;   /* counts the root keys */
	bool key_rotating;    /* records are being sealed under it */
	int64_t backup_at_ms; /* of the last backup that was finished; 0: none */
	bool has_mirror;
	struct coffer_mirror_status mirror;
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
