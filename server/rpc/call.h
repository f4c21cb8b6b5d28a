/* call.h - one request on its way through its handler. Layer: rpc, inside. */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "codec.h"
#include "core/scopes.h"
#include "rpc/dispatch.h"

/* Room that a handler which fills a page keeps for the fields behind the page. */
#define CALL_TAIL_MAX 512

struct method;

struct call {
	const struct method *method;
	struct rpc *rpc;
	struct session *session;
	int64_t now_ms;
	int64_t waited_ms; /* since it was first looked at */
	int64_t wait_ms;   /* set by a handler that has no answer yet, and returns COFFER_OK */
	struct slice body; /* the encoded request, for its repeated fields */
	union {
		coffer_v1_HelloRequest hello;
		coffer_v1_BootstrapRequest bootstrap;
		coffer_v1_GetSecretRequest get_secret;
		coffer_v1_GetSecretsRequest get_secrets;
		coffer_v1_ListSecretsRequest list_secrets;
		coffer_v1_GetEnvironmentRequest get_environment;
		coffer_v1_WaitForChangeRequest wait_for_change;
		coffer_v1_WhyRequest why;
		coffer_v1_PutSecretRequest put_secret;
		coffer_v1_DeleteSecretRequest delete_secret;
		coffer_v1_ListVersionsRequest list_versions;
		coffer_v1_RollbackSecretRequest rollback_secret;
		coffer_v1_ListAllSecretsRequest list_all_secrets;
		coffer_v1_RevealSecretRequest reveal_secret;
		coffer_v1_CreateRunRequest create_run;
		coffer_v1_FinishRunRequest finish_run;
		coffer_v1_ListRunsRequest list_runs;
		coffer_v1_RevokeGrantRequest revoke_grant;
		coffer_v1_CreateServiceRequest create_service;
		coffer_v1_ListGrantsRequest list_grants;
		coffer_v1_RenewGrantRequest renew_grant;
		coffer_v1_WhyGrantRequest why_grant;
		coffer_v1_RewrapKeyRequest rewrap_key;
		coffer_v1_RotateKeyRequest rotate_key;
		coffer_v1_MigrateRequest migrate;
		coffer_v1_BeginBackupRequest begin_backup;
		coffer_v1_ReadBackupRequest read_backup;
		coffer_v1_FinishBackupRequest finish_backup;
		coffer_v1_ReadAuditRequest read_audit;
		coffer_v1_VerifyAuditRequest verify_audit;
		coffer_v1_StatusRequest status;
		coffer_v1_SyncRequest sync;
		coffer_v1_MirrorTasksRequest mirror_tasks;
		coffer_v1_MirrorOfferRequest mirror_offer;
		coffer_v1_MirrorApplyRequest mirror_apply;
	} request;       /* decoded */
	struct buf *out; /* the reply's body is appended here */
	size_t message_len;
	struct {
		bool begun; /* in the trail's buffer, not ended yet */
		bool done;
		char grant[COFFER_ID_LEN + 1]; /* id, "" if none is known */
		bool is_run;
		struct slice via;
		struct slice
		    scope; /* the one secret or scope that the request is about, if it is */
		struct slice name;
		uint32_t version;
		char
		    scope_text[COFFER_SCOPE_MAX]; /* for a handler that makes up the scope itself */
		char reason[128];                 /* what the caller is not told */
	} record;                                 /* what the audit record will say */
	char message[COFFER_MESSAGE_MAX];         /* for the caller, if the handler fails */
};

typedef coffer_err (*call_handler)(struct call *call);

