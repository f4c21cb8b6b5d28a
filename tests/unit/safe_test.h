/* safe_test.h - a world whose store is opened by a key file. For tests. */
#ifndef SAFE_TEST_H
#define SAFE_TEST_H

#include "core/keys.h"
#include "world_test.h"

struct safe {
	struct world world;
	char file[128];   /* the key's */
	const char *told; /* by the last call, where a test keeps that */
};

static inline int safe_setup(void **state)
{
	struct safe *safe = malloc(sizeof(*safe));
	struct keys_way way = { .file = NULL };

	if (safe == NULL)
		return -1;
	log_set_level(LOG_ERROR);
	world_open(&safe->world, NULL);
	snprintf(safe->file, sizeof(safe->file), "%s/key", safe->world.folder);
	way.file = safe->world.core.key_file = safe->file;
	must(store_begin(safe->world.store));
	must(keys_add(safe->world.keyring, safe->world.store, safe->world.arena, &way, 1));
	must(store_commit(safe->world.store));
	*state = safe;
	return 0;
}

static inline int safe_teardown(void **state)
{
	struct safe *safe = *state;

	world_close(&safe->world);
	free(safe);
	return 0;
}

#define IN_A_SAFE(name) cmocka_unit_test_setup_teardown(name, safe_setup, safe_teardown)

#endif
