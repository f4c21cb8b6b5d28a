#include "fetch.h"

#include "clock.h"
#include "exec/retry.h"

#include <stdlib.h>

/* Over https nobody tells when the token expires. */
#define REMOTE_EXPIRES_MS 86400000

cli_exit fetch_init(const struct cli *cli, struct fetch *fetch)
{
	if (fetch->bootstrap || (fetch->remote.url = remote_url(cli)))
		return CLI_DONE;
	return home_runner_socket(cli, fetch->socket);
}

void fetch_close(struct fetch *fetch)
{
	coffer_close(fetch->session);
	fetch->session = NULL;
	fetch->opened = false;
}

coffer_err fetch_open(struct fetch *fetch, int call_ms)
{
	struct coffer_options options = {
		.socket = fetch->socket,
		.token = fetch->token,
		.bootstrap = fetch->bootstrap,
		.client = "coffer/" COFFER_VERSION,
		.timeout_ms = call_ms,
	};
	coffer_err err;

	if (fetch->opened)
		return COFFER_OK;
	fetch_close(fetch);
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

/* --- over https --------------------------------------------------------------------------------------- */

struct taking {
	struct fetch *fetch;
	struct values *values;
};

static coffer_err take_remote(void *context, const char *name, coffer_err err,
			      struct coffer_value *value)
{
	const struct taking *taking = context;
	bool kept;

	if (err == COFFER_OK)
		kept = values_move(taking->values, name, value);
	else if (is_of_one(err))
		kept = values_lack(taking->values, name, taking->fetch->remote.message);
	else
		return err;
	return kept ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

static coffer_err attempt_remote(struct fetch *fetch, int call_ms, struct values *values)
{
	struct taking taking = { fetch, values };
	const char *names[COFFER_BATCH_MAX];
	coffer_err err = COFFER_OK;
	size_t count;

	fetch->remote.token = fetch->token;
	fetch->remote.timeout_ms = call_ms;
	if (fetch->environment->all)
		err = remote_environment(&fetch->remote, take_remote, &taking);
	while (err == COFFER_OK &&
	       (count = environment_lacks(fetch->environment, values, names, COFFER_BATCH_MAX)) > 0)
		err = remote_get(&fetch->remote, names, count, take_remote, &taking);
	fetch->opened = err == COFFER_OK;
	return err;
}

coffer_err fetch_attempt(struct fetch *fetch, int call_ms, struct values *values, bool *again)
{
	const char *names[COFFER_BATCH_MAX];
	size_t count;
	coffer_err err;

	err =
	    fetch->remote.url ? attempt_remote(fetch, call_ms, values) : fetch_open(fetch, call_ms);
	*again = retry_is_worth(err, true);
	if (err != COFFER_OK || fetch->remote.url)
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
	return fetch->remote.url ? fetch->remote.message : coffer_message(fetch->session);
}

int64_t fetch_expires_at_ms(const struct fetch *fetch)
{
	return fetch->remote.url ? clock_wall_ms() + REMOTE_EXPIRES_MS
				 : coffer_expires_at_ms(fetch->session);
}
