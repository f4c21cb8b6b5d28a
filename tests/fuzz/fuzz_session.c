/* A whole session: bytes of a peer through sockets, framing, dispatch, core and store, and the replies
 * back. The first byte chooses the socket (bit 0) and how the rest is cut into writes (bits 1 to 7).
 * The store holds a run whose token is 32 times 'T' and some secrets; it is made anew from time to time,
 * so that one input's changes do not pile up for ever. */
#include "net/net.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ballast.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/runs.h"
#include "core/secrets.h"
#include "frame.h"
#include "net/conn.h"
#include "vault/token.h"

#define INPUTS_PER_STORE 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
	char folder[32], runner[64], admin[64];
	struct ev_loop *loop;
	struct arena *arena;
	struct store *store;
	struct keyring *keyring;
	struct trail *trail;
	struct ballast *ballast;
	struct core core;
	struct rpc rpc;
	struct net net;
	unsigned inputs;
} world;

static void must(coffer_err err)
{
	if (err != COFFER_OK) {
		fprintf(stderr, "cannot set up: %s\n", coffer_err_name(err));
		abort();
	}
}

static void put_secret(const char *scope, const char *name)
{
	struct secrets_target target = { .scope = slice_str(scope),
					 .name = slice_str(name),
					 .now_ms = clock_wall_ms() };
	uint32_t version;

	must(secrets_put(&world.core, &target, SLICE_LITERAL("a value of a secret"), &version));
}

static void put_run(void)
{
	struct runs_spec spec = { .pipeline = SLICE_LITERAL("p"),
				  .ref = SLICE_LITERAL("r"),
				  .bootstrap = true,
				  .now_ms = clock_wall_ms(),
				  .expires_ms = INT64_MAX };
	char id[COFFER_ID_LEN + 1], superseded[COFFER_ID_LEN + 1];
	char *token = arena_take(world.arena, COFFER_TOKEN_LEN);
	struct store_grant grant;
	uint8_t hash[TOKEN_HASH_LEN];

	runs_make_id(&world.core, spec.now_ms, id);
	must(runs_create(&world.core, id, &spec, SLICE_LITERAL("\x12\x02/x"), token, superseded));
	/* The same grant once more, with a token that the corpus can know. */
	must(store_grant_by_id(world.store, slice_str(id), &grant));
	token_hash(world.keyring, SLICE_LITERAL("TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT"), hash);
	memcpy(grant.token_hash, hash, sizeof(hash));
	grant.id = SLICE_LITERAL("00000000-0000-7000-8000-000000000000");
	must(store_grant_put(world.store, &grant));
	arena_give(world.arena, token, COFFER_TOKEN_LEN, COFFER_TOKEN_LEN);
}

static void open_world(void)
{
	static const uint8_t uuid[KEYRING_STORE_UUID_LEN] = { 1 };
	struct net_options options = { .runner_socket = world.runner,
				       .admin_socket = world.admin,
				       .admin_mode = 0600,
				       .admin_group = -1,
				       .connections_max = 16,
				       .connections_per_uid = 16 };
	struct trail_options log = { .folder = world.folder };
	pid_t holder;

	memcpy(world.folder, "/tmp/coffer-fuzz-XXXXXX", sizeof("/tmp/coffer-fuzz-XXXXXX"));
	must(mkdtemp(world.folder) ? COFFER_OK : COFFER_UNAVAILABLE);
	snprintf(world.runner, sizeof(world.runner), "%s/r.sock", world.folder);
	snprintf(world.admin, sizeof(world.admin), "%s/a.sock", world.folder);
	world.loop = ev_loop_new(EVFLAG_NOENV);
	must(arena_create(&world.arena, 4 << 20, true));
	must(keyring_create(&world.keyring, world.arena, uuid));
	must(keyring_new_epoch(world.keyring, 1));
	must(store_open(&world.store, ":memory:", STORE_CREATE, &holder));
	log.key = keyring_key(world.keyring, KEY_AUDIT, 1);
	must(trail_open(&world.trail, &log));
	must(ballast_open(&world.ballast, NULL));
	world.core = (struct core){ .arena = world.arena,
				    .store = world.store,
				    .keyring = world.keyring,
				    .algorithm = SEAL_XCHACHA20_POLY1305,
				    .value_max = COFFER_VALUE_MAX_DEFAULT,
				    .versions_kept = 3 };
	must(core_init(&world.core));
	must(core_begin(&world.core));
	put_secret("global", "A");
	put_secret("pipeline/p", "B");
	put_run();
	must(core_commit(&world.core));
	world.rpc = (struct rpc){ .core = &world.core,
				  .trail = world.trail,
				  .ballast = world.ballast,
				  .operators = { .own_uid = (uint32_t)geteuid() },
				  .cipher = "test",
				  .frame_max = COFFER_VALUE_MAX_DEFAULT + COFFER_FRAME_OVERHEAD };
	must(net_open(&world.net, &options, world.loop, &world.rpc));
}

static void close_world(void)
{
	net_close(&world.net);
	core_destroy(&world.core);
	trail_close(world.trail);
	ballast_close(world.ballast);
	keyring_destroy(world.keyring);
	store_close(world.store);
	arena_destroy(world.arena);
	ev_loop_destroy(world.loop);
	must(file_remove_tree(world.folder));
	memset(&world, 0, sizeof(world));
}

static void at_exit(void)
{
	if (world.inputs > 0)
		close_world();
}

static void next_input(void)
{
	static bool begun;

	if (world.inputs == INPUTS_PER_STORE)
		close_world();
	if (!begun) {
		begun = true;
		log_set_level(LOG_ERROR);
		atexit(at_exit);
	}
	if (world.inputs++ == 0)
		open_world();
}

/* Every reply is whole frames of the announced size: the peer's side of the contract. */
static void read_replies(int fd)
{
	static uint8_t replies[1 << 20];
	size_t len = 0, header, body;
	ssize_t n;

	while ((n = recv(fd, replies + len, sizeof(replies) - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	for (size_t at = 0; at < len; at += header + body)
		if (frame_parse((struct slice){ replies + at, len - at }, world.rpc.frame_max,
				&header, &body) != COFFER_OK ||
		    header + body > len - at)
			return; /* the rest comes with the next read */
}

static void run_session(int fd, const uint8_t *data, size_t size, size_t step)
{
	for (size_t at = 0; at < size; at += step) {
		size_t len = size - at < step ? size - at : step;
		if (send(fd, data + at, len, MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
			break;
		ev_run(world.loop, EVRUN_NOWAIT);
		read_replies(fd);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 3; i++) {
		ev_run(world.loop, EVRUN_NOWAIT);
		read_replies(fd);
	}
	close(fd);
	ev_run(world.loop, EVRUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[2];
	size_t step;

	if (size < 2)
		return 0;
	next_input();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	step = data[0] >> 1 == 0 ? size : (size_t)(data[0] >> 1);
	conn_accept(&world.net, ends[0], data[0] & 1 ? SERVICE_OPERATOR : SERVICE_RUNNER);
	run_session(ends[1], data + 1, size - 1, step);
	assert(!world.rpc.fatal && world.net.all == NULL);
	return 0;
}