/* Sets the message (cut to its room) and returns err. Never format a value into it. */
COFFER_MUST_USE coffer_err call_fail(struct call *call, coffer_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds to the message what fits. */
void call_say(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The reason of the audit record. */
void call_reason(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the request is about, for the record: one secret (also a scope alone, name empty; version 0 where
 * there is none), or secret by secret of a batch. The slices of call_about must live as long as the call. */
void call_about(struct call *call, struct slice scope, struct slice name, uint32_t version);
void call_about_item(struct call *call, struct slice scope, struct slice name, uint32_t version);

/* Checks of what a peer named, with the message set: COFFER_INVALID_ARGUMENT, or for a system scope
 * without system COFFER_PERMISSION_DENIED. */
COFFER_MUST_USE coffer_err call_check_name(struct call *call, struct slice name);
COFFER_MUST_USE coffer_err call_check_scope(struct call *call, struct slice scope, bool system);
COFFER_MUST_USE coffer_err call_check_id(struct call *call, const char *what, struct slice id);
COFFER_MUST_USE coffer_err call_check_text(struct call *call, const char *what, struct slice text,
					   size_t max);

/* Gathers the request's repeated field of globs, checked, for a grant; allow has room for CALL_ALLOW_MAX. */
#define CALL_ALLOW_MAX (COFFER_ALLOW_MAX * (COFFER_NAME_MAX + 1))
COFFER_MUST_USE coffer_err call_gather_allow(struct call *call, uint32_t tag, struct buf *allow);

/* Names the run or the service that the request is about in the record, after a check of its id, which the
 * message calls what. */
COFFER_MUST_USE coffer_err call_about_grant(struct call *call, const char *what, struct slice id,
					    bool is_run);

/* The end of a grant as the wire has it. */
coffer_v1_GrantState call_grant_state(grant_end end);

/* "unknown secret 'X'": the one text for it on every transport. */
COFFER_MUST_USE coffer_err call_unknown_secret(struct call *call, struct slice name);

/* A page of repeated fields: begin, then add items with codec_* until one does not fit. page_full undoes
 * what the failed item left and tells whether err means that the page is full (and not empty). */
struct call_page {
	size_t start, mark;
	size_t cap;
};
struct call_page call_page_begin(struct call *call);
void call_page_item(struct call *call, struct call_page *page);
bool call_page_full(struct call *call, struct call_page *page, coffer_err err);
void call_page_end(struct call *call, const struct call_page *page);

/* The handlers, by service and noun: job.c, job_secrets.c, job_wait.c, operator_secrets.c, operator_runs.c,
 * operator_services.c, why.c, operator_keys.c, operator_backup.c, operator_migrate.c, operator_audit.c. */
coffer_err job_hello(struct call *call);
coffer_err job_bootstrap(struct call *call);
coffer_err job_get_secret(struct call *call);
coffer_err job_get_secrets(struct call *call);
coffer_err job_list_secrets(struct call *call);
coffer_err job_get_environment(struct call *call);
coffer_err job_wait_for_change(struct call *call);
coffer_err job_why(struct call *call);
coffer_err operator_put_secret(struct call *call);
coffer_err operator_delete_secret(struct call *call);
coffer_err operator_list_versions(struct call *call);
coffer_err operator_rollback_secret(struct call *call);
coffer_err operator_list_all_secrets(struct call *call);
coffer_err operator_reveal_secret(struct call *call);
coffer_err operator_create_run(struct call *call);
coffer_err operator_finish_run(struct call *call);
coffer_err operator_list_runs(struct call *call);
coffer_err operator_revoke_grant(struct call *call);
coffer_err operator_create_service(struct call *call);
coffer_err operator_list_grants(struct call *call);
coffer_err operator_renew_grant(struct call *call);
coffer_err operator_rewrap_key(struct call *call);
coffer_err operator_rotate_key(struct call *call);
coffer_err operator_why_grant(struct call *call);
coffer_err operator_migrate(struct call *call);
coffer_err operator_begin_backup(struct call *call);
coffer_err operator_read_backup(struct call *call);
coffer_err operator_finish_backup(struct call *call);
coffer_err operator_restore(struct call *call); /* by the daemon itself, as the next one */
coffer_err operator_restore_rest(struct call *call);
coffer_err operator_read_audit(struct call *call);
coffer_err operator_verify_audit(struct call *call);
coffer_err operator_status(struct call *call);
coffer_err operator_sync(struct call *call);
coffer_err operator_mirror_tasks(struct call *call);
coffer_err operator_mirror_offer(struct call *call);
coffer_err operator_mirror_apply(struct call *call);
coffer_err operator_mirror_status(
    struct call *call); /* a part of operator_status, behind the rest of its reply */
coffer_err operator_expire_runs(struct call *call); /* by the daemon itself, as the next ones */
coffer_err operator_expire_secrets(struct call *call);
coffer_err operator_end_rotation(struct call *call);
coffer_err operator_end_of_process(struct call *call);
coffer_err operator_remove_ended(struct call *call);

#endif
