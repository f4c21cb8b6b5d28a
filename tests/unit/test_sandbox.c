/* Which files a confined daemon still reaches. */
#include "base/sandbox.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "sandbox_test.h"

static int write_to_other(void)
{
	return open_as("other/file", O_WRONLY);
}

static int append_to_other(void)
{
	return open_as("other/file", O_WRONLY | O_APPEND);
}

static int cut_other(void)
{
	return open_as("other/file", O_RDONLY | O_TRUNC);
}

static int make_in_other(void)
{
	return open_as("other/new", O_WRONLY | O_CREAT | O_EXCL);
}

static int remove_in_other(void)
{
	return unlink(at("other/file"));
}

static int move_to_other(void)
{
	int rc = rename(at("home/file"), at("other/moved"));

	if (errno == EXDEV) /* the same refusal, in rename's words */
		errno = EACCES;
	return rc;
}

static int list_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_socket_anew(void)
{
	return open_as("run/new", O_WRONLY | O_CREAT);
}

static int read_other(void)
{
	return open_as("other/file", O_RDONLY);
}

static int remove_socket(void)
{
	return unlink(place.socket);
}

/* What the store and the audit log do. */
static int keep_house(void)
{
	int fd = open_as("home/new", O_RDWR | O_CREAT | O_EXCL), folder;

	if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 99) != 0)
		return -1;
	if (fdatasync(fd) != 0 || ftruncate(fd, 0) != 0 || close(fd) != 0)
		return -1;
	if (rename(at("home/new"), at("home/renamed")) != 0)
		return -1;
	folder = open_as("home", O_RDONLY | O_DIRECTORY);
	if (folder < 0 || fsync(folder) != 0 || unlinkat(folder, "renamed", 0) != 0)
		return -1;
	return close(folder);
}

static void only_its_own_folders_can_be_written(void **state)
{
	static const struct attempt attempts[] = {
		{ "to write a file", write_to_other, EACCES },
		{ "to append to a file", append_to_other, EACCES },
		{ "to cut a file", cut_other, EACCES },
		{ "to make a file", make_in_other, EACCES },
		{ "to remove a file", remove_in_other, EACCES },
		{ "to move a file out of the home", move_to_other, EACCES },
		{ "to list a folder", list_root, EACCES },
		{ "to make a file beside the socket", make_socket_anew, EACCES },
		{ "to read a file", read_other, 0 },
		{ "to remove its socket", remove_socket, 0 },
		{ "to keep the home", keep_house, 0 },
	};

	(void)state;
	if (!told_that_there_is_no_landlock())
		assert_outcomes(attempts, CASES(attempts));
}

static int read_source(void)
{
	return open_as("sources/file", O_RDONLY);
}

static int read_second_source(void)
{
	return open_as("more/file", O_RDONLY);
}

static int write_source(void)
{
	return open_as("sources/file", O_WRONLY);
}

static int read_settings(void)
{
	return open_as("etc/file", O_RDONLY);
}

static int read_passwords(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int replace_settings_and_read(void)
{
	return open_as("etc/replaced", O_RDONLY);
}

static void source_folders_are_all_that_can_be_read(void **state)
{
	static const struct attempt attempts[] = {
		{ "to read another file", read_other, EACCES },
		{ "to read the host's files", read_passwords, EACCES },
		{ "to write a source", write_source, EACCES },
		{ "to read a source", read_source, 0 },
		{ "to read a source of the second folder", read_second_source, 0 },
		{ "to read the settings", read_settings, 0 },
		{ "to read settings that have replaced them", replace_settings_and_read, 0 },
		{ "to keep the home", keep_house, 0 },
	};
	char sources[200], settings[96];

	(void)state;
	snprintf(sources, sizeof(sources), "%s:%s", at("sources"), at("more"));
	strcpy(settings, at("etc/file"));
	home_file(place.home, "etc/replaced", "", 0600);
	place.config.source_dirs = sources;
	place.config.config_file = settings;
	if (!told_that_there_is_no_landlock())
		assert_outcomes(attempts, CASES(attempts));
}

static void a_source_folder_that_is_missing_is_told(void **state)
{
	int saved;

	(void)state;
	place.config.source_dirs = (char[]){ "/nonexistent/sources" };
	saved = told_begin();
	assert_int_equal(enter(), have_landlock() ? COFFER_NOT_FOUND : COFFER_FAILED_PRECONDITION);
	assert_non_null(strstr(told_end(saved), have_landlock() ? "/nonexistent/sources" : "Land"));
}

/* The database may stand elsewhere, with its log beside it. */
static void another_databases_folder_is_kept_too(void **state)
{
	static const struct attempt attempts[] = {
		{ "to write the database", write_to_other, 0 },
		{ "to make its log", make_in_other, 0 },
		{ "to remove it", remove_in_other, 0 },
	};

	(void)state;
	must(paths_use_database(&place.server.paths, at("other/coffer.db")));
	if (!told_that_there_is_no_landlock())
		assert_outcomes(attempts, CASES(attempts));
}

static int outside_socket = -1;

static int speak_to_another_process(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = (size_t)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
				      "coffer-test-%d", (int)parent);

	return (int)sendto(outside_socket, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
}

/* With a socket that it had before: it makes no more. */
static void abstract_sockets_of_others_are_out_of_reach(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int theirs = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = (size_t)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
				      "coffer-test-%d", (int)getpid());

	(void)state;
	outside_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(theirs >= 0 && outside_socket >= 0);
	assert_int_equal(bind(theirs, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)),
			 0);
	assert_int_equal(outcome_of(speak_to_another_process), landlock_version() >= 6 ? EPERM : 0);
	close(theirs);
	close(outside_socket);
}

/* Who names folders relies on them. */
static void source_folders_that_cannot_be_kept_to_are_refused(void **state)
{
	char sources[96];
	int saved;

	(void)state;
	strcpy(sources, at("sources"));
	place.config.source_dirs = sources;
	place.config.sandbox = (char[]){ "off" };
	saved = told_begin();
	assert_int_equal(enter(), COFFER_FAILED_PRECONDITION);
	assert_non_null(strstr(told_end(saved), "source-dirs"));
}

static int write_anywhere(void)
{
	return write_to_other() < 0 || append_to_other() < 0 || make_socket_anew() < 0 ? -1 : 0;
}

static void without_the_sandbox_all_is_possible(void **state)
{
	(void)state;
	place.config.sandbox = (char[]){ "off" };
	assert_int_equal(outcome_of(write_anywhere), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(only_its_own_folders_can_be_written),
		PLACED(source_folders_are_all_that_can_be_read),
		PLACED(a_source_folder_that_is_missing_is_told),
		PLACED(another_databases_folder_is_kept_too),
		PLACED(abstract_sockets_of_others_are_out_of_reach),
		PLACED(source_folders_that_cannot_be_kept_to_are_refused),
		PLACED(without_the_sandbox_all_is_possible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
