#include "known.h"

#include "connect.h"
#include "home.h"

#include <stdlib.h>
#include <string.h>

/* For each call: who waits has a hand on the keyboard. */
#define TIMEOUT_MS 300

/* An id is no word to choose by: older runs than these are completed by nobody. */
#define RUNS_MAX 256

static void add(struct offer *offer, const char *text, const char *about)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_./-");

	if (len > 0 && text[len] == '\0' && text[0] != '-')
		offer_text(offer, text, len, about);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name is in many scopes, a scope has many names: each is offered once. */
static void add_infos(struct offer *offer, const struct coffer_infos *infos, bool scopes)
{
	const char **texts = calloc(infos->len + 1, sizeof(*texts));

	for (size_t i = 0; texts && i < infos->len; i++)
		texts[i] = scopes ? infos->items[i].scope : infos->items[i].name;
	if (texts)
		qsort(texts, infos->len, sizeof(*texts), compare);
	for (size_t i = 0; texts && i < infos->len; i++)
		if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0)
			add(offer, texts[i], NULL);
	free(texts);
}

static void add_secrets(struct coffer_admin *admin, bool scopes, const struct known_where *where,
			struct offer *offer)
{
	struct coffer_infos infos = { 0 };
	const char *scope = scopes ? NULL : where->scope;

	if (coffer_admin_list(admin, scope, where->system, &infos) == COFFER_OK)
		add_infos(offer, &infos, scopes);
	coffer_infos_free(&infos);
}

static void add_run(struct offer *offer, const struct coffer_run *run)
{
	struct bytes about = { 0 };

	bytes_print(&about, "%s %s, %s", run->about.pipeline, run->about.ref,
		    coffer_run_state_name(run->state));
	bytes_append(&about, "", 1);
	if (!about.failed)
		add(offer, run->about.run_id, about.data);
	bytes_free(&about);
}

static void add_runs(struct coffer_admin *admin, bool all, struct offer *offer)
{
	struct coffer_runs runs = { 0 };

	if (coffer_admin_list_runs(admin, RUNS_MAX, &runs) == COFFER_OK)
		for (size_t i = 0; i < runs.len; i++)
			if (all || runs.items[i].state == COFFER_RUN_PENDING ||
			    runs.items[i].state == COFFER_RUN_ACTIVE)
				add_run(offer, &runs.items[i]);
	coffer_runs_free(&runs);
}

static void add_services(struct coffer_admin *admin, struct offer *offer)
{
	struct coffer_services services = { 0 };

	if (coffer_admin_list_services(admin, false, &services) == COFFER_OK)
		for (size_t i = 0; i < services.len; i++)
			add(offer, services.items[i].name, NULL);
	coffer_services_free(&services);
}

void known_offer(const struct cli *cli, known_kind kind, const struct known_where *where,
		 struct offer *offer)
{
	char socket[HOME_PATH_MAX];
	struct coffer_admin *admin = NULL;

	if (connect_is_run() || home_admin_socket(cli, socket) != CLI_DONE)
		return;
	if (coffer_admin_open(&admin, socket, TIMEOUT_MS) == COFFER_OK) {
		if (kind == KNOWN_NAMES || kind == KNOWN_SCOPES)
			add_secrets(admin, kind == KNOWN_SCOPES, where, offer);
		else if (kind == KNOWN_SERVICES)
			add_services(admin, offer);
		else
			add_runs(admin, kind == KNOWN_RUNS, offer);
	}
	coffer_admin_close(admin);
}
