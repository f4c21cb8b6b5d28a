#include "advice.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct advice {
	coffer_err err;
	const char *verbs; /* with a space around each; those of "run" are "run"; NULL: any */
	const char *next;
};

static const struct advice for_runs[] = {
	{ COFFER_NOT_FOUND, " get redact resolve why ",
	  "'coffer ls' lists what this token can read" },
	{ COFFER_UNAUTHENTICATED, NULL,
	  "its run may have ended: 'coffer run create' makes another" },
};

static const struct advice for_operators[] = {
	{ COFFER_NOT_FOUND, " get rm history rollback ",
	  "'coffer ls' lists names and their scopes, 'coffer history' versions" },
	{ COFFER_NOT_FOUND, " set import run ", "'coffer run ls' lists the runs" },
	{ COFFER_NOT_FOUND, " service ", "'coffer service list --all' lists them" },
	{ COFFER_NOT_FOUND, " why ",
	  "'coffer run ls' lists the runs, 'coffer service list' the services" },
	{ COFFER_ABORTED, " set rm ",
	  "look at 'coffer history' and give the newest version to --if-version" },
	{ COFFER_RESOURCE_EXHAUSTED, " set import ",
	  "a value_max in coffer.conf(5) lets larger ones in, up to 1 MiB" },
};

/* The first word of verb stands in words. */
static bool has_verb(const char *words, const char *verb)
{
	size_t len = strcspn(verb, " ");

	for (const char *at = strchr(words, ' '); at[1]; at = strchr(at + 1, ' '))
		if (strncmp(at + 1, verb, len) == 0 && at[1 + len] == ' ')
			return true;
	return false;
}

static const char *find(const struct advice *rows, size_t count, const char *verb, coffer_err err)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].err == err && (!rows[i].verbs || has_verb(rows[i].verbs, verb)))
			return rows[i].next;
	return NULL;
}

const char *advice_run(const char *verb, coffer_err err)
{
	return find(for_runs, sizeof(for_runs) / sizeof(for_runs[0]), verb, err);
}

const char *advice_operator(const char *verb, coffer_err err)
{
	return find(for_operators, sizeof(for_operators) / sizeof(for_operators[0]), verb, err);
}

const char *advice_connect(const char *socket, bool is_operator)
{
	bool denied = access(socket, W_OK) != 0 && errno == EACCES;

	if (denied && is_operator)
		return "operators are the superuser, the daemon's user, and members of the "
		       "admin_group in coffer.conf(5)";
	if (denied)
		return "the job's user must be able to search the folders above the socket, and "
		       "write to it";
	if (is_operator)
		return "start cofferd, after 'coffer init' if there is no store yet, or name the "
		       "home of one that runs with --home or COFFER_HOME";
	return "is cofferd running, and does COFFER_SOCKET name its runner socket?";
}
