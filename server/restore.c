#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/recheck.h"
#include "core/unpack.h"
#include "leftovers.h"
#include "passphrase.h"
#include "rpc/local.h"
#include "server.h"
#include "unlock.h"

#define VERIFY_STEP_BYTES (16u * 1024 * 1024)

/* Largest file that is taken over from the home that is replaced. */
#define CARRIED_MAX (64u * 1024)

/* A folder of a home as paths_make makes it. */
#define MODE_HOME 0711

struct restore {
	const struct config *config;
	struct paths home;    /* that is to be replaced, or made */
	bool replaces;        /* there is one */
	mode_t mode;          /* of it */
	int mark;             /* of leftovers.h, on it; -1: none */
	char *folder;         /* beside it, where the new one is made; NULL: none yet */
	char *old;            /* where the one before is afterwards; NULL: there was none */
	struct server server; /* on the new one */
	struct recheck_count count;
	struct unpack unpack;
};

static coffer_err refuse(const char *path, const char *why)
{
	log_error("%s %s", path, why);
	return COFFER_FAILED_PRECONDITION;
}

static coffer_err fail(const char *what, const char *path)
{
	log_error("cannot %s %s: %s", what, path, strerror(errno));
	return COFFER_UNAVAILABLE;
}

static coffer_err check_unused(const struct restore *restore)
{
	pid_t holder;

	if (!store_in_use(restore->home.database, &holder))
		return COFFER_OK;
	if (holder > 0)
		log_error("%s is in use by pid %d: stop it first", restore->home.database,
			  (int)holder);
	else
		log_error("%s is in use: stop the daemon first", restore->home.database);
	return COFFER_FAILED_PRECONDITION;
}

static coffer_err check_home(struct restore *restore)
{
	struct stat st;
	coffer_err err;

	if ((err = paths_find(&restore->home, restore->config->home)) != COFFER_OK ||
	    restore->config->action == CONFIG_CHECK_BACKUP)
		return err;
	if (restore->config->database != NULL)
		return refuse("--db", "is not restored: it is a whole home that is");
	restore->mode = MODE_HOME;
	restore->replaces = lstat(restore->home.home, &st) == 0;
	if (!restore->replaces)
		return errno == ENOENT ? COFFER_OK : fail("examine", restore->home.home);
	if (!S_ISDIR(st.st_mode))
		return refuse(restore->home.home, "is not a folder");
	/* The files of the new one are this user's. */
	if (st.st_uid != geteuid())
		return refuse(restore->home.home, "is another user's: restore as that one");
	restore->mode = st.st_mode & 07777;
	return check_unused(restore);
}

/* By the slots in the backup's header, as a start would open the store. */
static coffer_err open_keyring(struct restore *restore)
{
	struct server *server = &restore->server;
	struct store *slots = NULL;
	pid_t holder;
	coffer_err err;

	if ((err = keyring_create(&server->keyring, server->arena, restore->unpack.header.uuid)) ==
		COFFER_OK &&
	    (err = store_open(&slots, ":memory:", STORE_CREATE, &holder)) == COFFER_OK &&
	    (err = unpack_slots(&restore->unpack, slots)) == COFFER_OK)
		err = unlock_open(server->keyring, slots, server->arena, restore->config,
				  &restore->home);
	passphrase_erase_variable();
	store_close(slots);
	return err;
}

static coffer_err make_folder(struct restore *restore)
{
	char *folder;
	coffer_err err;

	paths_make_parents(restore->home.home);
	leftovers_remove(restore->home.home);
	if (asprintf(&folder, "%s" LEFTOVERS_SUFFIX, restore->home.home) < 0)
		return COFFER_RESOURCE_EXHAUSTED;
	if (mkdtemp(folder) == NULL) {
		err = fail("make a folder beside", restore->home.home);
		free(folder);
		return err;
	}
	restore->folder = folder;
	if ((err = leftovers_mark(folder, &restore->mark)) != COFFER_OK ||
	    (err = paths_find(&restore->server.paths, folder)) != COFFER_OK)
		return err;
	return file_make_folder(restore->server.paths.audit);
}

/* The database checks itself when it is opened. */
static coffer_err open_store(struct restore *restore)
{
	struct server *server = &restore->server;
	struct store_identity id;
	pid_t holder;
	coffer_err err;

	if ((err = store_open(&server->store, server->paths.database, STORE_EXISTING, &holder)) !=
		COFFER_OK ||
	    (err = store_identity_get(server->store, &id)) != COFFER_OK) {
		log_error("the database in the backup is damaged");
		return err;
	}
	if (memcmp(id.uuid, restore->unpack.header.uuid, sizeof(id.uuid)) != 0) {
		log_error("the database in the backup is another store's");
		return COFFER_DATA_LOSS;
	}
	server->core.algorithm = (seal_algorithm)id.algorithm;
	return COFFER_OK;
}

