#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/ballast.h"
#include "base/clock.h"
#include "base/file.h"
#include "codec.h"
#include "core/runs.h"
#include "core/secrets.h"
#include "frame.h"
#include "vault/token.h"

#define REQUEST_MAX (4u << 20)

static void must(coffer_err err)
{
	if (err == COFFER_OK)
		return;
	fprintf(stderr, "the world cannot be set up: %s\n", coffer_err_name(err));
	abort();
}

static size_t or_default(size_t value, size_t other)
{
	return value != 0 ? value : other;
}

/* In memory where that can be had: the tests sync more often than a disk likes. */
static void make_folder(struct world *world)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(world->folder, sizeof(world->folder), "%s/coffer-world-XXXXXX", base);
	must(mkdtemp(world->folder) != NULL ? COFFER_OK : COFFER_UNAVAILABLE);
	snprintf(world->database, sizeof(world->database), "%s/coffer.db", world->folder);
	snprintf(world->runner, sizeof(world->runner), "%s/coffer.sock", world->folder);
	snprintf(world->admin, sizeof(world->admin), "%s/admin.sock", world->folder);
}

static void open_store(struct world *world)
{
	static const struct store_identity id = { .uuid = "a store's uuid", .algorithm = 1 };
	const char *path = world->options.on_disk ? world->database : ":memory:";
	pid_t holder;

	must(store_open(&world->store, path, STORE_CREATE, &holder));
	must(store_begin(world->store));
	must(store_identity_put(world->store, &id));
	must(store_commit(world->store));
	must(keyring_create(&world->keyring, world->arena, id.uuid));
	must(keyring_new_epoch(world->keyring, 1));
}

static void open_core(struct world *world)
{
	const struct world_options *options = &world->options;
	size_t value_max = or_default(options->value_max, COFFER_VALUE_MAX_DEFAULT);

	world->core =
	    (struct core){ .arena = world->arena,
			   .store = world->store,
			   .keyring = world->keyring,
			   .algorithm = SEAL_XCHACHA20_POLY1305,
			   .value_max = (uint32_t)value_max,
			   .versions_kept = (uint32_t)or_default(options->versions_kept, 3) };
	must(core_init(&world->core));
	world->rpc = (struct rpc){ .core = &world->core,
				   .trail = world->trail,
				   .ballast = world->ballast,
				   .operators = { .own_uid = (uint32_t)geteuid() },
				   .cipher = "xchacha20-poly1305",
				   .frame_max = (uint32_t)value_max + COFFER_FRAME_OVERHEAD,
				   .started_ms = clock_wall_ms() };
}

void world_open(struct world *world, const struct world_options *options)
{
	struct trail_options log = { .folder = world->folder };
	size_t room;

	memset(world, 0, sizeof(*world));
	if (options != NULL)
		world->options = *options;
	make_folder(world);
	must(arena_create(&world->arena, or_default(world->options.arena_bytes, 4u << 20), true));
	open_store(world);
	log.key = keyring_key(world->keyring, KEY_AUDIT, 1);
	must(trail_open(&world->trail, &log));
	must(ballast_open(&world->ballast, NULL));
	open_core(world);
	room = world->rpc.frame_max + FRAME_HEADER_MAX;
	world->reply = (struct buf){ arena_take(world->arena, room), 0, room };
	world->request = malloc(REQUEST_MAX);
	must(world->reply.data != NULL && world->request != NULL ? COFFER_OK
								 : COFFER_RESOURCE_EXHAUSTED);
}

void world_close(struct world *world)
{
	if (world->loop != NULL) {
		world_turn(world);
		net_close(&world->net);
		ev_loop_destroy(world->loop);
	}
	free(world->request);
	arena_give(world->arena, world->reply.data, world->reply.cap, world->reply.cap);
	core_destroy(&world->core);
	trail_close(world->trail);
	ballast_close(world->ballast);
	keyring_destroy(world->keyring);
	store_close(world->store);
	arena_destroy(world->arena);
	must(file_remove_tree(world->folder));
	memset(world, 0, sizeof(*world));
}

void world_listen(struct world *world)
{
	const struct world_options *options = &world->options;
	struct net_options net = {
		.runner_socket = world->runner,
		.admin_socket = world->admin,
		.admin_mode = 0600,
		.admin_group = -1,
		.connections_max = (unsigned)or_default(options->connections, 64),
		.connections_per_uid = (unsigned)or_default(options->connections_per_uid, 64),
	};

	world->loop = ev_loop_new(EVFLAG_NOENV);
	must(world->loop != NULL ? COFFER_OK : COFFER_UNAVAILABLE);
	must(net_open(&world->net, &net, world->loop, &world->rpc));
}

