#include "sources.h"

#include "clock.h"
#include "connect.h"
#include "exec/cache.h"
#include "exec/envfile.h"
#include "exec/retry.h"

#include <coffer/limits.h>
#include <stdio.h>
#include <string.h>

/* Of one call; less while there is less left to wait, but never so little that no daemon can do it. */
#define CALL_MAX_MS 10000
#define CALL_MIN_MS 1000

static int call_ms(const struct retry *retry)
{
	int64_t left = retry_left_ms(retry);

	if (left > CALL_MAX_MS)
		return CALL_MAX_MS;
	return left < CALL_MIN_MS ? CALL_MIN_MS : (int)left;
}

/* CLI_DONE, or CLI_REFUSED: then *away is whether only nobody answered. */
static cli_exit ask_daemon(const struct cli *cli, struct sources *sources, struct values *values,
			   bool *away)
{
	struct retry retry;
	bool told = false;
	coffer_err err;

	retry_begin(&retry, sources->timeout_ms);
	while ((err = fetch_attempt(&sources->fetch, call_ms(&retry), values, away)) != COFFER_OK) {
		if (!*away)
			return connect_refuse(cli, err, fetch_message(&sources->fetch),
					      sources->fetch.socket);
		values_free(values);
		if (!told)
			cli_warn(cli, "waiting for the daemon: %s", fetch_message(&sources->fetch));
		told = true;
		if (!retry_pause(&retry))
			return cli_refuse(cli, "the daemon did not come within %lld s: %s",
					  (long long)sources->timeout_ms / 1000,
					  fetch_message(&sources->fetch));
	}
	return CLI_DONE;
}

static void print_age(char *out, size_t size, int64_t age_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "days", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 } };
	size_t i = 0;

	age_ms = age_ms > 0 ? age_ms : 0;
	while (i + 1 < sizeof(units) / sizeof(units[0]) && age_ms < units[i].ms)
		i++;
	(void)snprintf(out, size, "%lld %s", (long long)(age_ms / units[i].ms), units[i].unit);
}

/* Moves what is needed of from, and not there yet. */
static cli_exit pick(const struct cli *cli, const struct sources *sources, struct values *from,
		     struct values *values)
{
	struct value *value;
	bool kept = true;

	for (value = from->first; kept && value; value = value->hh.next)
		if (environment_needs(sources->fetch.environment, value->name) &&
		    !values_find(values, value->name))
			kept = values_move(values, value->name, &value->secret);
	return kept ? CLI_DONE : cli_refuse(cli, "out of memory");
}

/* CLI_REFUSED: there is no cache that could be used. */
static cli_exit use_cache(const struct cli *cli, const struct sources *sources,
			  struct values *values)
{
	const char *token = sources->fetch.token ? sources->fetch.token : "";
	struct values cached = { NULL };
	struct cache_about about;
	char age[32];
	const char *why;
	cli_exit status;

	if (!sources->cache)
		return CLI_REFUSED;
	why = cache_read(sources->cache, token, clock_wall_ms(), &about, &cached);
	if (!why && sources->fetch.environment->all && !about.all)
		why = "it does not hold every secret, as --all needs";
	if (why) {
		status = cli_refuse(cli, "the cache %s is not used: %s", sources->cache, why);
	} else {
		print_age(age, sizeof(age), clock_wall_ms() - about.fetched_at_ms);
		cli_warn(cli, "warning: using values cached %s ago in %s", age, sources->cache);
		status = pick(cli, sources, &cached, values);
	}
	values_free(&cached);
	return status;
}

static cli_exit take_file(const struct cli *cli, const struct bytes *file, struct values *out)
{
	char name[COFFER_NAME_MAX + 1];
	const char *text = NULL;

	while ((text = envfile_next(file, text))) {
		size_t len = strcspn(text, "=");
		const char *value = text + len + 1;

		if (len > COFFER_NAME_MAX)
			continue; /* no secret's name */
		memcpy(name, text, len);
		name[len] = '\0';
		if (!values_copy(out, name, value, strlen(value)))
			return cli_refuse(cli, "out of memory");
	}
	return CLI_DONE;
}

static cli_exit use_fallback(const struct cli *cli, const struct sources *sources,
			     struct values *values)
{
	struct values in_file = { NULL };
	struct bytes file = { 0 };
	cli_exit status = envfile_read(cli, sources->fallback, &file);

	if (status == CLI_DONE) {
		cli_warn(cli, "warning: using values of %s, which is for development alone",
			 sources->fallback);
		status = take_file(cli, &file, &in_file);
	}
	if (status == CLI_DONE)
		status = pick(cli, sources, &in_file, values);
	values_free(&in_file);
	bytes_free(&file);
	return status;
}

static bool lacks(const struct sources *sources, const struct values *values)
{
	const char *name;

	return environment_lacks(sources->fetch.environment, values, &name, 1) > 0;
}

static cli_exit do_without(const struct cli *cli, const struct sources *sources,
			   struct values *values)
{
	cli_exit status = use_cache(cli, sources, values);

	if (sources->fallback && (status != CLI_DONE || lacks(sources, values)))
		status = use_fallback(cli, sources, values);
	return status;
}

cli_exit sources_fetch(const struct cli *cli, struct sources *sources, struct values *values)
{
	bool away = false;
	cli_exit status;

	if (!sources->given && sources->fallback) {
		cli_warn(cli, "warning: no token: the daemon is not asked");
		return use_fallback(cli, sources, values);
	}
	if ((status = fetch_init(cli, &sources->fetch)) == CLI_DONE)
		status = ask_daemon(cli, sources, values, &away);
	return away ? do_without(cli, sources, values) : status;
}

const char *sources_keep(const struct sources *sources, const struct values *values)
{
	const struct fetch *fetch = &sources->fetch;
	struct cache_about about;

	if (!sources->cache || !fetch->opened || !fetch->token)
		return NULL;
	about = (struct cache_about){
		.fetched_at_ms = clock_wall_ms(),
		.expires_at_ms = fetch_expires_at_ms(fetch),
		.all = fetch->environment->all,
	};
	return cache_write(sources->cache, fetch->token, &about, values);
}
