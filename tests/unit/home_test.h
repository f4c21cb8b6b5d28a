/* home_test.h - a folder to live in and a clean environment, for the tests of what is above the layers. */
#ifndef HOME_TEST_H
#define HOME_TEST_H

#include <fcntl.h>

#include "base/file.h"
#include "config.h"
#include "told.h"
#include "world_test.h"

struct home {
	char folder[64], path[96];
};

static inline int home_setup(void **state)
{
	struct home *home = calloc(1, sizeof(*home));

	if (home == NULL || clearenv() != 0)
		return -1;
	log_set_level(LOG_INFO);
	strcpy(home->folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/coffer-home-XXXXXX"
							   : "/tmp/coffer-home-XXXXXX");
	if (mkdtemp(home->folder) == NULL)
		return -1;
	snprintf(home->path, sizeof(home->path), "%s/home", home->folder);
	*state = home;
	return 0;
}

static inline int home_teardown(void **state)
{
	struct home *home = *state;
	coffer_err err = file_remove_tree(home->folder);

	free(home);
	return err == COFFER_OK ? 0 : -1;
}

#define IN_A_HOME(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

/* Writes a file of the home's folder and returns its path, in a static buffer. */
static inline const char *home_file(const struct home *home, const char *name, const char *text,
				    mode_t mode)
{
	static char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", home->folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

#endif