/* What one round of the loop reads, the next one sends before it waits. */
void world_turn(struct world *world)
{
	for (int i = 0; i < 3; i++)
		ev_run(world->loop, EVRUN_NOWAIT);
}

void world_put(struct world *world, const char *scope, const char *name, struct slice value)
{
	struct secrets_target target = { .scope = slice_str(scope),
					 .name = slice_str(name),
					 .now_ms = clock_wall_ms() };
	struct secrets_content content = { .value = value };
	uint32_t version;

	must(core_begin(&world->core));
	must(secrets_put(&world->core, &target, &content, &version));
	must(core_commit(&world->core));
}

void world_grant(struct world *world, const char *id, grant_kind kind, const char *token,
		 const char *scopes)
{
	struct store_grant grant = { .id = slice_str(id),
				     .kind = kind,
				     .scopes = slice_str(scopes),
				     .expires_ms = INT64_MAX };

	token_hash(world->keyring, slice_str(token), grant.token_hash);
	must(core_begin(&world->core));
	must(store_grant_put(world->store, &grant));
	must(core_commit(&world->core));
}

struct world_run world_run(struct world *world, const char *pipeline, int64_t expires_ms)
{
	struct runs_spec spec = { .pipeline = slice_str(pipeline),
				  .ref = SLICE_LITERAL("main"),
				  .bootstrap = true,
				  .now_ms = clock_wall_ms(),
				  .expires_ms = expires_ms };
	char *token = arena_take(world->arena, COFFER_TOKEN_LEN), superseded[COFFER_ID_LEN + 1];
	struct world_run run = { .id = "" };

	runs_make_id(&world->core, spec.now_ms, run.id);
	must(core_begin(&world->core));
	must(runs_create(&world->core, run.id, &spec, SLICE_LITERAL("\x12\x04/git"), token,
			 superseded));
	must(core_commit(&world->core));
	memcpy(run.token, token, COFFER_TOKEN_LEN);
	arena_give(world->arena, token, COFFER_TOKEN_LEN, COFFER_TOKEN_LEN);
	return run;
}

struct session world_session(struct world *world, rpc_service service)
{
	struct session session = { .service = service,
				   .uid = (uint32_t)geteuid(),
				   .gid = (uint32_t)getegid(),
				   .pid = (int32_t)getpid() };

	rpc_session_open(&world->rpc, &session, NULL, 0);
	return session;
}

struct world_reply world_ask(struct world *world, struct session *session, const char *method,
			     struct slice body)
{
	struct buf request = { world->request, 0, REQUEST_MAX }, *out = &world->reply;
	struct world_reply reply = { .code = COFFER_INTERNAL };
	coffer_v1_Response response;
	size_t header, len;

	must(codec_append_request(&request, 7, slice_str(method), body));
	must(frame_parse((struct slice){ request.data, request.len }, REQUEST_MAX, &header, &len));
	memset(out->data, 0, out->cap);
	out->len = 0;
	reply.outcome =
	    rpc_dispatch(&world->rpc, session, (struct slice){ request.data + header, len },
			 world->waited_ms, out);
	if (reply.outcome.wait_ms > 0) {
		must(out->len == 0 ? COFFER_OK : COFFER_INTERNAL);
		return reply;
	}
	must(frame_parse((struct slice){ out->data, out->len }, world->rpc.frame_max, &header,
			 &len));
	must(header + len == out->len ? COFFER_OK : COFFER_INTERNAL);
	must(codec_decode((struct slice){ out->data + header, len }, coffer_v1_Response_fields,
			  &response, sizeof(response)));
	must(response.id == 7 ? COFFER_OK : COFFER_INTERNAL);
	reply.code = (coffer_err)response.code;
	reply.message = response.message;
	reply.body = response.body;
	return reply;
}

coffer_err world_hello(struct world *world, struct session *session, const char *token)
{
	coffer_v1_HelloRequest hello = { .protocol = COFFER_PROTOCOL_VERSION,
					 .token = slice_str(token) };
	uint8_t bytes[128];
	struct buf body = { bytes, 0, sizeof(bytes) };

	must(codec_append(&body, coffer_v1_HelloRequest_fields, &hello));
	return world_ask(world, session, "Hello", (struct slice){ bytes, body.len }).code;
}
