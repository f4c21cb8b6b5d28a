#include "fill.h"

#include <coffer/admin.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "frames.h"
#include "wipe.h"

#define TIMEOUT_MS 60000
#define DAY_MS     (24 * 3600 * (int64_t)1000)

static bool fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "coffer-bench: fill: %s: %s\n", what, why);
	return false;
}

static bool put_some(struct coffer_admin *admin, size_t first, size_t count)
{
	char names[COFFER_BATCH_MAX][FRAMES_NAME_SIZE];
	struct coffer_write writes[COFFER_BATCH_MAX];
	uint8_t value[FRAMES_VALUE_LEN];

	frames_value(value);
	for (size_t i = 0; i < count; i++) {
		frames_name(first + i, names[i]);
		writes[i] =
		    (struct coffer_write){ .name = names[i], .data = value, .len = sizeof(value) };
	}
	if (coffer_admin_put(admin, FRAMES_SCOPE, false, writes, count, NULL) == COFFER_OK)
		return true;
	return fail("put", coffer_admin_message(admin));
}

static bool write_token(const char *home, const char *token)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/token", home), fd;
	bool ok;

	if (len < 0 || (size_t)len >= sizeof(path))
		return fail(home, "is too long");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, token, COFFER_TOKEN_LEN) == COFFER_TOKEN_LEN;
	if (fd >= 0)
		ok = close(fd) == 0 && ok;
	return ok || fail(path, "cannot be written");
}

static bool create_run(struct coffer_admin *admin, const char *home)
{
	const struct coffer_run_spec spec = { .pipeline = "bench",
					      .ref = "refs/heads/main",
					      .ttl_ms = DAY_MS };
	struct coffer_run_made made;
	bool ok;

	if (coffer_admin_create_run(admin, &spec, &made) != COFFER_OK)
		return fail("run", coffer_admin_message(admin));
	ok = write_token(home, made.token);
	wipe(&made, sizeof(made));
	return ok;
}

bool fill_home(const char *home, size_t count)
{
	char path[4096];
	struct coffer_admin *admin = NULL;
	int len = snprintf(path, sizeof(path), "%s/run/admin.sock", home);
	bool ok;

	if (len < 0 || (size_t)len >= sizeof(path))
		return fail(home, "is too long");
	if (coffer_admin_open(&admin, path, TIMEOUT_MS) == COFFER_OK)
		ok = true;
	else
		ok = fail(path, coffer_admin_message(admin));
	for (size_t i = 0; i < count && ok; i += COFFER_BATCH_MAX)
		ok =
		    put_some(admin, i, count - i < COFFER_BATCH_MAX ? count - i : COFFER_BATCH_MAX);
	ok = ok && create_run(admin, home);
	coffer_admin_close(admin);
	return ok;
}
