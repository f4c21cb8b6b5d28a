#include "test_store.h"

#include <sys/stat.h>

/* Stands before libc's for SQLite, too: the test is of thousands of commits, and no power is cut. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* A database file with rows of every kind, and what its write-ahead log holds before it is merged. */
struct image {
	uint8_t *data;
	size_t len;
};

static struct image read_image(const char *path)
{
	struct image image = { NULL, 0 };
	struct stat st;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	image.len = (size_t)st.st_size;
	image.data = malloc(image.len + 1);
	assert_non_null(image.data);
	assert_int_equal(fread(image.data, 1, image.len, file), image.len);
	assert_int_equal(fclose(file), 0);
	return image;
}

/* A damaged database may leave its log behind, which is not to come over the next one. */
static void write_image(const char *path, const uint8_t *data, size_t len)
{
	char log[128];
	FILE *file = fopen(path, "w");

	(void)snprintf(log, sizeof(log), "%s-wal", path);
	(void)unlink(log);
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void fill(struct store *store)
{
	static uint8_t sealed[9000];
	struct store_slot slot = { .id = 1, .epoch = 1, .kind = 1, .wrapped = text("wrapped") };
	struct store_anchor anchor = { .seq = 1, .line = text("line\n") };
	struct store_grant grant = {
		.id = text("run1"), .kind = GRANT_RUN, .token_hash = { 1 }, .scopes = text("global")
	};
	struct store_run run = { .id = text("run1"),
				 .pipeline = text("app"),
				 .ref = text("main"),
				 .state = RUN_PENDING,
				 .expires_ms = 9,
				 .payload = { sealed, 100 } };
	char name[16];

	must(store_begin(store));
	must(store_slot_put(store, &slot));
	must(store_anchor_put(store, &anchor));
	must(store_grant_put(store, &grant));
	must(store_run_put(store, &run));
	for (uint32_t i = 1; i <= 60; i++) {
		(void)snprintf(name, sizeof(name), "NAME_%u", (unsigned)i);
		must(put_secret(store, "global", name, i,
				(struct slice){ sealed, i % 20 == 0 ? sizeof(sealed) : 100 }));
	}
	must(store_commit(store));
}

static void is_orderly(coffer_err err)
{
	assert_true(err == COFFER_OK || err == COFFER_NOT_FOUND || err == COFFER_DATA_LOSS);
}

/* Touches every byte of a slice: the sanitizer sees one that points nowhere. */
static void touch(struct slice s)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < s.len; i++)
		sum = (uint8_t)(sum + s.data[i]);
	(void)sum;
}

static void walk_secrets(struct store *store)
{
	struct store_secret secret = { 0 };
	char after[64] = "";
	coffer_err err;

	/* Damage may make the order lie: what counts is that every answer is orderly. */
	for (int i = 0; i < 100; i++) {
		err = store_secret_next(store, text("global"), text(after), &secret);
		is_orderly(err);
		if (err != COFFER_OK || secret.name.len >= sizeof(after))
			return;
		touch(secret.sealed);
		memcpy(after, secret.name.data, secret.name.len);
		after[secret.name.len] = '\0';
		is_orderly(store_secret_latest(store, text("global"), text(after), &secret));
		touch(secret.sealed);
	}
}

static void walk(struct store *store)
{
	uint8_t hash[STORE_HASH_LEN] = { 1 };
	struct store_identity identity;
	struct store_slot slot;
	struct store_anchor anchor;
	struct store_grant grant;
	struct store_run run;
	struct slice scope;
	uint64_t revision;

	is_orderly(store_identity_get(store, &identity));
	is_orderly(store_slot_next(store, 0, &slot));
	touch(slot.wrapped);
	is_orderly(store_revision_get(store, &revision));
	is_orderly(store_anchor_get(store, &anchor));
	touch(anchor.line);
	is_orderly(store_grant_by_hash(store, hash, &grant));
	touch(grant.scopes);
	is_orderly(store_grant_by_id(store, text("run1"), &grant));
	touch(grant.allow);
	is_orderly(store_run_before(store, SLICE_EMPTY, &run));
	touch(run.payload);
	is_orderly(store_run_live(store, text("app"), text("main"), &run));
	touch(run.ref);
	is_orderly(store_run_next_expiry(store, &run));
	is_orderly(store_scope_next(store, SLICE_EMPTY, &scope));
	touch(scope);
	walk_secrets(store);
}

