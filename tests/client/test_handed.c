/* Goal of this test: a file that is not the caller's alone is refused and left, one that is serves once;
 * and nothing of what it held is left behind, neither in it nor in memory. */
#include "local_file.h"

#include <coffer/registry.h>
#include <sys/wait.h>

/* In two pieces, so that the whole of it stands nowhere but in the file and where the library has it; and
 * behind a padding, for what was freed is used again from its beginning on. */
#define SENTINEL_A "s3ntinel-of-the-"
#define SENTINEL_B "local-transport!"
#define PADDING    3000

static void the_file_serves_one_session(void **state)
{
	struct coffer_session *session = open_file(whole);

	(void)state;
	assert_false(exists(path));
	refused(COFFER_NOT_FOUND, "there is no such file; it is gone once a session has taken it");
	value_is(session, "A", "a\0b", 3);
	coffer_close(session);
}

static void who_has_the_file_open_still_reads_nothing_of_it(void **state)
{
	struct coffer_session *session;
	char byte;
	int fd;

	(void)state;
	write_file(whole);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(try_open(&session), COFFER_OK);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
	coffer_close(session);
}

static char other[96];

static void make_symlink(void)
{
	snprintf(other, sizeof(other), "%s/other", folder);
	write_file(whole);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
}

static void make_hard_link(void)
{
	write_file(whole);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(link(path, other), 0);
}

static void make_fifo(void)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void make_directory(void)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_readable_for_group(void)
{
	write_bytes(whole, strlen(whole), 0640);
}

static void make_writable_for_others(void)
{
	write_bytes(whole, strlen(whole), 0602);
}

static void make_foreign(void)
{
	write_file(whole);
	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
}

static void make_large(void)
{
	write_file(whole);
	assert_int_equal(truncate(path, COFFER_BOOTSTRAP_FILE_MAX + 1), 0);
}

static void what_is_not_the_callers_alone_is_refused_and_left(void **state)
{
	static const struct {
		void (*make)(void);
		coffer_err want;
		const char *words;
	} cases[] = {
		{ make_symlink, COFFER_PERMISSION_DENIED, "it is a symbolic link" },
		{ make_hard_link, COFFER_PERMISSION_DENIED, "it has more than one name" },
		{ make_fifo, COFFER_PERMISSION_DENIED, "it is not a regular file" },
		{ make_directory, COFFER_PERMISSION_DENIED, "Is a directory" },
		{ make_readable_for_group, COFFER_PERMISSION_DENIED, "others than its owner" },
		{ make_writable_for_others, COFFER_PERMISSION_DENIED, "others than its owner" },
		{ make_large, COFFER_RESOURCE_EXHAUSTED, "it is larger than 16 MiB" },
		{ make_foreign, COFFER_PERMISSION_DENIED, "it belongs to another user" },
	};
	size_t count = sizeof(cases) / sizeof(cases[0]) - (geteuid() == 0 ? 0 : 1);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct stat before, after;
		other[0] = '\0';
		cases[i].make();
		assert_int_equal(lstat(path, &before), 0);
		refused(cases[i].want, cases[i].words);
		assert_int_equal(lstat(path, &after), 0);
		assert_int_equal(before.st_size, after.st_size);
		assert_int_equal(remove(path), 0);
		if (other[0] != '\0')
			assert_int_equal(unlink(other), 0);
	}
}

/* Opens it in the name of somebody else, who is refused with these words. */
static void another_is_refused(const char *words)
{
	int status;
	pid_t pid;

	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct coffer_session *session = NULL;
		bool good = alarm(60) == 0 && /* for one that waits for ever */
			    setuid(65534) == 0 && try_open(&session) == COFFER_PERMISSION_DENIED &&
			    strstr(coffer_message(session), words) != NULL;
		coffer_close(session);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(exists(path));
}

/* Whoever may not remove it cannot make sure that it serves once. */
static void a_file_that_cannot_be_removed_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	write_file(whole);
	another_is_refused("it cannot be removed");
}

/* To open one for reading waits for a writer, unless it is asked not to. */
static void a_fifo_without_a_writer_holds_nobody_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkfifo(path, 0400), 0);
	another_is_refused("it is not a regular file");
}

/* Mappings that core dumps leave out and forked children find empty. */
static size_t count_guarded(void)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	size_t count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		count += strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dd") != NULL &&
			 strstr(line, " wf") != NULL;
	fclose(file);
	return count;
}

static void values_stand_in_memory_of_their_own(void **state)
{
	size_t before = count_guarded();
	struct coffer_session *session = open_file(whole);

	(void)state;
	assert_int_equal(count_guarded(), before + 1);
	coffer_close(session);
	assert_int_equal(count_guarded(), before);
}

