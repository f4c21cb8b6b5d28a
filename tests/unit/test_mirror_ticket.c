/* A write that waits for its bucket, seen from within: what stands where, and who is asked for what. */
#include "core/mirror/ticket.h"

#include "core/mirror/apply.h"
#include "core/mirror/tasks.h"
#include "peer_end.h"

static struct world *open_world(void)
{
	struct world *world = malloc(sizeof(*world));

	assert_non_null(world);
	log_set_level(LOG_ERROR);
	world_open(world, NULL);
	must(store_begin(world->store));
	must(store_mark_put(world->store, STORE_MARK_MIRRORED, 1));
	must(store_commit(world->store));
	must(mirror_open(&world->core, "bucket", NULL));
	(void)mirror_attach(&world->core, world);
	world->core.mirror->root = MIRROR_ROOT_OURS;
	mirror_tasks_drop(world->core.mirror, MIRROR_OF_ROOT, NULL);
	return world;
}

static int setup(void **state)
{
	*state = open_world();
	world_listen(*state);
	return 0;
}

#define MIRROR_CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

static void send_write(struct world *world, struct peer_end *peer, uint32_t id,
		       const coffer_v1_SecretWrite *write)
{
	struct buf frames = frames_begin(world), body = body_begin();

	must(codec_append(&body, coffer_v1_PutSecretRequest_fields,
			  &(coffer_v1_PutSecretRequest){ .scope = TEXT("global") }));
	must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
				  coffer_v1_SecretWrite_fields, write));
	must(codec_append_request(&frames, id, TEXT("PutSecret"), body_of(&body)));
	peer_send(world, peer, body_of(&frames));
	world_turn(world);
}

static void send_put(struct world *world, struct peer_end *peer, uint32_t id, const char *name,
		     struct slice value)
{
	const coffer_v1_SecretWrite write = { .name = TEXT(name), .value = value };

	send_write(world, peer, id, &write);
}

static void send_purge(struct world *world, struct peer_end *peer, uint32_t id, const char *name)
{
	struct buf frames = frames_begin(world), body = body_begin();

	must(codec_append(&body, coffer_v1_DeleteSecretRequest_fields,
			  &(coffer_v1_DeleteSecretRequest){
			      .scope = TEXT("global"), .name = TEXT(name), .purge = true }));
	must(codec_append_request(&frames, id, TEXT("DeleteSecret"), body_of(&body)));
	peer_send(world, peer, body_of(&frames));
	world_turn(world);
}

/* The worker takes the next task and tells that it came to code. */
static void do_next(struct world *world, mirror_kind kind, coffer_err code)
{
	struct mirror_task *task = mirror_tasks_next(world->core.mirror);

	assert_non_null(task);
	assert_int_equal(task->kind, kind);
	mirror_tasks_fetched(task);
	must(mirror_result(&world->core, task->id, code, SLICE_EMPTY));
}

/* A value may not stand in memory that is neither locked nor wiped. */
static void a_write_waits_in_the_arena_and_leaves_it(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	size_t before = arena_used(world->arena);

	send_put(world, &peer, 5, "A", TEXT("value"));
	peer_expect_nothing(&peer, false);
	assert_non_null(peer.conn->wait);
	assert_true(arena_used(world->arena) > before);
	do_next(world, MIRROR_KIND_PUT, COFFER_OK);
	world_turn(world);
	peer_expect(world, &peer, 5, COFFER_OK);
	assert_null(peer.conn->wait);
	assert_int_equal(arena_used(world->arena), before);
	assert_null(world->core.mirror->tickets);
	peer_leave(&peer);
}

static void without_room_a_write_is_refused_and_nothing_is_asked_for(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	size_t len = arena_size(world->arena) - arena_used(world->arena) - 4 * ARENA_PAGE;
	static uint8_t value[30000];
	void *taken = arena_take(world->arena, len);

	assert_non_null(taken);
	send_put(world, &peer, 5, "A", (struct slice){ value, sizeof(value) });
	peer_expect(world, &peer, 5, COFFER_RESOURCE_EXHAUSTED);
	assert_null(world->core.mirror->tasks);
	assert_null(world->core.mirror->tickets);
	arena_give(world->arena, taken, len, 0);
	peer_leave(&peer);
}

