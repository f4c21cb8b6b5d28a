#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/mirror/mirror.h"
#include "core/rotation.h"
#include "join.h"
#include "names.h"
#include "passphrase.h"
#include "rpc/bound.h"
#include "rpc/local.h"
#include "unlock.h"

static seal_algorithm cipher_of(const struct config *config)
{
	return config->cipher != NULL && strcmp(config->cipher, "aes-256-gcm") == 0
		   ? SEAL_AES_256_GCM
		   : SEAL_XCHACHA20_POLY1305;
}

static const char *cipher_name(seal_algorithm algorithm)
{
	return algorithm == SEAL_AES_256_GCM ? "aes-256-gcm" : "xchacha20-poly1305";
}

coffer_err server_check_cipher(seal_algorithm algorithm)
{
	if (seal_available(algorithm))
		return COFFER_OK;
	log_error("%s needs AES instructions that this machine does not have",
		  cipher_name(algorithm));
	return COFFER_FAILED_PRECONDITION;
}

/* The loop's buffers take three frames; the rest is for connections that are slower than their peers. */
#define ARENA_FRAMES  7
#define ARENA_DEFAULT (4u * 1024 * 1024)

static size_t arena_bytes(const struct config *config)
{
	size_t wanted = ARENA_FRAMES * (config->value_max + COFFER_FRAME_OVERHEAD);

	if (config->arena_bytes != 0)
		return config->arena_bytes;
	return wanted > ARENA_DEFAULT ? wanted : ARENA_DEFAULT;
}

coffer_err server_open_arena(struct server *server, const struct config *config)
{
	size_t bytes = arena_bytes(config);
	coffer_err err = arena_create(&server->arena, bytes, config->allow_swap);

	if (err == COFFER_FAILED_PRECONDITION)
		log_error("cannot lock %zu bytes of memory: %s (raise RLIMIT_MEMLOCK, or use "
			  "--allow-swap)",
			  bytes, strerror(errno));
	else if (err != COFFER_OK)
		log_error("cannot map %zu bytes of memory: %s", bytes, strerror(errno));
	return err;
}

/* Identity, root key and first slot, in one transaction. slot_wanted is false for a store in memory. */
coffer_err server_make_store(struct server *server, const struct config *config, bool slot_wanted)
{
	struct store_identity id = { .algorithm = (uint32_t)cipher_of(config),
				     .created_ms = clock_wall_ms() };
	coffer_err err;

	if (getrandom(id.uuid, sizeof(id.uuid), 0) != (ssize_t)sizeof(id.uuid))
		return COFFER_UNAVAILABLE;
	if ((err = keyring_create(&server->keyring, server->arena, id.uuid)) != COFFER_OK ||
	    (err = store_begin(server->store)) != COFFER_OK)
		return err;
	/* A new store is no flat one. */
	if ((err = store_identity_put(server->store, &id)) != COFFER_OK ||
	    (err = store_mark_put(server->store, STORE_MARK_MIGRATED, id.created_ms)) != COFFER_OK)
		goto out;
	err = slot_wanted ? unlock_make(server->keyring, server->store, server->arena, config,
					&server->paths)
			  : keyring_new_epoch(server->keyring, 1);
	if (err == COFFER_OK && config->s3.bucket != NULL)
		err = join_begin(server, config, id.created_ms);
	if (err == COFFER_OK)
		return store_commit(server->store);
out:
	store_rollback(server->store);
	return err;
}

static coffer_err find_paths(struct server *server, const struct config *config)
{
	coffer_err err = paths_find(&server->paths, config->home);

	if (err == COFFER_OK && config->database != NULL)
		err = paths_use_database(&server->paths, config->database);
	return err;
}

static coffer_err open_store(struct server *server, const struct config *config)
{
	const char *path = server->paths.database;
	struct store_identity id;
	pid_t holder;
	coffer_err err;

	err = store_open(&server->store, path, STORE_EXISTING, &holder);
	if (err == COFFER_NOT_FOUND)
		log_error("there is no store at %s: run 'coffer init' first", path);
	if (err == COFFER_FAILED_PRECONDITION && holder > 0)
		log_error("%s is in use by pid %d", path, (int)holder);
	if (err != COFFER_OK)
		return err;
	if ((err = store_identity_get(server->store, &id)) != COFFER_OK) {
		log_error("%s has no identity: it was not made by 'coffer init'", path);
		return err;
	}
	server->core.algorithm = (seal_algorithm)id.algorithm;
	if ((err = server_check_cipher(server->core.algorithm)) != COFFER_OK ||
	    (err = keyring_create(&server->keyring, server->arena, id.uuid)) != COFFER_OK)
		return err;
	return unlock_open(server->keyring, server->store, server->arena, config, &server->paths);
}

