#include "confine.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sandbox.h"

#define PLACES_MAX 64

/* The places, and the copies of paths that they borrow. */
struct plan {
	struct sandbox_place places[PLACES_MAX];
	char *copies[PLACES_MAX];
	size_t len;
};

static coffer_err add(struct plan *plan, const char *path, size_t len, sandbox_use use)
{
	if (plan->len == PLACES_MAX) {
		log_error("sandbox: more than %d folders", PLACES_MAX);
		return COFFER_RESOURCE_EXHAUSTED;
	}
	if ((plan->copies[plan->len] = strndup(path, len)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	plan->places[plan->len] =
	    (struct sandbox_place){ .path = plan->copies[plan->len], .use = use };
	plan->len++;
	return COFFER_OK;
}

static coffer_err add_folder(struct plan *plan, const char *path, sandbox_use use)
{
	return add(plan, path, strlen(path), use);
}

/* The folder that the file at path is in. */
static coffer_err add_folder_of(struct plan *plan, const char *path, sandbox_use use)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return add_folder(plan, ".", use);
	return add(plan, path, slash == path ? 1 : (size_t)(slash - path), use);
}

/* A settings file or a key file may be replaced by another of its name before it is read again: so their
 * folders. */
static coffer_err add_sources(struct plan *plan, const struct config *config, const char *key_file)
{
	coffer_err err;

	if (config->source_dirs == NULL)
		return add_folder(plan, "/", SANDBOX_READ);
	/* Where it stands when a process was started, that a run is bound to. */
	err = add_folder(plan, "/proc", SANDBOX_READ);
	if (err == COFFER_OK && config->config_file != NULL)
		err = add_folder_of(plan, config->config_file, SANDBOX_READ);
	if (err == COFFER_OK && key_file != NULL)
		err = add_folder_of(plan, key_file, SANDBOX_READ);
	for (const char *at = config->source_dirs; at != NULL && err == COFFER_OK;) {
		size_t len = strcspn(at, ":");
		err = add(plan, at, len, SANDBOX_READ);
		at = at[len] == ':' ? at + len + 1 : NULL;
	}
	return err;
}

static coffer_err add_own(struct plan *plan, const struct server *server, const struct net *net)
{
	coffer_err err;

	if ((err = add_folder(plan, server->paths.home, SANDBOX_KEEP)) != COFFER_OK ||
	    (err = add_folder_of(plan, server->paths.database, SANDBOX_KEEP)) != COFFER_OK)
		return err;
	/* An ephemeral home is removed at the end, with its folder. */
	if (server->temporary[0] != '\0' &&
	    ((err = add_folder(plan, server->temporary, SANDBOX_CLEAR_FOLDERS)) != COFFER_OK ||
	     (err = add_folder_of(plan, server->temporary, SANDBOX_CLEAR_FOLDERS)) != COFFER_OK))
		return err;
	for (size_t i = 0; i < 2 && err == COFFER_OK; i++)
		if (net->listeners[i].path != NULL)
			err = add_folder_of(plan, net->listeners[i].path, SANDBOX_CLEAR);
	return err;
}

static coffer_err enter(const struct config *config, const struct server *server,
			const struct net *net, sandbox_need need)
{
	struct plan plan = { .len = 0 };
	coffer_err err;

	if ((err = add_own(&plan, server, net)) == COFFER_OK &&
	    (err = add_sources(&plan, config, server->key_file)) == COFFER_OK)
		err = sandbox_enter(plan.places, plan.len, need);
	for (size_t i = 0; i < plan.len; i++)
		free(plan.copies[i]);
	return err;
}

coffer_err confine_enter(const struct config *config, const struct server *server,
			 const struct net *net)
{
	const char *setting = config->sandbox ? config->sandbox : "on";
	sandbox_need need = config->source_dirs ? SANDBOX_FILES : SANDBOX_AS_CAN_BE;

	if (strcmp(setting, "off") != 0)
		return enter(config, server, net,
			     strcmp(setting, "require") == 0 ? SANDBOX_ALL : need);
	if (config->source_dirs == NULL)
		return COFFER_OK;
	log_error("source-dirs cannot be kept to with the sandbox off");
	return COFFER_FAILED_PRECONDITION;
}
