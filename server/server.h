/* server.h - the parts of a daemon, put together in order and taken apart in reverse. Layer: main. */
#ifndef SERVER_H
#define SERVER_H

#include <coffer/error.h>

#include "audit/trail.h"
#include "base/arena.h"
#include "base/ballast.h"
#include "config.h"
#include "core/core.h"
#include "paths.h"
#include "rpc/dispatch.h"
#include "store/store.h"
#include "vault/keyring.h"

/* Zero it before server_open. */
struct server {
	struct paths paths;
	char temporary[32]; /* the folder of an ephemeral server, to be removed; "" for none */
	char *key_file;     /* where the next start looks for it; NULL for an ephemeral server */
	struct arena *arena;
	struct store *store;
	struct keyring *keyring;
	struct ballast *ballast;
	struct trail *trail;
	struct core core;
	struct rpc rpc;
};

/* Opens the home's store, unlocks it and opens its audit log; or, if the configuration says ephemeral, makes
 * all of that anew, the store in memory and the rest in a temporary folder. Failures are logged. What was
 * opened before a failure is closed by server_close, which may always be called. */
COFFER_MUST_USE coffer_err server_open(struct server *server, const struct config *config);

/* The parts of server_open, for who finds the store in another way: the arena; and, where paths, store, keyring
 * and the core's algorithm are set, what stands on them. */
COFFER_MUST_USE coffer_err server_open_arena(struct server *server, const struct config *config);
COFFER_MUST_USE coffer_err server_open_parts(struct server *server, const struct config *config);

/* Fills a new store, which is open: identity, root key and first slot, in one transaction; and the bucket's root object,
 * if there are settings of one. slot_wanted is false for a store in memory. COFFER_ALREADY_EXISTS: the bucket has one. */
COFFER_MUST_USE coffer_err server_make_store(struct server *server, const struct config *config,
					     bool slot_wanted);

/* Whether records can be sealed so here; the cause is logged. */
COFFER_MUST_USE coffer_err server_check_cipher(seal_algorithm algorithm);

/* Makes a home. COFFER_ALREADY_EXISTS if there is one; nothing of it is changed then. One that was cut off
 * can be repeated. */
COFFER_MUST_USE coffer_err server_init(const struct config *config);

/* Moves the secrets of a flat store if that was never done, stores those that the command line names, and for an ephemeral server creates a run and prints what
 * a client needs on stdout. */
COFFER_MUST_USE coffer_err server_prepare(struct server *server, const struct config *config);

/* Whether the audit log is to be on disk before a reply. */
bool server_syncs_always(const struct config *config);

void server_close(struct server *server);

#endif
