/* Where everything is. */
#include "paths.h"

#include "home_test.h"

static void assert_mode(const char *path, mode_t want)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, want);
}

static void all_is_below_a_home_that_is_named(void **state)
{
	struct home *home = *state;
	struct paths paths;
	char want[160];

	must(paths_find(&paths, home->path));
	assert_string_equal(paths.home, home->path);
	snprintf(want, sizeof(want), "%s/coffer.db", home->path);
	assert_string_equal(paths.database, want);
	snprintf(want, sizeof(want), "%s/run/admin.sock", home->path);
	assert_string_equal(paths.admin_socket, want);
	paths_free(&paths);
	assert_null(paths.home);
	paths_free(&paths);
}

static void without_a_home_the_places_are_the_systems_or_the_users(void **state)
{
	struct paths paths;

	(void)state;
	setenv("XDG_STATE_HOME", "/state", 1);
	setenv("XDG_RUNTIME_DIR", "/runtime", 1);
	must(paths_find(&paths, NULL));
	assert_string_equal(paths.key,
			    geteuid() == 0 ? "/var/lib/coffer/key" : "/state/coffer/key");
	assert_string_equal(paths.runner_socket, geteuid() == 0 ? "/run/coffer/coffer.sock"
								: "/runtime/coffer/coffer.sock");
	paths_free(&paths);
}

static void folders_are_made_with_their_modes(void **state)
{
	struct home *home = *state;
	struct paths paths;
	char deep[160];

	snprintf(deep, sizeof(deep), "%s/a/b/home", home->folder);
	must(paths_find(&paths, deep));
	must(paths_make(&paths));
	assert_mode(paths.home, 0711);
	assert_mode(paths.audit, 0700);
	assert_mode(paths.run, 0711);
	assert_int_equal(chmod(paths.home, 0700), 0); /* by the operator, who had a reason */
	must(paths_make(&paths));
	assert_mode(paths.home, 0700);
	paths_free(&paths);
}

static void a_folder_that_others_may_write_to_is_refused(void **state)
{
	struct home *home = *state;
	struct paths paths;
	int saved;

	assert_int_equal(mkdir(home->path, 0700), 0);
	assert_int_equal(chmod(home->path, 0777), 0);
	must(paths_find(&paths, home->path));
	saved = told_begin();
	assert_int_equal(paths_make(&paths), COFFER_PERMISSION_DENIED);
	assert_non_null(strstr(told_end(saved), home->path));
	paths_free(&paths);
}

static void a_file_in_the_place_of_a_folder_is_refused(void **state)
{
	struct home *home = *state;
	struct paths paths;
	int saved;

	home_file(home, "home", "", 0600);
	must(paths_find(&paths, home->path));
	saved = told_begin();
	assert_int_equal(paths_make(&paths), COFFER_PERMISSION_DENIED);
	assert_non_null(strstr(told_end(saved), home->path));
	paths_free(&paths);
}

/* A linked folder on the way is followed, so that the store sees no link; the home itself is none. */
static void links_on_the_way_are_followed_and_a_linked_home_is_refused(void **state)
{
	struct home *home = *state;
	struct paths paths;
	char path[160], want[160];
	int saved;

	assert_int_equal(mkdir(home->path, 0700), 0);
	snprintf(path, sizeof(path), "%s/inner", home->path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/link", home->folder);
	assert_int_equal(symlink(home->path, path), 0);
	must(paths_find(&paths, path));
	assert_string_equal(paths.home, path);
	saved = told_begin();
	assert_int_equal(paths_make(&paths), COFFER_PERMISSION_DENIED);
	(void)told_end(saved);
	paths_free(&paths);
	snprintf(path, sizeof(path), "%s/link/inner", home->folder);
	snprintf(want, sizeof(want), "%s/inner", home->path);
	must(paths_find(&paths, path));
	assert_string_equal(paths.home, want);
	paths_free(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(all_is_below_a_home_that_is_named),
		IN_A_HOME(without_a_home_the_places_are_the_systems_or_the_users),
		IN_A_HOME(folders_are_made_with_their_modes),
		IN_A_HOME(a_folder_that_others_may_write_to_is_refused),
		IN_A_HOME(a_file_in_the_place_of_a_folder_is_refused),
		IN_A_HOME(links_on_the_way_are_followed_and_a_linked_home_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