/* What was wrong with the log when the backup was made is no reason to be left with nothing: the backup as such is
 * whole. It is told, and verification goes on telling it. */
static coffer_err check_trail(struct restore *restore)
{
	struct reader_verdict verdict = { .cursor_len = 0 };
	coffer_err err;

	do
		err = trail_verify(restore->server.trail, VERIFY_STEP_BYTES, &verdict);
	while (err == COFFER_OK && !verdict.done);
	if (err != COFFER_OK)
		log_error("cannot read the audit log of the backup");
	else if (verdict.problem[0] != '\0')
		log_warn("the audit log in the backup does not stand: %s", verdict.problem);
	return err;
}

/* What does not open did not when the backup was made: it is told, and whether it can be done without is for the
 * operator to say. */
static coffer_err check_records(struct restore *restore)
{
	coffer_err err = recheck_all(&restore->server.core, &restore->count);

	if (err != COFFER_OK || restore->count.damaged == 0)
		return err;
	if (restore->config->skip_damaged) {
		log_warn("%" PRIu64 " records do not open", restore->count.damaged);
		return COFFER_OK;
	}
	log_error("%" PRIu64
		  " records do not open; nothing was changed. All others are restored with "
		  "--skip-damaged",
		  restore->count.damaged);
	return COFFER_DATA_LOSS;
}

static coffer_err check_content(struct restore *restore)
{
	struct server *server = &restore->server;
	coffer_err err;

	if ((err = open_store(restore)) != COFFER_OK ||
	    (err = server_open_parts(server, restore->config)) != COFFER_OK ||
	    (err = check_records(restore)) != COFFER_OK)
		return err;
	return check_trail(restore);
}

static coffer_err unpack(struct restore *restore)
{
	struct server *server = &restore->server;
	int fd = open(restore->config->backup_file, O_RDONLY | O_CLOEXEC);
	coffer_err err;

	if (fd < 0)
		return fail("open", restore->config->backup_file);
	if ((err = unpack_begin(&restore->unpack, fd)) == COFFER_OK &&
	    (err = server_open_arena(server, restore->config)) == COFFER_OK &&
	    (err = open_keyring(restore)) == COFFER_OK && (err = make_folder(restore)) == COFFER_OK)
		err = unpack_files(&restore->unpack, server->keyring, server->arena,
				   server->paths.database, server->paths.audit);
	close(fd);
	return err;
}

/* Settings and key are the home's and in no backup: the new home is to start as the one before did. */
static coffer_err carry_over(struct restore *restore, const char *from, const char *to)
{
	struct secret bytes = SECRET_EMPTY;
	int fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	coffer_err err;

	if (fd < 0)
		return errno == ENOENT ? COFFER_OK : fail("read", from);
	if ((err = secret_read(&bytes, restore->server.arena, fd, CARRIED_MAX)) != COFFER_OK)
		log_error("cannot take over %s", from);
	else
		err = file_write_new(to, bytes.data, bytes.len);
	close(fd);
	secret_free(&bytes);
	return err;
}

static coffer_err sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;
	coffer_err err = synced ? COFFER_OK : fail("sync", path);

	if (fd >= 0)
		close(fd);
	return err;
}

/* All that there is on disk, under its own name, before the other one loses its. */
static coffer_err finish_folder(struct restore *restore)
{
	const struct paths *paths = &restore->server.paths;
	coffer_err err;

	if ((err = carry_over(restore, restore->home.key, paths->key)) != COFFER_OK ||
	    (err = carry_over(restore, restore->home.config, paths->config)) != COFFER_OK)
		return err;
	if (chmod(restore->folder, restore->mode) != 0)
		return fail("set the mode of", restore->folder);
	if ((err = leftovers_unmark(restore->folder)) != COFFER_OK)
		return err;
	return sync_folder(restore->folder);
}

/* Where a file system cannot let two names change places, there is a moment without a home; both are whole. */
static coffer_err exchange_slowly(struct restore *restore)
{
	const char *home = restore->home.home;
	coffer_err err;

	if (rename(home, restore->old) != 0)
		return fail("rename", home);
	if (rename(restore->folder, home) == 0) {
		free(restore->folder);
		restore->folder = NULL;
		return COFFER_OK;
	}
	err = fail("rename", restore->folder);
	if (rename(restore->old, home) != 0)
		log_error("the home before is now %s", restore->old);
	return err;
}