static void a_peer_that_goes_takes_its_tasks_along(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);

	send_put(world, &peer, 5, "A", TEXT("value"));
	assert_non_null(world->core.mirror->tasks);
	peer_leave(&peer);
	world_turn(world);
	assert_null(world->core.mirror->tasks);
	assert_null(world->core.mirror->tickets);
}

/* Every attempt leaves a record: of its outcome, once. */
static void a_write_has_one_record_however_often_it_is_looked_at(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	uint64_t before = trail_head(world->trail)->seq;

	send_put(world, &peer, 5, "A", TEXT("value"));
	for (int i = 0; i < 3; i++) {
		world->core.events++;
		world_turn(world);
	}
	assert_int_equal(trail_head(world->trail)->seq, before);
	do_next(world, MIRROR_KIND_PUT, COFFER_OK);
	world_turn(world);
	peer_expect(world, &peer, 5, COFFER_OK);
	assert_int_equal(trail_head(world->trail)->seq, before + 1);
	assert_last_record(world, "{\"op\": \"PutSecret\", \"outcome\": \"OK\", \"name\": \"A\", "
				  "\"version\": 1}");
	peer_leave(&peer);
}

static void another_hosts_batch_that_is_too_old_is_no_longer_waited_for(void **state)
{
	const struct mirror_record record = { .created_ms = 1000000,
					      .batch = "fifteen letters",
					      .scope = TEXT("global"),
					      .name = TEXT("A") };
	struct world *world = *state;
	struct mirror *mirror = world->core.mirror;
	struct mirror_applied what;
	uint8_t hash[OBJECT_NAME_LEN];
	char key[MIRROR_KEY_MAX + 1];
	struct buf body;
	uint32_t version;
	bool busy;

	object_name(world->keyring, record.scope, record.name, hash);
	mirror_key_record(key, hash, 4);
	must(mirror_object_seal(&world->core, hash, 4, &record, &body));
	must(core_begin(&world->core));
	must(mirror_apply(&world->core, TEXT(key), (struct slice){ body.data, body.len }, &what));
	must(core_commit(&world->core));
	free(body.data);
	for (int64_t view_ms = 1000000; view_ms <= 1060000; view_ms += 20000) {
		mirror->view_at_ms = view_ms;
		must(mirror_newest(&world->core, record.scope, record.name, &version, &busy));
		assert_int_equal(version, 4);
		assert_int_equal(busy, view_ms < 1060000);
	}
	/* It is whole after all: what it holds counts, and is not known here yet. */
	must(core_begin(&world->core));
	must(store_batch_put(world->store, record.batch));
	must(core_commit(&world->core));
	must(mirror_newest(&world->core, record.scope, record.name, &version, &busy));
	assert_true(busy);
}

/* Deleted, their places would be free for a host that has not seen the purge, and what it writes there lost. */
static void a_purge_is_answered_when_what_it_ends_is_overwritten(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	struct mirror_task *task;

	for (uint32_t id = 1; id <= 2; id++) {
		send_put(world, &peer, id, "A", TEXT("value"));
		do_next(world, MIRROR_KIND_PUT, COFFER_OK);
		world_turn(world);
		peer_expect(world, &peer, id, COFFER_OK);
	}
	send_purge(world, &peer, 3, "A");
	do_next(world, MIRROR_KIND_PUT, COFFER_OK);
	for (uint32_t version = 2; version > 0; version--) {
		world_turn(world);
		peer_expect_nothing(&peer, false);
		task = mirror_tasks_next(world->core.mirror);
		assert_non_null(task);
		assert_int_equal(mirror_key_parse(TEXT(task->key)).version, version);
		assert_int_equal(task->body.len, 0);
		do_next(world, MIRROR_KIND_ERASE, COFFER_OK);
	}
	world_turn(world);
	peer_expect(world, &peer, 3, COFFER_OK);
	assert_null(world->core.mirror->tasks);
	peer_leave(&peer);
}