static coffer_err open_ephemeral(struct server *server, const struct config *config)
{
	const char *base = getenv("TMPDIR");
	pid_t holder;
	coffer_err err;

	/* Short, for the sockets' paths below it; a long TMPDIR would not fit into them. */
	if (base == NULL || base[0] != '/' || strlen(base) > sizeof(server->temporary) - 16)
		base = "/tmp";
	snprintf(server->temporary, sizeof(server->temporary), "%s/coffer-XXXXXX", base);
	if (mkdtemp(server->temporary) == NULL) {
		log_error("cannot make a folder in %s: %s", base, strerror(errno));
		server->temporary[0] = '\0';
		return COFFER_UNAVAILABLE;
	}
	server->core.algorithm = cipher_of(config);
	if ((err = server_check_cipher(server->core.algorithm)) != COFFER_OK ||
	    (err = paths_find(&server->paths, server->temporary)) != COFFER_OK ||
	    (err = paths_make(&server->paths)) != COFFER_OK ||
	    (err = store_open(&server->store, ":memory:", STORE_CREATE, &holder)) != COFFER_OK)
		return err;
	return server_make_store(server, config, false);
}

static coffer_err open_home(struct server *server, const struct config *config)
{
	coffer_err err;

	if ((err = find_paths(server, config)) != COFFER_OK ||
	    (err = open_store(server, config)) != COFFER_OK ||
	    (err = unlock_key_file(config, &server->paths, &server->key_file)) != COFFER_OK)
		return err;
	return paths_make(&server->paths);
}

bool server_syncs_always(const struct config *config)
{
	return config->audit_sync != NULL && strcmp(config->audit_sync, "always") == 0;
}

static coffer_err open_trail(struct server *server, const struct config *config)
{
	struct trail_options options = {
		.folder = server->paths.audit,
		.key = keyring_lasting_key(server->keyring, KEY_AUDIT),
		.sync_always = server_syncs_always(config),
		.file_max = config->audit_file_max,
		.keep = config->audit_keep,
	};
	struct store_anchor anchor;
	coffer_err err;

	err = store_anchor_get(server->store, &anchor);
	if (err == COFFER_OK) {
		options.anchor.seq = anchor.seq;
		memcpy(options.anchor.mac, anchor.mac, sizeof(options.anchor.mac));
		options.anchor_line = anchor.line;
	} else if (err != COFFER_NOT_FOUND) {
		return err;
	}
	if ((err = trail_open(&server->trail, &options)) != COFFER_OK)
		log_error("cannot open the audit log in %s: %s", options.folder, strerror(errno));
	return err;
}

static coffer_err open_core(struct server *server, const struct config *config)
{
	struct core *core = &server->core;
	coffer_err err;

	core->arena = server->arena;
	core->store = server->store;
	core->keyring = server->keyring;
	core->value_max = (uint32_t)config->value_max;
	core->versions_kept = (uint32_t)config->versions_kept;
	core->source_dirs = config->source_dirs;
	core->keep_runs_ms = config->keep_runs_ms;
	core->migrate_rules = config->migrate_rules;
	core->key_file = server->key_file;
	if ((err = core_init(core)) != COFFER_OK ||
	    (err = mirror_open(core, config->s3.bucket, config->s3.endpoint)) != COFFER_OK)
		return err;
	if (core->mirror != NULL && core->mirror->bucket == NULL)
		log_warn("this store is in a bucket, and no s3-bucket is set: it can only be read");
	return COFFER_OK;
}

coffer_err server_open_parts(struct server *server, const struct config *config)
{
	coffer_err err;

	if ((err = rotation_load(server->keyring, server->store, server->arena)) != COFFER_OK ||
	    (err = open_trail(server, config)) != COFFER_OK ||
	    (err = ballast_open(&server->ballast,
				config->ephemeral ? NULL : server->paths.reserve)) != COFFER_OK ||
	    (err = open_core(server, config)) != COFFER_OK)
		return err;
	server->rpc =
	    (struct rpc){ .core = &server->core,
			  .trail = server->trail,
			  .ballast = server->ballast,
			  .operators = { .own_uid = (uint32_t)geteuid() },
			  .cipher = cipher_name(server->core.algorithm),
			  .crypto = seal_library(),
			  .frame_max = (uint32_t)config->value_max + COFFER_FRAME_OVERHEAD,
			  .started_ms = clock_wall_ms(),
			  .started_mono_ms = clock_mono_ms(),
			  .backup_places = { .home = server->paths.home,
					     .audit = server->paths.audit } };
	return COFFER_OK;
}

coffer_err server_open(struct server *server, const struct config *config)
{
	coffer_err err;

	if ((err = server_open_arena(server, config)) != COFFER_OK)
		return err;
	err = config->ephemeral ? open_ephemeral(server, config) : open_home(server, config);
	passphrase_erase_variable();
	if (err != COFFER_OK || (err = server_open_parts(server, config)) != COFFER_OK)
		return err;
	return bound_restore(&server->rpc);
}