/* From the moment of the exchange on, what is in the folder is the home before, and no longer ours to remove. */
static coffer_err exchange(struct restore *restore)
{
	char *folder = restore->folder;

	if (renameat2(AT_FDCWD, folder, AT_FDCWD, restore->home.home, RENAME_EXCHANGE) != 0)
		return errno == EINVAL || errno == ENOSYS ? exchange_slowly(restore)
							  : fail("replace", restore->home.home);
	restore->folder = NULL;
	if (rename(folder, restore->old) == 0) {
		free(folder);
		return COFFER_OK;
	}
	log_warn("cannot rename %s to %s: %s", folder, restore->old, strerror(errno));
	free(restore->old);
	restore->old = folder;
	return COFFER_OK;
}

static coffer_err move_new(struct restore *restore)
{
	if (renameat2(AT_FDCWD, restore->folder, AT_FDCWD, restore->home.home, RENAME_NOREPLACE) !=
	    0)
		return fail("rename", restore->folder);
	free(restore->folder);
	restore->folder = NULL;
	return COFFER_OK;
}

/* So that the names, too, outlive a crash. */
static coffer_err sync_parent(const char *path)
{
	char *parent = strdup(path), *slash = parent != NULL ? strrchr(parent, '/') : NULL;
	coffer_err err;

	if (parent == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if (slash != NULL)
		slash[slash == parent] = '\0';
	err = sync_folder(slash != NULL ? parent : ".");
	free(parent);
	return err;
}

static coffer_err name_old(struct restore *restore)
{
	char when[CLOCK_TEXT_LEN + 1];

	clock_format(clock_wall_ms(), when);
	if (asprintf(&restore->old, "%s.replaced-%s", restore->home.home, when) >= 0)
		return COFFER_OK;
	restore->old = NULL;
	return COFFER_RESOURCE_EXHAUSTED;
}

static coffer_err replace(struct restore *restore)
{
	coffer_err err;

	if ((err = check_unused(restore)) != COFFER_OK)
		return err;
	if (!restore->replaces)
		err = move_new(restore);
	else if ((err = name_old(restore)) == COFFER_OK)
		err = exchange(restore);
	return err == COFFER_OK ? sync_parent(restore->home.home) : err;
}

static void tell(const struct restore *restore, bool replaced)
{
	char when[CLOCK_TEXT_LEN + 1];

	clock_format(restore->unpack.header.created_ms, when);
	printf("backup of %s, audit record %" PRIu64 ": %" PRIu64 " secrets, %" PRIu64
	       " versions, %" PRIu64 " runs; ",
	       when, restore->unpack.header.audit_seq, restore->count.secrets,
	       restore->count.versions, restore->count.runs);
	if (restore->count.damaged == 0)
		puts("everything opens");
	else
		printf("all but %" PRIu64 " open\n", restore->count.damaged);
	if (replaced)
		printf("restored to %s\n", restore->home.home);
	if (replaced && restore->old != NULL)
		printf("what was there before is in %s\n", restore->old);
	if (replaced && restore->config->key_file != NULL && access(restore->home.key, F_OK) != 0)
		printf("the key is in no backup: start with --key-file, or copy it to %s\n",
		       restore->home.key);
}

/* The new home is closed before it gets its name. */
static coffer_err put_in_place(struct restore *restore)
{
	const struct backup_header *header = &restore->unpack.header;
	struct server *server = &restore->server;
	coffer_err err;

	if ((err = local_restored(&server->rpc, header->created_ms, header->audit_seq,
				  restore->count.damaged)) != COFFER_OK ||
	    (err = finish_folder(restore)) != COFFER_OK)
		return err;
	server_close(server);
	*server = (struct server){ .arena = NULL };
	return replace(restore);
}

coffer_err restore_run(const struct config *config)
{
	struct restore *restore = calloc(1, sizeof(*restore));
	bool replaces = config->action == CONFIG_RESTORE;
	coffer_err err;

	if (restore == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	restore->config = config;
	restore->mark = -1;
	if ((err = check_home(restore)) == COFFER_OK && (err = unpack(restore)) == COFFER_OK &&
	    (err = check_content(restore)) == COFFER_OK && replaces)
		err = put_in_place(restore);
	server_close(&restore->server);
	if (restore->folder != NULL && file_remove_tree(restore->folder) != COFFER_OK)
		log_warn("cannot remove %s", restore->folder);
	if (restore->mark >= 0)
		close(restore->mark);
	if (err == COFFER_OK)
		tell(restore, replaces);
	paths_free(&restore->home);
	free(restore->folder);
	free(restore->old);
	free(restore);
	return err;
}
