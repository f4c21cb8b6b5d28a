#include "join.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bucket.h"
#include "core/mirror/object.h"
#include "core/mirror/root.h"
#include "core/rotation.h"
#include "unlock.h"

coffer_err join_begin(struct server *server, const struct config *config, int64_t now_ms)
{
	struct buf root = { malloc(MIRROR_ROOT_MAX), 0, MIRROR_ROOT_MAX };
	coffer_err err;

	if (root.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = store_mark_put(server->store, STORE_MARK_MIRRORED, now_ms)) == COFFER_OK &&
	    (err = mirror_root_make(server->store, &root)) == COFFER_OK)
		err = bucket_put(config, server->arena, MIRROR_ROOT,
				 (struct slice){ root.data, root.len });
	if (err == COFFER_OK)
		log_info("the bucket %s had no store, and has this one now", config->s3.bucket);
	free(root.data);
	return err;
}

static coffer_err install(struct server *server, const struct config *config,
			  const struct mirror_root *root)
{
	int64_t now_ms = clock_wall_ms();
	coffer_err err;

	if ((err = mirror_root_install(server->store, root, now_ms)) != COFFER_OK ||
	    (err = store_mark_put(server->store, STORE_MARK_MIGRATED, now_ms)) != COFFER_OK ||
	    (err = unlock_open(server->keyring, server->store, server->arena, config,
			       &server->paths)) != COFFER_OK)
		return err;
	return rotation_load(server->keyring, server->store, server->arena);
}

static coffer_err join(struct server *server, const struct config *config, struct slice found)
{
	struct mirror_root root;
	coffer_err err;

	if ((err = mirror_root_parse(found, &root)) != COFFER_OK) {
		log_error("what the bucket %s has at %s is no store of coffer's", config->s3.bucket,
			  MIRROR_ROOT);
		return err;
	}
	if ((err = server_check_cipher((seal_algorithm)root.algorithm)) != COFFER_OK ||
	    (err = keyring_create(&server->keyring, server->arena, root.uuid)) != COFFER_OK ||
	    (err = store_begin(server->store)) != COFFER_OK)
		return err;
	err = install(server, config, &root);
	if (err == COFFER_OK && (err = store_commit(server->store)) == COFFER_OK) {
		log_info("joined the store in the bucket %s", config->s3.bucket);
		return COFFER_OK;
	}
	store_rollback(server->store);
	log_error("the store in the bucket %s is opened by the key file or the passphrase of the "
		  "hosts that have it; nothing was changed",
		  config->s3.bucket);
	return err;
}

/* Another host was faster. A key that was made for nothing must not be taken for that store's. */
static void undo_begin(struct server *server, bool had_key, const char *key_file)
{
	keyring_destroy(server->keyring);
	server->keyring = NULL;
	if (!had_key && unlink(key_file) == 0)
		log_info("another host has begun the bucket at this moment");
}

/* *again: another host has begun one meanwhile. */
static coffer_err begin(struct server *server, const struct config *config, bool *again)
{
	char *key_file;
	bool had_key;
	coffer_err err;

	*again = false;
	if ((err = unlock_key_file(config, &server->paths, &key_file)) != COFFER_OK)
		return err;
	had_key = access(key_file, F_OK) == 0;
	err = server_make_store(server, config, true);
	*again = err == COFFER_ALREADY_EXISTS;
	if (*again)
		undo_begin(server, had_key, key_file);
	free(key_file);
	return err;
}

coffer_err join_init(struct server *server, const struct config *config)
{
	struct buf root = { malloc(MIRROR_ROOT_MAX), 0, MIRROR_ROOT_MAX };
	bool again = false;
	coffer_err err;

	if (root.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	err = bucket_get(config, server->arena, MIRROR_ROOT, &root);
	if (err == COFFER_NOT_FOUND) {
		err = begin(server, config, &again);
		if (!again)
			goto out;
		root.len = 0;
		err = bucket_get(config, server->arena, MIRROR_ROOT, &root);
	}
	if (err == COFFER_OK)
		err = join(server, config, (struct slice){ root.data, root.len });
	else
		log_error("the bucket %s cannot be used; nothing was changed", config->s3.bucket);
out:
	free(root.data);
	return err;
}
