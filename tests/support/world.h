/* world.h - a small daemon inside the test: every layer below main, its store in memory, its files in a
 * folder of its own. For the unit tests and the fuzz target, so it knows no test library: what cannot be
 * set up is printed, and aborts. */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include "net/net.h"

struct world_options {
	bool on_disk;       /* the store is a file of the folder, else in memory */
	uint32_t value_max; /* 0: the default, as for all below */
	uint32_t versions_kept;
	size_t arena_bytes;
	unsigned connections; /* in all, and of one uid */
	unsigned connections_per_uid;
};

struct world {
	struct world_options options;
	char folder[64], database[96], runner[96], admin[96];
	struct arena *arena;
	struct store *store;
	struct keyring *keyring;
	struct trail *trail;
	struct ballast *ballast;
	struct core core;
	struct rpc rpc;
	struct ev_loop *loop; /* NULL unless world_listen was called */
	struct net net;
	int64_t waited_ms; /* how long the request of world_ask has waited */
	uint8_t *request;  /* heap, of world_ask */
	struct buf reply;  /* arena */
};

/* options may be NULL. */
void world_open(struct world *world, const struct world_options *options);
void world_close(struct world *world);

/* Opens the sockets. One turn reads what has arrived and sends what it came to. */
void world_listen(struct world *world);
void world_turn(struct world *world);

/* Changes of their own, beside the requests: no record is made of them. */
void world_put(struct world *world, const char *scope, const char *name, struct slice value);
void world_grant(struct world *world, const char *id, grant_kind kind, const char *token,
		 const char *scopes);

/* A run of the pipeline and of ref "main", with bootstrap data. */
struct world_run {
	char id[COFFER_ID_LEN + 1];
	char token[COFFER_TOKEN_LEN + 1];
};
struct world_run world_run(struct world *world, const char *pipeline, int64_t expires_ms);

/* A session of this process on that socket. */
struct session world_session(struct world *world, rpc_service service);

/* One request, past the sockets. body is the encoded request message. The reply's slices stand until the
 * next one; there is none if the outcome is to wait. */
struct world_reply {
	coffer_err code;
	struct slice message;
	struct slice body;
	struct rpc_outcome outcome;
};
struct world_reply world_ask(struct world *world, struct session *session, const char *method,
			     struct slice body);

/* Says Hello with that token and returns its code. */
coffer_err world_hello(struct world *world, struct session *session, const char *token);

#endif
