#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#include "core/grants.h"
#include "core/mirror/mirror.h"

coffer_err core_init(struct core *core)
{
	size_t cap = core->value_max + COFFER_FRAME_OVERHEAD + SEAL_OVERHEAD_MAX;
	coffer_err err;

	core->grants = NULL;
	core->mirror = NULL;
	cache_init(&core->cache);
	core->ending.id[0] = '\0';
	core->renewing.id[0] = '\0';
	core->binding[0] = '\0';
	core->new_epoch = core->old_epoch = 0;
	core->sealed = (struct buf){ malloc(cap), 0, cap };
	if (core->sealed.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = bonds_open(&core->bonds)) != COFFER_OK ||
	    (err = store_revision_get(core->store, &core->revision)) != COFFER_OK) {
		core_destroy(core);
		return err;
	}
	if (core->revision == 0) /* nobody can wait after 0, see WaitForChange */
		core->revision = 1;
	core->next_revision = core->revision;
	core->events = 0;
	changes_init(&core->changes, core->revision);
	return COFFER_OK;
}

void core_destroy(struct core *core)
{
	cache_clear(&core->cache);
	bonds_close(&core->bonds);
	mirror_close(core->mirror);
	core->mirror = NULL;
	free(core->sealed.data);
	core->sealed = (struct buf){ NULL, 0, 0 };
}

coffer_err core_begin(struct core *core)
{
	core->ending.id[0] = '\0';
	core->renewing.id[0] = '\0';
	core->binding[0] = '\0';
	core->new_epoch = core->old_epoch = 0;
	core->next_revision = core->revision;
	mirror_begun(core);
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
	if (core->next_revision != core->revision || core->ending.id[0] != '\0' ||
	    core->renewing.id[0] != '\0')
		core->events++;
	core->revision = core->next_revision;
	changes_commit(&core->changes, core->revision);
	mirror_committed(core);
	if (core->ending.id[0] != '\0') {
		grants_mark_ended(core, slice_str(core->ending.id), core->ending.end);
		bonds_untie(core, slice_str(core->ending.id));
	}
	if (core->renewing.id[0] != '\0')
		grants_mark_renewed(core, slice_str(core->renewing.id), core->renewing.expires_ms);
	keyring_drop(core->keyring, core->old_epoch);
	core->new_epoch = core->old_epoch = 0;
	core->ending.id[0] = '\0';
	core->renewing.id[0] = '\0';
	core->binding[0] = '\0';
	return COFFER_OK;
}

void core_rollback(struct core *core)
{
	store_rollback(core->store);
	cache_clear(&core->cache);
	if (core->binding[0] != '\0')
		bonds_untie(core, slice_str(core->binding));
	keyring_drop(core->keyring, core->new_epoch);
	core->new_epoch = core->old_epoch = 0;
	core->binding[0] = '\0';
	core->ending.id[0] = '\0';
	core->renewing.id[0] = '\0';
	core->next_revision = core->revision;
	changes_rollback(&core->changes);
	mirror_rolled_back(core);
}

coffer_err core_touch(struct core *core, struct slice scope, struct slice name)
{
	core->next_revision = core->revision + 1;
	changes_add(&core->changes, scope, name);
	return store_revision_put(core->store, core->next_revision);
}

coffer_err core_keep(void *to, size_t size, size_t *len, struct slice from)
{
	if (from.len > size)
		return COFFER_DATA_LOSS;
	if (from.len > 0)
		memcpy(to, from.data, from.len);
	*len = from.len;
	return COFFER_OK;
}