/* The paths are found anew once the home is there, so that links in them are followed. */
static coffer_err make_home(struct server *server, const struct config *config)
{
	coffer_err err;

	if ((err = find_paths(server, config)) != COFFER_OK ||
	    (err = paths_make(&server->paths)) != COFFER_OK)
		return err;
	paths_free(&server->paths);
	return find_paths(server, config);
}

/* What a new store has left that came to nothing, so that the next try finds none of it. */
static void drop_store(struct server *server)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	char path[PATH_MAX];

	store_close(server->store);
	server->store = NULL;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (snprintf(path, sizeof(path), "%s%s", server->paths.database, parts[i]) <
		    (int)sizeof(path))
			(void)unlink(path);
}

coffer_err server_init(const struct config *config)
{
	struct server server = { .arena = NULL };
	pid_t holder;
	coffer_err err;

	if ((err = server_open_arena(&server, config)) != COFFER_OK ||
	    (err = server_check_cipher(cipher_of(config))) != COFFER_OK ||
	    (err = make_home(&server, config)) != COFFER_OK)
		goto out;
	err = store_open(&server.store, server.paths.database, STORE_CREATE, &holder);
	if (err == COFFER_ALREADY_EXISTS)
		log_error("there is a store at %s already", server.paths.database);
	if (err != COFFER_OK)
		goto out;
	err = config->s3.bucket != NULL ? join_init(&server, config)
					: server_make_store(&server, config, true);
	if (err != COFFER_OK)
		drop_store(&server);
out:
	passphrase_erase_variable();
	server_close(&server);
	return err;
}

/* NAME=@FILE or NAME=VALUE; the latter can be read by others in the process list. */
static coffer_err put_argument(struct server *server, const char *argument)
{
	const char *equals = strchr(argument, '=');
	struct slice name = { (const uint8_t *)argument, (size_t)(equals - argument) };
	struct secret value = SECRET_EMPTY;
	coffer_err err = COFFER_UNAVAILABLE;
	int fd;

	if (equals[1] != '@') {
		/* The name is told only when it is one: it may be a value in the wrong place. */
		err = local_put(&server->rpc, name, slice_str(equals + 1));
		if (err == COFFER_OK)
			log_warn(
			    "--secret %.*s=VALUE can be read in the process list; use %.*s=@FILE",
			    SLICE_ARG(name), SLICE_ARG(name));
		return err;
	}
	if ((fd = open(equals + 2, O_RDONLY | O_CLOEXEC)) < 0) {
		log_error("cannot open %s: %s", equals + 2, strerror(errno));
		return err;
	}
	if ((err = secret_read(&value, server->arena, fd, server->core.value_max)) != COFFER_OK)
		log_error("cannot read a value of at most %u bytes from %s", server->core.value_max,
			  equals + 2);
	else
		err = local_put(&server->rpc, name, (struct slice){ value.data, value.len });
	close(fd);
	secret_free(&value);
	return err;
}

/* The token goes from the arena to stdout without a stop in stdio's buffer. */
static coffer_err print_client_settings(struct server *server, const struct config *config)
{
	struct secret token = SECRET_EMPTY;
	char id[COFFER_ID_LEN + 1];
	coffer_err err;

	if ((err = local_create_run(&server->rpc, id, &token)) != COFFER_OK)
		return err;
	printf("COFFER_SOCKET=%s\nCOFFER_ADMIN_SOCKET=%s\nCOFFER_RUN_ID=%s\nCOFFER_TOKEN=",
	       config->socket ? config->socket : server->paths.runner_socket,
	       config->admin_socket ? config->admin_socket : server->paths.admin_socket, id);
	if (fflush(stdout) != 0 ||
	    write(STDOUT_FILENO, token.data, token.len) != (ssize_t)token.len ||
	    write(STDOUT_FILENO, "\n", 1) != 1) {
		log_error("cannot write to stdout: %s", strerror(errno));
		err = COFFER_UNAVAILABLE;
	}
	secret_free(&token);
	return err;
}

coffer_err server_prepare(struct server *server, const struct config *config)
{
	coffer_err err;

	if ((err = local_migrate(&server->rpc)) != COFFER_OK)
		return err;
	for (size_t i = 0; i < config->secrets_len; i++)
		if ((err = put_argument(server, config->secrets[i])) != COFFER_OK)
			return err;
	return config->ephemeral ? print_client_settings(server, config) : COFFER_OK;
}

static void remove_temporary(struct server *server)
{
	if (server->temporary[0] != '\0' && file_remove_tree(server->temporary) != COFFER_OK)
		log_warn("cannot remove %s", server->temporary);
}

void server_close(struct server *server)
{
	rpc_drop_backup(&server->rpc);
	core_destroy(&server->core);
	trail_close(server->trail);
	ballast_close(server->ballast);
	keyring_destroy(server->keyring);
	store_close(server->store);
	arena_destroy(server->arena);
	remove_temporary(server);
	paths_free(&server->paths);
	free(server->key_file);
}
