#include "fetch.h"

#include "exec/retry.h"

#include <stdlib.h>

cli_exit fetch_init(const struct cli *cli, struct fetch *fetch)
{
	return fetch->bootstrap ? CLI_DONE : home_runner_socket(cli, fetch->socket);
}

static void drop(struct fetch *fetch)
{
	coffer_close(fetch->session);
	fetch->session = NULL;
	fetch->opened = false;
}

void fetch_close(struct fetch *fetch)
{
	drop(fetch);
}

struct coffer_options fetch_options(const struct fetch *fetch, int call_ms)
{
	return (struct coffer_options){
		.socket = fetch->socket,
		.token = fetch->token,
		.bootstrap = fetch->bootstrap,
		.client = "coffer/" COFFER_VERSION,
		.timeout_ms = call_ms,
	};
}

static coffer_err open_session(struct fetch *fetch, int call_ms)
{
	struct coffer_options options = fetch_options(fetch, call_ms);
	coffer_err err;

	if (fetch->opened)
		return COFFER_OK;
	drop(fetch);
	err = coffer_open(&fetch->session, &options);
	fetch->opened = err == COFFER_OK;
	return err;
}

/* Whether the error is of one secret, and not of all that could be asked. FAILED_PRECONDITION: its source cannot be
 * read. */
static bool is_of_one(coffer_err err)
{
	return err == COFFER_NOT_FOUND || err == COFFER_PERMISSION_DENIED ||
	       err == COFFER_FAILED_PRECONDITION || err == COFFER_DATA_LOSS;
}

static coffer_err take_one(struct fetch *fetch, const char *name, struct values *values)
{
	struct coffer_value secret;
	coffer_err err = coffer_get(fetch->session, name, &secret);
	bool kept = true;

	if (err == COFFER_OK)
		kept = values_move(values, name, &secret);
	else if (is_of_one(err))
		kept = values_lack(values, name, coffer_message(fetch->session));
	else
		return err;
	return kept ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

static coffer_err take_secrets(struct coffer_secrets *secrets, struct values *values)
{
	bool kept = true;

	for (size_t i = 0; kept && i < secrets->len; i++)
		kept = values_move(values, secrets->items[i].name, &secrets->items[i].value);
	coffer_secrets_free(secrets);
	return kept ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

/* Together; if that is refused, each alone, to learn which and why. */
static coffer_err take_batch(struct fetch *fetch, const char *const *names, size_t count,
			     struct values *values)
{
	struct coffer_secrets secrets;
	coffer_err err = coffer_get_many(fetch->session, names, count, &secrets);

	if (err == COFFER_OK)
		return take_secrets(&secrets, values);
	if (!is_of_one(err))
		return err;
	err = COFFER_OK;
	for (size_t i = 0; err == COFFER_OK && i < count; i++)
		err = take_one(fetch, names[i], values);
	return err;
}

static coffer_err take_all(struct fetch *fetch, struct values *values)
{
	struct coffer_secrets secrets;
	coffer_err err = coffer_environment(fetch->session, &secrets);

	return err == COFFER_OK ? take_secrets(&secrets, values) : err;
}

/* A change between the revision and the values is reported later, and then found to be none. */
static coffer_err learn_revision(struct fetch *fetch)
{
	bool changed;

	if (!fetch->revision_too || fetch->revision > 0)
		return COFFER_OK;
	return coffer_wait(fetch->session, 0, 0, &fetch->revision, &changed);
}

coffer_err fetch_attempt(struct fetch *fetch, int call_ms, struct values *values, bool *again)
{
	const char *names[COFFER_BATCH_MAX];
	size_t count;
	coffer_err err = open_session(fetch, call_ms);

	*again = retry_is_worth(err, true);
	if (err != COFFER_OK)
		return err;
	if ((err = learn_revision(fetch)) == COFFER_OK && fetch->environment->all)
		err = take_all(fetch, values);
	while (err == COFFER_OK &&
	       (count = environment_lacks(fetch->environment, values, names, COFFER_BATCH_MAX)) > 0)
		err = take_batch(fetch, names, count, values);
	*again = retry_is_worth(err, false);
	return err;
}

const char *fetch_message(const struct fetch *fetch)
{
	return coffer_message(fetch->session);
}