static bool holds_sentinel(const uint8_t *p, size_t len)
{
	size_t a = strlen(SENTINEL_A), b = strlen(SENTINEL_B);

	for (size_t i = 0; i + a + b <= len; i++)
		if (p[i] == SENTINEL_A[0] && memcmp(p + i, SENTINEL_A, a) == 0 &&
		    memcmp(p + i + a, SENTINEL_B, b) == 0)
			return true;
	return false;
}

/* Whether the value stands anywhere in memory that this process can write to. What the sanitizers map in one
 * piece for themselves is larger than all that is looked at. */
static bool memory_holds_sentinel(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	static uint8_t chunk[1 << 16];
	unsigned long start, end;
	bool found = false;
	char line[512];

	assert_true(maps != NULL && memory >= 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		char mode[8];
		if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) != 3 || mode[1] != 'w' ||
		    end - start > 64 << 20)
			continue;
		/* The chunks overlap, but for the chunk that is read into. */
		for (unsigned long at = start; at < end; at += sizeof(chunk) - 64) {
			ssize_t n = pread(memory, chunk, sizeof(chunk), (off_t)at);
			if (n > 0 && (at + sizeof(chunk) <= (unsigned long)chunk ||
				      at >= (unsigned long)chunk + sizeof(chunk)))
				found = found || holds_sentinel(chunk, (size_t)n);
			memset(chunk, 0, sizeof(chunk));
		}
	}
	fclose(maps);
	close(memory);
	return found;
}

static void write_sentinel(void)
{
	static const char *const parts[] = { "{\"version\":1,\"meta\":{\"ref\":\"",
					     "\"},\"secrets\":{\"A\":\"", "\"}}" };
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(setvbuf(file, NULL, _IONBF, 0), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		fputs(parts[i], file);
		if (i < 2)
			fprintf(file, "%*s", PADDING, "");
		fputs(i < 2 ? SENTINEL_A : "", file);
		fputs(i < 2 ? SENTINEL_B : "", file);
	}
	assert_int_equal(fclose(file), 0);
}

/* All that a registry does with a value. */
static void resolve(struct coffer_session *session)
{
	static const char json[] = "[\"secret:A\", \"secret:A\", \"secret:B\"]";
	struct coffer_redactor *redactor;
	struct coffer_registry *registry;
	struct coffer_value value;

	assert_int_equal(coffer_redactor_new(&redactor), COFFER_OK);
	assert_int_equal(coffer_registry_new(&registry, redactor), COFFER_OK);
	coffer_registry_fallback(registry, coffer_session_source, session);
	assert_int_equal(coffer_registry_resolve(registry, "A", &value), COFFER_OK);
	assert_int_equal(coffer_registry_declare(registry, "B", value.data, value.len), COFFER_OK);
	assert_int_equal(coffer_registry_declare(registry, "C", value.data, value.len), COFFER_OK);
	assert_int_equal(coffer_registry_declare(registry, "C", NULL, 0), COFFER_OK);
	coffer_value_free(&value);
	assert_int_equal(coffer_resolve_json(registry, json, strlen(json), &value), COFFER_OK);
	coffer_value_free(&value);
	coffer_registry_free(registry);
	coffer_redactor_free(redactor);
}

static void nothing_of_a_value_is_left_in_memory(void **state)
{
	struct coffer_session *session;
	struct coffer_secrets secrets;
	struct coffer_bootstrap about;
	struct coffer_value value;

	(void)state;
	write_sentinel();
	assert_int_equal(try_open(&session), COFFER_OK);
	assert_int_equal(coffer_get(session, "A", &value), COFFER_OK);
	assert_int_equal(coffer_environment(session, &secrets), COFFER_OK);
	assert_int_equal(coffer_claim(session, &about), COFFER_OK);
	resolve(session);
	assert_true(memory_holds_sentinel());
	coffer_value_free(&value);
	coffer_secrets_free(&secrets);
	coffer_bootstrap_free(&about);
	coffer_close(session);
	assert_false(memory_holds_sentinel());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCAL_CASE(the_file_serves_one_session),
		LOCAL_CASE(who_has_the_file_open_still_reads_nothing_of_it),
		LOCAL_CASE(what_is_not_the_callers_alone_is_refused_and_left),
		LOCAL_CASE(a_file_that_cannot_be_removed_is_refused),
		LOCAL_CASE(a_fifo_without_a_writer_holds_nobody_up),
		LOCAL_CASE(values_stand_in_memory_of_their_own),
		LOCAL_CASE(nothing_of_a_value_is_left_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
