/* local_file.h - a folder with a file in it, from which sessions are opened. */
#ifndef LOCAL_FILE_H
#define LOCAL_FILE_H

#include <coffer/client.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#define LOCAL_RUN_ID "01932f3a-0000-7000-8000-000000000001"

#define LOCAL_CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

/* Of the case that runs. */
static char folder[64], path[96];

static inline int make_folder(void **state)
{
	(void)state;
	unsetenv("COFFER_RUN_ID");
	unsetenv("COFFER_TRANSPORT");
	unsetenv("COFFER_BOOTSTRAP");
	unsetenv("COFFER_SOCKET");
	snprintf(folder, sizeof(folder), "/tmp/coffer-client-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static inline int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static inline bool exists(const char *name)
{
	struct stat about;

	return lstat(name, &about) == 0;
}

static inline void write_bytes(const char *content, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline void write_file(const char *content)
{
	write_bytes(content, strlen(content), 0600);
}

static inline coffer_err try_open(struct coffer_session **session)
{
	struct coffer_options options = { .transport = "filesystem", .bootstrap = path };

	return coffer_open(session, &options);
}

static inline struct coffer_session *open_file(const char *content)
{
	struct coffer_session *session;

	write_file(content);
	if (try_open(&session) != COFFER_OK)
		fail_msg("%s", coffer_message(session));
	return session;
}

/* Opens, and checks that it is refused with these words. */
static inline void refused(coffer_err want, const char *words)
{
	struct coffer_session *session;
	struct coffer_value value;
	coffer_err err = try_open(&session);

	if (err != want || strstr(coffer_message(session), words) == NULL)
		fail_msg("%s \"%s\" instead of %s \"%s\"", coffer_err_name(err),
			 coffer_message(session), coffer_err_name(want), words);
	assert_ptr_equal(strstr(coffer_message(session), path), coffer_message(session));
	assert_int_equal(coffer_get(session, "A", &value), COFFER_FAILED_PRECONDITION);
	coffer_close(session);
}

/* want has a NUL behind its len bytes. */
static inline void value_is(struct coffer_session *session, const char *name, const char *want,
			    size_t len)
{
	struct coffer_value value;

	assert_int_equal(coffer_get(session, name, &value), COFFER_OK);
	assert_int_equal(value.len, len);
	assert_memory_equal(value.data, want, len + 1);
	coffer_value_free(&value);
}

/* All that a file can tell. */
static const char whole[] =
    "{\"version\":1,\"run_id\":\"" LOCAL_RUN_ID "\",\"expires_at_ms\":99999999999999,"
    "\"scopes\":[\"run/" LOCAL_RUN_ID "\",\"pipeline/app\",\"global\"],\"allow\":[\"*\"],"
    "\"git_dir\":\"/srv/git\",\"unknown\":{\"secrets\":[1,{\"x\":null}]},"
    "\"meta\":{\"pipeline\":\"app\",\"repo\":\"r\",\"ref\":\"main\",\"sha\":\"0f\",\"pushed_at_"
    "ms\":77},"
    "\"sentry\":{\"dsn\":\"https://s\",\"trace_id\":null},\"extras\":{\"key\":\"line\\nline\"},"
    "\"secret_info\":{\"B\":{\"scope\":\"global\",\"version\":3,\"updated_at_ms\":55},\"NONE\":{}},"
    "\"secrets\":{\"B\":\"text \\\"\\u20ac\\ud83d\\ude00\\/\",\"A.1\":\"\",\"A\":\"a\\u0000b\"},"
    "\"secrets_base64\":{\"BINARY\":\"AP8BCgA=\"}}\n";

#endif
