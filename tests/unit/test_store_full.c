#include "test_store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* The tests run in a child with a mount namespace of its own, where a small tmpfs is the full disk. */

static void write_text(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(close(fd), 0);
}

static void mount_small_disk(const char *folder)
{
	char map[64], gid_map[64];

	(void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned)getegid());
	assert_int_equal(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", map);
	write_text("/proc/self/gid_map", gid_map);
	assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "size=512k"), 0);
}

static coffer_err put_version(struct store *store, uint32_t version)
{
	static uint8_t sealed[6000];
	coffer_err err;

	must(store_begin(store));
	err = put_secret(store, "global", "A", version, (struct slice){ sealed, sizeof(sealed) });
	if (err == COFFER_OK)
		err = store_revision_put(store, version);
	if (err == COFFER_OK)
		return store_commit(store);
	store_rollback(store);
	return err;
}

static void assert_newest(struct store *store, uint32_t version)
{
	struct store_secret secret;
	uint64_t revision;

	must(store_secret_latest(store, text("global"), text("A"), &secret));
	assert_int_equal(secret.version, version);
	must(store_revision_get(store, &revision));
	assert_int_equal(revision, version);
}

static void put_ballast(const char *path)
{
	static uint8_t zeros[128 * 1024];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(zeros, 1, sizeof(zeros), file), sizeof(zeros));
	assert_int_equal(fclose(file), 0);
}

static uint32_t fill_disk(struct store *store, uint32_t from)
{
	uint32_t version = from;
	coffer_err err;

	while ((err = put_version(store, version + 1)) == COFFER_OK)
		version++;
	assert_int_equal(err, COFFER_UNAVAILABLE);
	assert_int_equal(put_version(store, version + 1), COFFER_UNAVAILABLE);
	return version;
}

static void use_full_disk(const struct place *place)
{
	char ballast[128];
	struct store *store;
	uint32_t version;

	mount_small_disk(place->folder);
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", place->folder);
	put_ballast(ballast);
	store = store_make(place->path);
	version = fill_disk(store, 0);
	assert_true(version > 1);
	assert_newest(store, version);

	/* The same connection goes on when there is room again. */
	assert_int_equal(unlink(ballast), 0);
	must(put_version(store, ++version));
	assert_newest(store, version);
	version = fill_disk(store, version);
	assert_newest(store, version);

	/* A restart with the disk still full reads everything. */
	store_close(store);
	store = store_again(place->path);
	assert_newest(store, version);
	store_close(store);
}

static void create_on_full_disk(const struct place *place)
{
	struct store *store;
	pid_t holder;
	char path[128];
	FILE *file;
	int c = 0;

	mount_small_disk(place->folder);
	(void)snprintf(path, sizeof(path), "%s/ballast", place->folder);
	assert_non_null(file = fopen(path, "w"));
	while (c != EOF)
		c = fputc('x', file);
	(void)fclose(file);
	assert_int_equal(store_open(&store, place->path, STORE_CREATE, &holder),
			 COFFER_UNAVAILABLE);
	assert_null(store);
	assert_int_equal(unlink(path), 0);
	store_close(store_make(place->path));
}

static void in_child(void (*body)(const struct place *))
{
	struct place place = place_make();
	pid_t child = fork();
	int status;

	if (child == 0) {
		body(&place);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	place_remove(&place);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_full_disk_refuses_writes_and_nothing_else(void **state)
{
	(void)state;
	in_child(use_full_disk);
}

static void a_creation_on_a_full_disk_can_be_repeated(void **state)
{
	(void)state;
	in_child(create_on_full_disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_refuses_writes_and_nothing_else),
		cmocka_unit_test(a_creation_on_a_full_disk_can_be_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
