#include "core/core.h"

#include <stdlib.h>

#include "core/grants.h"

coffer_err core_init(struct core *core)
{
	size_t cap = core->value_max + COFFER_FRAME_OVERHEAD + SEAL_OVERHEAD_MAX;
	coffer_err err;

	core->grants = NULL;
	cache_init(&core->cache);
	core->ending.id[0] = '\0';
	core->sealed = (struct buf){ malloc(cap), 0, cap };
	if (core->sealed.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = store_revision_get(core->store, &core->revision)) != COFFER_OK)
		core_destroy(core);
	core->next_revision = core->revision;
	return err;
}

void core_destroy(struct core *core)
{
	cache_clear(&core->cache);
	free(core->sealed.data);
	core->sealed = (struct buf){ NULL, 0, 0 };
}

coffer_err core_begin(struct core *core)
{
	core->ending.id[0] = '\0';
	core->next_revision = core->revision;
	return store_begin(core->store);
}

coffer_err core_commit(struct core *core)
{
	coffer_err err;

	if ((err = store_commit(core->store)) != COFFER_OK) {
		core_rollback(core);
		return err;
	}
	cache_clear(&core->cache);
	core->revision = core->next_revision;
	if (core->ending.id[0] != '\0')
		grants_mark_ended(core, slice_str(core->ending.id), core->ending.end);
	core->ending.id[0] = '\0';
	return COFFER_OK;
}

void core_rollback(struct core *core)
{
	store_rollback(core->store);
	cache_clear(&core->cache);
	core->ending.id[0] = '\0';
	core->next_revision = core->revision;
}

coffer_err core_touch(struct core *core)
{
	core->next_revision = core->revision + 1;
	return store_revision_put(core->store, core->next_revision);
}