/* The worker fetches what stands in the way: nothing, up to the version of a purge, and nothing behind that. */
static void do_fetches(struct world *world, uint32_t purge)
{
	const struct mirror_record record = { .flags = STORE_DELETED | MIRROR_PURGED,
					      .scope = TEXT("global"),
					      .name = TEXT("A") };
	struct mirror_task *task;
	struct mirror_applied what;

	while ((task = mirror_tasks_next(world->core.mirror)) != NULL) {
		struct mirror_key key = mirror_key_parse(TEXT(task->key));
		struct buf body = { NULL, 0, 0 };

		if (key.version > purge) {
			do_next(world, MIRROR_KIND_GET, COFFER_NOT_FOUND);
			continue;
		}
		if (key.version == purge)
			must(mirror_object_seal(&world->core, key.name, purge, &record, &body));
		must(core_begin(&world->core));
		must(mirror_apply(&world->core, TEXT(task->key),
				  (struct slice){ body.data, body.len }, &what));
		must(core_commit(&world->core));
		free(body.data);
		do_next(world, MIRROR_KIND_GET, COFFER_OK);
	}
}

/* Version 1 is this host's, and all that it knows; in the bucket version 6 is the purge of those before. */
static void write_over_a_purge(struct world *world, const coffer_v1_SecretWrite *write,
			       coffer_err want)
{
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	const struct mirror_task *task;
	const uint32_t purge = 6;

	send_put(world, &peer, 1, "A", TEXT("old"));
	do_next(world, MIRROR_KIND_PUT, COFFER_OK);
	world_turn(world);
	peer_expect(world, &peer, 1, COFFER_OK);
	send_write(world, &peer, 2, write);
	while ((task = mirror_tasks_next(world->core.mirror)) != NULL) {
		bool taken = mirror_key_parse(TEXT(task->key)).version <= purge;
		do_next(world, MIRROR_KIND_PUT, taken ? COFFER_ALREADY_EXISTS : COFFER_OK);
		do_fetches(world, purge);
		world_turn(world);
	}
	peer_expect(world, &peer, 2, want);
	peer_leave(&peer);
}

static void a_write_passes_what_is_erased_up_to_the_purge(void **state)
{
	const coffer_v1_SecretWrite write = { .name = TEXT("A"), .value = TEXT("new") };
	struct world *world = *state;
	struct store_secret row;

	write_over_a_purge(world, &write, COFFER_OK);
	must(store_secret_latest(world->store, TEXT("global"), TEXT("A"), &row));
	assert_int_equal(row.version, 7);
	assert_int_equal(store_secret_before(world->store, TEXT("global"), TEXT("A"), 7, &row),
			 COFFER_NOT_FOUND);
}

static void a_stale_expectation_ends_at_the_purge(void **state)
{
	const coffer_v1_SecretWrite write = {
		.name = TEXT("A"), .value = TEXT("new"), .check_version = true, .if_version = 1
	};
	struct world *world = *state;
	struct store_secret row;

	write_over_a_purge(world, &write, COFFER_ABORTED);
	assert_int_equal(store_secret_latest(world->store, TEXT("global"), TEXT("A"), &row),
			 COFFER_NOT_FOUND);
}

static void a_host_that_always_loses_gives_up(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	struct mirror *mirror = world->core.mirror;
	int rounds = 0;

	send_put(world, &peer, 5, "A", TEXT("value"));
	while (mirror->tickets != NULL && rounds < 100) {
		struct mirror_member *member = mirror->tickets->members;
		do_next(world, MIRROR_KIND_PUT, COFFER_ALREADY_EXISTS);
		/* As if the other's object had been applied, which is never seen: so the next one is of
		 * the same version. */
		member->state = MEMBER_LOST;
		while (mirror_tasks_next(mirror) != NULL)
			do_next(world, MIRROR_KIND_GET, COFFER_OK);
		world_turn(world);
		rounds++;
	}
	assert_int_equal(rounds, MIRROR_ROUNDS);
	peer_expect(world, &peer, 5, COFFER_ABORTED);
	peer_leave(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MIRROR_CASE(a_write_waits_in_the_arena_and_leaves_it),
		MIRROR_CASE(without_room_a_write_is_refused_and_nothing_is_asked_for),
		MIRROR_CASE(a_peer_that_goes_takes_its_tasks_along),
		MIRROR_CASE(a_write_has_one_record_however_often_it_is_looked_at),
		MIRROR_CASE(another_hosts_batch_that_is_too_old_is_no_longer_waited_for),
		MIRROR_CASE(a_purge_is_answered_when_what_it_ends_is_overwritten),
		MIRROR_CASE(a_write_passes_what_is_erased_up_to_the_purge),
		MIRROR_CASE(a_stale_expectation_ends_at_the_purge),
		MIRROR_CASE(a_host_that_always_loses_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
