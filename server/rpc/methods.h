/* methods.h - the method table. Layer: rpc, inside. */
#ifndef RPC_METHODS_H
#define RPC_METHODS_H

#include "rpc/call.h"

typedef enum method_needs {
	NEEDS_NOTHING = 1, /* 0 is no authority at all: a row that forgets it is refused */
	NEEDS_GRANT,
	NEEDS_OPERATOR,
} method_needs;

typedef enum method_audit {
	AUDIT_NONE,
	AUDIT_IF_POSSIBLE, /* goes on without a record while the log cannot be written */
	AUDIT_REQUIRED,
} method_audit;

struct method {
	const char *name;
	rpc_service service;
	method_needs needs;
	method_audit audit;
	bool changes; /* runs in a transaction; its record and its reply wait for the disk */
	bool frees;   /* gives space back: may use what is kept in reserve for a full disk */
	const pb_msgdesc_t *request;
	call_handler handle;
};

/* The table's row, or NULL. */
const struct method *methods_find(struct slice name);

/* All rows, for counting: row i has counter i. */
const struct method *methods_all(size_t *len);

/* What the daemon does by itself, through the same steps as a request. */
extern const struct method methods_expire_runs;
extern const struct method methods_end_of_process;
extern const struct method methods_expire_secrets;
extern const struct method methods_end_rotation;
extern const struct method methods_restore;
extern const struct method methods_restore_rest; /* without what does not open */
extern const struct method methods_remove_ended;

/* In dispatch.c: the steps of every request, from authorization to the audit record, for a call that
 * dispatch_prepare has begun and whose body and out are set. */
void dispatch_prepare(struct call *call, struct rpc *rpc, struct session *session,
		      const struct method *method);
COFFER_MUST_USE coffer_err dispatch_run(struct call *call);

#endif