static void change(struct store *store)
{
	coffer_err err;

	must(store_begin(store));
	err = put_secret(store, "global", "NEW", 1, text("sealed"));
	assert_true(err == COFFER_OK || err == COFFER_ALREADY_EXISTS || err == COFFER_DATA_LOSS);
	err = store_commit(store);
	assert_true(err == COFFER_OK || err == COFFER_DATA_LOSS);
}

/* Opens what is there and uses it. True if it opened. */
static bool survive(const char *path)
{
	struct store *store;
	pid_t holder;
	coffer_err err = store_open(&store, path, STORE_EXISTING, &holder);

	if (err == COFFER_OK) {
		walk(store);
		change(store);
		store_close(store);
		return true;
	}
	is_orderly(err == COFFER_FAILED_PRECONDITION ? COFFER_OK : err);
	return false;
}

/* The same damage in every run of the test. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void a_flipped_bit_in_the_database_does_no_harm(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	struct image image;
	uint32_t seed = 1, refused = 0;

	(void)state;
	fill(store);
	store_close(store);
	image = read_image(place.path);
	for (size_t i = 0; i < 800; i++) {
		/* Every byte of the header, then anywhere. */
		size_t at = i < 100 ? i : next_random(&seed) % image.len;
		uint8_t bit = (uint8_t)(1u << (next_random(&seed) % 8));

		image.data[at] ^= bit;
		write_image(place.path, image.data, image.len);
		refused += !survive(place.path);
		image.data[at] ^= bit;
	}
	assert_in_range(refused, 30, 770);
	free(image.data);
	place_remove(&place);
}

static void a_flipped_bit_in_the_log_does_no_harm(void **state)
{
	struct place place = place_make(), copy = place_make();
	struct store *store = store_make(place.path);
	char log[128], log_copy[128];
	struct image image, log_image;
	uint32_t seed = 2;

	(void)state;
	(void)snprintf(log, sizeof(log), "%s-wal", place.path);
	(void)snprintf(log_copy, sizeof(log_copy), "%s-wal", copy.path);
	fill(store);
	image = read_image(place.path); /* as a crash would leave it */
	log_image = read_image(log);
	assert_true(log_image.len > 4096);
	store_close(store);
	for (size_t i = 0; i < 400; i++) {
		size_t at = i < 56 ? i : next_random(&seed) % log_image.len;
		uint8_t bit = (uint8_t)(1u << (next_random(&seed) % 8));

		log_image.data[at] ^= bit;
		write_image(copy.path, image.data, image.len);
		write_image(log_copy, log_image.data, log_image.len);
		(void)survive(copy.path);
		log_image.data[at] ^= bit;
	}
	free(image.data);
	free(log_image.data);
	place_remove(&place);
	place_remove(&copy);
}

/* The rest of the last page reads as zeros, which is a damaged value at most. */
static void a_database_that_lacks_a_page_is_not_served(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	struct image image;

	(void)state;
	fill(store);
	store_close(store);
	image = read_image(place.path);
	for (size_t len = 0; len < image.len; len += len < 200 ? 1 : 509) {
		write_image(place.path, image.data, len);
		assert_false(survive(place.path) && len + 4096 <= image.len);
	}
	write_image(place.path, image.data, image.len);
	assert_true(survive(place.path));
	free(image.data);
	place_remove(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_in_the_database_does_no_harm),
		cmocka_unit_test(a_flipped_bit_in_the_log_does_no_harm),
		cmocka_unit_test(a_database_that_lacks_a_page_is_not_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
