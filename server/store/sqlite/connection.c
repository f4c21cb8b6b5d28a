#include "store/sqlite/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/sqlite/failure.h"

#define MEMORY ":memory:"

/* Nothing that is written is larger: a record that claims to be is damaged. */
#define RECORD_MAX (2 * COFFER_VALUE_MAX_CEILING)

/* SQLite locks 512 bytes from this offset, which it never reads or writes. Part of its file format. */
#define LOCK_FIRST 0x40000000
#define LOCK_LEN   512

/* Process-wide and possible only before SQLite's first use: for a later store they stand already. */
static void configure_library(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* Else a path "file:x?vfs=..." would choose more than a file. */
	(void)sqlite3_config(SQLITE_CONFIG_URI, 0);
}

/* SQLite would make the file with the umask's mode. */
static coffer_err make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST) {
		log_error("database: cannot make %s: %s", path, strerror(errno));
		return errno == ENOSPC || errno == EDQUOT ? COFFER_UNAVAILABLE
							  : COFFER_FAILED_PRECONDITION;
	}
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	return COFFER_OK;
}

static bool is_missing(const char *path)
{
	return strcmp(path, MEMORY) == 0 || (access(path, F_OK) != 0 && errno == ENOENT);
}

static coffer_err open_file(sqlite3 **db, const char *path)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE |
		    SQLITE_OPEN_NOMUTEX;
	int rc = sqlite3_open_v2(path, db, flags, NULL);
	int cause = sqlite3_system_errno(*db);

	if (rc == SQLITE_OK && sqlite3_db_readonly(*db, "main") == 0)
		return COFFER_OK;
	if (rc == SQLITE_CANTOPEN_SYMLINK)
		log_error("database: there is a symbolic link in the path %s", path);
	else if (rc == SQLITE_OK)
		log_error("database: %s may not be written", path);
	else
		log_error("database: cannot open %s: %s", path,
			  cause != 0 ? strerror(cause) : sqlite3_errstr(rc));
	return COFFER_FAILED_PRECONDITION;
}

/* A database is input: nothing in it may run code, and damage must show early. */
static coffer_err harden(sqlite3 *db)
{
	static const struct {
		int option, value;
	} settings[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	};
	/* The locking mode comes first: with it the write-ahead log needs no shared memory. The cache is
	 * small, in KiB: a page that the kernel has costs 0.3 us, and memory is shown to the operator. */
	static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE;"
				      "PRAGMA cell_size_check = ON;"
				      "PRAGMA mmap_size = 0;"
				      "PRAGMA temp_store = MEMORY;"
				      "PRAGMA cache_size = -256;"
				      "PRAGMA secure_delete = ON;"
				      "PRAGMA synchronous = EXTRA;";
	int rc;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		rc = sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
		if (rc != SQLITE_OK)
			return failure_of(db, rc, "settings");
	}
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, RECORD_MAX);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
	return rc == SQLITE_OK ? COFFER_OK : failure_of(db, rc, "settings");
}

coffer_err connection_open(sqlite3 **out, const char *path, store_mode mode)
{
	sqlite3 *db = NULL;
	uint8_t seed;
	coffer_err err;

	*out = NULL;
	configure_library();
	sqlite3_randomness(sizeof(seed), &seed); /* reads /dev/urandom while it still may */
	/* SQLite would take "" for a temporary file. */
	if (path[0] == '\0' || (mode == STORE_EXISTING && is_missing(path)))
		return COFFER_NOT_FOUND;
	if (mode == STORE_CREATE && strcmp(path, MEMORY) != 0 &&
	    (err = make_file(path)) != COFFER_OK)
		return err;
	if ((err = open_file(&db, path)) == COFFER_OK && (err = harden(db)) == COFFER_OK) {
		*out = db;
		db = NULL;
	}
	(void)sqlite3_close(db); /* nothing is open on it */
	return err;
}

/* One row of one column; the text is cut to what fits. */
static coffer_err journal_mode(sqlite3 *db, char out[8])
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		(void)sqlite3_snprintf(8, out, "%s", sqlite3_column_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? COFFER_OK : failure_of(db, rc, "journal mode");
}

coffer_err connection_lock(sqlite3 *db)
{
	char mode[8];
	coffer_err err = journal_mode(db, mode);
	int rc;

	if (err != COFFER_OK)
		return err;
	if (strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0) {
		log_error("database: its folder's file system gives journal mode %s only", mode);
		return COFFER_FAILED_PRECONDITION;
	}
	/* Locks are taken at first use: a second opener must fail here and not at a request. */
	rc = sqlite3_exec(db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);
	return rc == SQLITE_OK ? COFFER_OK : failure_of(db, rc, "lock");
}

bool connection_locked(const char *path, pid_t *holder)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_FIRST, .l_len = LOCK_LEN
	};
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool locked;

	*holder = 0;
	if (fd < 0)
		return false;
	locked = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	(void)close(fd);
	/* The pid is 0 or negative for a holder in another pid namespace, or by another kind of lock. */
	if (locked && lock.l_pid > 0)
		*holder = lock.l_pid;
	return locked;
}

pid_t connection_holder(const char *path)
{
	pid_t holder;

	(void)connection_locked(path, &holder);
	return holder;
}

coffer_err connection_number(sqlite3 *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	*number = 0;
	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		*number = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? COFFER_OK : failure_of(db, rc, sql);
}

coffer_err connection_check_file(sqlite3 *db)
{
	int moved = 0;
	int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);

	if (rc == SQLITE_NOTFOUND || (rc == SQLITE_OK && !moved)) /* not found: in memory */
		return COFFER_OK;
	log_error("database: its file was deleted or replaced while in use");
	return COFFER_INTERNAL;
}
