/* world_test.h - the world in cmocka's and jansson's words: asking, and reading the audit log. For tests. */
#ifndef WORLD_TEST_H
#define WORLD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec.h"
#include "world.h"

#define must(call)   assert_int_equal((call), COFFER_OK)
#define CASES(list)  (sizeof(list) / sizeof((list)[0]))
#define TEXT(string) slice_str(string)
#define NEVER        INT64_MAX

/* The log takes no more, as on a full disk; and takes it again. What was gathered stays to be written. */
static inline void log_block(struct world *world)
{
	struct rlimit limit;

	must(trail_flush(world->trail));
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static inline void log_unblock(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static inline int world_setup_with(void **state, const struct world_options *options)
{
	struct world *world = malloc(sizeof(*world));

	if (world == NULL)
		return -1;
	log_set_level(LOG_ERROR);
	world_open(world, options);
	*state = world;
	return 0;
}

static inline int world_setup(void **state)
{
	return world_setup_with(state, NULL);
}

static inline int world_teardown(void **state)
{
	log_unblock();
	world_close(*state);
	free(*state);
	return 0;
}

/* A case with a world of its own. */
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

static inline void assert_slice(struct slice got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len > 0)
		assert_memory_equal(got.data, want, got.len);
}

/* --- requests ------------------------------------------------------------------------------------------ */

#define BODY_MAX (1u << 20)

/* One buffer for the request that is being built. */
static inline struct buf body_begin(void)
{
	static uint8_t bytes[BODY_MAX];

	return (struct buf){ bytes, 0, sizeof(bytes) };
}

static inline struct slice body_of(const struct buf *body)
{
	return (struct slice){ body->data, body->len };
}

static inline struct world_reply ask(struct world *world, struct session *session,
				     const char *method, const pb_msgdesc_t *fields,
				     const void *message)
{
	struct buf body = body_begin();

	must(codec_append(&body, fields, message));
	return world_ask(world, session, method, body_of(&body));
}

/* ASK(world, &session, GetSecret, .name = TEXT("A")) */
#define ASK(world, session, name, ...)                               \
	ask(world, session, #name, coffer_v1_##name##Request_fields, \
	    &(coffer_v1_##name##Request){ __VA_ARGS__ })

/* Declares the decoded reply of a request that went well. */
#define REPLY(name, variable, reply)                                                    \
	coffer_v1_##name##Response variable;                                            \
	assert_int_equal((reply).code, COFFER_OK);                                      \
	must(codec_decode((reply).body, coffer_v1_##name##Response_fields, &(variable), \
			  sizeof(variable)))

static inline struct world_reply put(struct world *world, struct session *session,
				     const char *scope, const char *name, const char *value)
{
	struct buf body = body_begin();
	coffer_v1_PutSecretRequest request = { .scope = TEXT(scope) };
	coffer_v1_SecretWrite write = { .name = TEXT(name), .value = TEXT(value) };

	must(codec_append(&body, coffer_v1_PutSecretRequest_fields, &request));
	must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
				  coffer_v1_SecretWrite_fields, &write));
	return world_ask(world, session, "PutSecret", body_of(&body));
}

static inline size_t count_of(struct slice message, uint32_t tag)
{
	struct slice element;
	size_t count = 0;

	while (codec_next(&message, tag, &element))
		count++;
	return count;
}

/* --- the audit log -------------------------------------------------------------------------------------- */

/* The record of that number; the caller releases it. */
static inline json_t *record_at(struct world *world, uint64_t seq)
{
	char path[128], *line = NULL;
	json_t *found = NULL;
	size_t room = 0;
	FILE *file;

	must(trail_flush(world->trail));
	snprintf(path, sizeof(path), "%s/00000000000000000001.jsonl", world->folder);
	file = fopen(path, "r");
	assert_non_null(file);
	while (found == NULL && getline(&line, &room, file) > 0) {
		json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(record);
		if ((uint64_t)json_integer_value(json_object_get(record, "seq")) == seq)
			found = record;
		else
			json_decref(record);
	}
	free(line);
	fclose(file);
	return found;
}

/* The newest record has each of the wanted members, and none of those that are wanted null. */
static inline void assert_last_record(struct world *world, const char *wanted)
{
	json_t *record = record_at(world, trail_head(world->trail)->seq), *want, *value;
	const char *key;

	want = json_loads(wanted, 0, NULL);
	assert_non_null(record);
	assert_non_null(want);
	json_object_foreach(want, key, value)
	{
		json_t *got = json_object_get(record, key);
		if (json_is_null(value) ? got == NULL : json_equal(got, value))
			continue;
		print_error("%s\nwanted: %s\n", json_dumps(record, 0), wanted);
		fail();
	}
	json_decref(want);
	json_decref(record);
}

#endif
