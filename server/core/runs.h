/* runs.h - runs: creating, claiming, ending. Layer: core.
 *
 *   pending -> active -> succeeded | failed | cancelled;  superseded and expired from pending or active
 *
 * A run and its grant share one id. A run's bootstrap data is an encoded BootstrapResponse that this
 * layer seals and opens without looking into it. */
#ifndef CORE_RUNS_H
#define CORE_RUNS_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "core/scopes.h"

/* What a run is created with; all checked by the caller. Slices are borrowed for the call. */
struct runs_spec {
	struct slice pipeline;
	struct slice ref;
	struct slice allow; /* globs, see scopes.h */
	bool bootstrap;     /* whether the job may claim the payload */
	bool bind_uid;
	uint32_t uid;
	struct slice process; /* the mark of the one that it is bound to, see bonds.h */
	int64_t now_ms;
	int64_t expires_ms;
};

/* Makes the run's id, for the payload that names it, before runs_create. */
void runs_make_id(struct core *core, int64_t now_ms, char id[COFFER_ID_LEN + 1]);

/* In the open transaction: supersedes the pending or active run of the same pipeline and ref, if there
 * is one (its id goes to superseded, else "", also if that run was past its time and counts as expired),
 * and stores the run and its grant. The token is written to token, which is arena memory. */
COFFER_MUST_USE coffer_err runs_create(struct core *core, const char id[COFFER_ID_LEN + 1],
				       const struct runs_spec *spec, struct slice payload,
				       char token[COFFER_TOKEN_LEN],
				       char superseded[COFFER_ID_LEN + 1]);

/* In the open transaction: claims the run's bootstrap data and hands out its row, whose payload is
 * sealed. nonce is empty or COFFER_NONCE_LEN bytes; the same one from the same uid within 30 s of the
 * claim gets the data again. COFFER_NOT_FOUND: the run has none. COFFER_GONE: claimed before. */
COFFER_MUST_USE coffer_err runs_claim(struct core *core, struct slice id, struct slice nonce,
				      uint32_t uid, int64_t now_ms, struct store_run *row);

/* Where the bootstrap data of the run of that id stands, for its seal; scope is borrowed. */
struct seal_context runs_payload_context(char scope[SCOPES_RUN_LEN], struct slice id);

/* Length of the row's bootstrap data, and the data itself into out, as secrets_open does. */
COFFER_MUST_USE coffer_err runs_payload_len(const struct store_run *row, size_t *len);
COFFER_MUST_USE coffer_err runs_open_payload(struct core *core, const struct store_run *row,
					     uint8_t *out);

/* In the open transaction: ends a pending or active run, its grant (end tells how) and its own secrets.
 * COFFER_NOT_FOUND: no such run. COFFER_FAILED_PRECONDITION: it has ended. */
COFFER_MUST_USE coffer_err runs_end(struct core *core, struct slice id, run_state state,
				    grant_end end, int64_t now_ms);

/* The id of a run that is past its time and not ended yet. COFFER_NOT_FOUND: there is none; *next_ms is
 * then when the next one will be, 0 if there is no live run. */
COFFER_MUST_USE coffer_err runs_overdue(struct core *core, int64_t now_ms,
					char id[COFFER_ID_LEN + 1], int64_t *next_ms);

/* COFFER_OK if the run is pending or active, COFFER_NOT_FOUND, or COFFER_FAILED_PRECONDITION. */
COFFER_MUST_USE coffer_err runs_check_live(struct core *core, struct slice id, int64_t now_ms);

/* The state that the run is in at that time: a live run past its time counts as expired. */
run_state runs_state(const struct store_run *row, int64_t now_ms);

#endif
