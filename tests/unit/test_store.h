/* test_store.h - what the tests of the store share: a folder of their own, and rows. */
#ifndef TEST_STORE_H
#define TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

#define must(call)  assert_int_equal((call), COFFER_OK)
#define CASES(list) (sizeof(list) / sizeof((list)[0]))

/* A test's own folder and the database in it. */
struct place {
	char folder[64];
	char path[96];
};

static inline struct place place_make(void)
{
	struct place place = { .folder = "/tmp/coffer-store-XXXXXX" };

	assert_non_null(mkdtemp(place.folder));
	(void)snprintf(place.path, sizeof(place.path), "%s/coffer.db", place.folder);
	return place;
}

static inline void place_remove(const struct place *place)
{
	DIR *dir = opendir(place->folder);

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	assert_int_equal(closedir(dir), 0);
	assert_int_equal(rmdir(place->folder), 0);
}

static inline struct slice text(const char *s)
{
	return slice_str(s);
}

static inline void assert_slice(struct slice got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.data != NULL ? (const char *)got.data : "", want, got.len);
}

/* A new store with its identity in it, so that it can be opened again. */
static inline struct store *store_make(const char *path)
{
	struct store_identity id = { .uuid = "0123456789abcde", .algorithm = 1, .created_ms = 5 };
	struct store *store;
	pid_t holder;

	must(store_open(&store, path, STORE_CREATE, &holder));
	must(store_begin(store));
	must(store_identity_put(store, &id));
	must(store_commit(store));
	return store;
}

static inline struct store *store_again(const char *path)
{
	struct store *store;
	pid_t holder;

	must(store_open(&store, path, STORE_EXISTING, &holder));
	return store;
}

static inline coffer_err put_secret(struct store *store, const char *scope, const char *name,
				    uint32_t version, struct slice sealed)
{
	struct store_secret secret = { .scope = text(scope),
				       .name = text(name),
				       .version = version,
				       .created_ms = 1000 + version,
				       .sealed = sealed };

	return store_secret_put(store, &secret);
}

#endif
