#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/failure.h"
#include "store/sqlite/query.h"

/* Of 4 KiB: a step is not to hold up the daemon for long. */
#define STEP_PAGES 256

struct store_copy {
	struct store *store; /* borrowed */
	sqlite3 *db;         /* of the copy */
	sqlite3_backup *backup;
	int fd; /* of its file */
};

/* What was cut off between making the file and taking its name away left nothing but an empty one. */
static coffer_err clear(const char *path)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return COFFER_OK;
	log_error("database: cannot remove %s: %s", path, strerror(errno));
	return COFFER_FAILED_PRECONDITION;
}

static coffer_err open_file(struct store_copy *copy, const char *path)
{
	coffer_err err;

	if ((err = clear(path)) != COFFER_OK ||
	    (err = connection_open(&copy->db, path, STORE_CREATE)) != COFFER_OK)
		return err;
	copy->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (copy->fd >= 0 && unlink(path) == 0)
		return COFFER_OK;
	log_error("database: cannot use %s: %s", path, strerror(errno));
	(void)unlink(path); /* the cause has been told */
	return COFFER_FAILED_PRECONDITION;
}

/* The copy ends with the process: nothing of it need reach the disk. */
static coffer_err begin(struct store_copy *copy)
{
	static const char settings[] = "PRAGMA journal_mode = MEMORY;"
				       "PRAGMA synchronous = OFF;";
	int rc = sqlite3_exec(copy->db, settings, NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return failure_of(copy->db, rc, "settings of a copy");
	copy->backup = sqlite3_backup_init(copy->db, "main", copy->store->db, "main");
	if (copy->backup == NULL)
		return failure_of(copy->db, sqlite3_extended_errcode(copy->db), "copy");
	return COFFER_OK;
}

coffer_err store_copy_begin(struct store_copy **out, struct store *store, const char *path)
{
	struct store_copy *copy = calloc(1, sizeof(*copy));
	coffer_err err;

	*out = NULL;
	if (copy == NULL)
		return COFFER_INTERNAL;
	copy->store = store;
	copy->fd = -1;
	if ((err = open_file(copy, path)) == COFFER_OK && (err = begin(copy)) == COFFER_OK)
		*out = copy;
	else
		store_copy_close(copy);
	return err;
}

/* A failure is the copy's own matter: the store has only been read. */
static coffer_err failed(struct store_copy *copy, int rc)
{
	coffer_err err = failure_of(copy->db, rc, "copy");

	return err == COFFER_INTERNAL ? COFFER_UNAVAILABLE : err;
}

coffer_err store_copy_step(struct store_copy *copy, bool *done)
{
	int rc;

	assert(!copy->store->in_tx && copy->backup != NULL);
	*done = false;
	query_close(copy->store);
	rc = sqlite3_backup_step(copy->backup, STEP_PAGES);
	if (rc == SQLITE_OK)
		return COFFER_OK;
	if (rc != SQLITE_DONE)
		return failed(copy, rc);
	rc = sqlite3_backup_finish(copy->backup);
	copy->backup = NULL;
	*done = rc == SQLITE_OK;
	return *done ? COFFER_OK : failed(copy, rc);
}

int store_copy_file(const struct store_copy *copy)
{
	assert(copy->backup == NULL);
	return copy->fd;
}

void store_copy_close(struct store_copy *copy)
{
	if (copy == NULL)
		return;
	/* What has failed has been told, and the file has no name. */
	(void)sqlite3_backup_finish(copy->backup);
	(void)sqlite3_close(copy->db);
	if (copy->fd >= 0)
		(void)close(copy->fd);
	free(copy);
}

bool store_in_use(const char *path, pid_t *holder)
{
	return connection_locked(path, holder);
}
