/* Disk space that is kept back. */
#include "base/ballast.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "world_test.h"

struct place {
	char folder[32], path[64];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	log_set_level(LOG_ERROR);
	strcpy(place->folder, "/tmp/coffer-ballast-XXXXXX");
	if (mkdtemp(place->folder) == NULL)
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/reserve", place->folder);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	coffer_err err = file_remove_tree(place->folder);

	free(place);
	return err == COFFER_OK ? 0 : -1;
}

static struct stat stat_of(const struct place *place)
{
	struct stat st;

	assert_int_equal(stat(place->path, &st), 0);
	return st;
}

static void the_space_is_taken_and_given_up_and_taken_again(void **state)
{
	struct place *place = *state;
	struct ballast *ballast;

	must(ballast_open(&ballast, place->path));
	assert_true(stat_of(place).st_size >= 64 * 1024);
	assert_true(stat_of(place).st_blocks * 512 >= stat_of(place).st_size);
	assert_int_equal(stat_of(place).st_mode & 07777, 0600);
	assert_true(ballast_release(ballast));
	assert_int_equal(stat_of(place).st_size, 0);
	assert_false(ballast_release(ballast));
	ballast_restore(ballast);
	assert_true(stat_of(place).st_size > 0);
	ballast_restore(ballast);
	assert_true(ballast_release(ballast));
	ballast_close(ballast);
}

static void the_file_of_an_earlier_life_is_used(void **state)
{
	struct place *place = *state;
	struct ballast *ballast;
	ino_t inode;

	must(ballast_open(&ballast, place->path));
	ballast_close(ballast);
	inode = stat_of(place).st_ino;
	must(ballast_open(&ballast, place->path));
	assert_int_equal(stat_of(place).st_ino, inode);
	assert_true(ballast_release(ballast));
	ballast_close(ballast);
}

static void without_a_file_there_is_nothing_to_give(void **state)
{
	struct ballast *ballast;

	(void)state;
	must(ballast_open(&ballast, NULL));
	assert_false(ballast_release(ballast));
	ballast_restore(ballast);
	assert_false(ballast_release(ballast));
	ballast_close(ballast);
	ballast_close(NULL);
}

/* A link there must not make the daemon cut another file to nothing. */
static void a_link_or_folder_in_its_place_is_refused(void **state)
{
	struct place *place = *state;
	struct ballast *ballast;

	log_set_level((log_level)-1);
	assert_int_equal(symlink("elsewhere", place->path), 0);
	assert_int_equal(ballast_open(&ballast, place->path), COFFER_UNAVAILABLE);
	assert_null(ballast);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(mkdir(place->path, 0700), 0);
	assert_int_equal(ballast_open(&ballast, place->path), COFFER_UNAVAILABLE);
	assert_int_equal(ballast_open(&ballast, "/nonexistent/reserve"), COFFER_UNAVAILABLE);
}

/* No room for it is no error: the daemon starts without. */
static void a_ballast_that_cannot_be_filled_is_empty(void **state)
{
	struct place *place = *state;
	struct rlimit limit;
	struct ballast *ballast;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	must(ballast_open(&ballast, place->path));
	log_unblock();
	assert_false(ballast_release(ballast));
	assert_int_equal(stat_of(place).st_blocks, 0);
	ballast_restore(ballast);
	assert_true(ballast_release(ballast));
	ballast_close(ballast);
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(the_space_is_taken_and_given_up_and_taken_again),
		PLACED(the_file_of_an_earlier_life_is_used),
		PLACED(without_a_file_there_is_nothing_to_give),
		PLACED(a_link_or_folder_in_its_place_is_refused),
		PLACED(a_ballast_that_cannot_be_filled_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
