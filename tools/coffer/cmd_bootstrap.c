#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "remote.h"
#include "run_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static cli_exit print_json(const struct cli *cli, const struct coffer_bootstrap *about)
{
	return output_json(cli, json_pack("{s:o, s:o, s:o, s:o, s:o}", "run_id",
					  output_json_text(about->run_id), "git_dir",
					  output_json_text(about->git_dir), "meta",
					  run_json_meta(about), "sentry", run_json_sentry(about),
					  "extras", run_json_extras(about)));
}

static void add(struct bytes *out, const char *key, const char *value)
{
	bytes_print(out, "%s=", key);
	bytes_quote(out, value);
	bytes_append(out, "\n", 1);
}

/* The lines are made for eval: a key must not smuggle in what a shell would run. */
static void add_extra(struct bytes *out, const char *key, const char *value)
{
	bytes_print(out, "EXTRA_");
	for (; *key; key++) {
		bool plain = (*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z') ||
			     (*key >= '0' && *key <= '9');
		bytes_append(out, plain ? key : "_", 1);
	}
	add(out, "", value);
}

static cli_exit print_lines(const struct cli *cli, const struct coffer_bootstrap *about)
{
	struct bytes out = { 0 };
	char pushed_at_ms[24];

	snprintf(pushed_at_ms, sizeof(pushed_at_ms), "%" PRId64, about->pushed_at_ms);
	const struct {
		const char *key;
		const char *value;
	} lines[] = {
		{ "RUN_ID", about->run_id },
		{ "GIT_DIR", about->git_dir },
		{ "PIPELINE", about->pipeline },
		{ "REPO", about->repo },
		{ "REF", about->ref },
		{ "SHA", about->sha },
		{ "PUSHED_AT_MS", pushed_at_ms },
		{ "SENTRY_DSN", about->sentry_dsn },
		{ "SENTRY_TRACE_ID", about->sentry_trace_id },
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		add(&out, lines[i].key, lines[i].value);
	for (size_t i = 0; i < about->extras_len; i++)
		add_extra(&out, about->extras[i].key, about->extras[i].value);
	return output_send(cli, &out);
}

/* Strings are the JSON's. False: it is not what the bootstrap data is. */
static bool read_about(const json_t *json, struct coffer_bootstrap *about)
{
	json_int_t pushed_at_ms;

	if (json_unpack((json_t *)(uintptr_t)json,
			"{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:I}, s:{s:s, s:s}}", "run_id",
			&about->run_id, "git_dir", &about->git_dir, "meta", "pipeline",
			&about->pipeline, "repo", &about->repo, "ref", &about->ref, "sha",
			&about->sha, "pushed_at_ms", &pushed_at_ms, "sentry", "dsn",
			&about->sentry_dsn, "trace_id", &about->sentry_trace_id) != 0)
		return false;
	about->pushed_at_ms = pushed_at_ms;
	return true;
}

static cli_exit print_claimed(const struct cli *cli, json_t *claimed, bool json)
{
	json_t *extras = json_object_get(claimed, "extras");
	struct coffer_pair *pairs = calloc(json_object_size(extras) + 1, sizeof(*pairs));
	struct coffer_bootstrap about = { .extras = pairs };
	cli_exit status;
	const char *key;
	json_t *value;
	bool good = pairs && read_about(claimed, &about);

	json_object_foreach(extras, key, value)
	{
		if (!good || !json_is_string(value)) {
			good = false;
			break;
		}
		pairs[about.extras_len++] = (struct coffer_pair){ key, json_string_value(value) };
	}
	if (!good)
		status = cli_refuse(cli, "what was claimed is not what coffer-http gives");
	else
		status = json ? print_json(cli, &about) : print_lines(cli, &about);
	free(pairs);
	return status;
}

static cli_exit claim_remote(const struct cli *cli, const char *url, bool json)
{
	struct remote remote;
	json_t *claimed = NULL;
	cli_exit status = remote_open(cli, &remote, url);

	if (status == CLI_DONE)
		status = cli_result(cli, remote_claim(&remote, &claimed), remote.message);
	if (status == CLI_DONE)
		status = print_claimed(cli, claimed, json);
	json_decref(claimed);
	remote_close(&remote);
	return status;
}

static cli_exit claim(const struct cli *cli, bool json)
{
	struct coffer_session *session = NULL;
	struct coffer_bootstrap about = { 0 };
	cli_exit status = connect_run(cli, &session);

	if (status == CLI_DONE) {
		coffer_err err = coffer_claim(session, &about);
		status = cli_result(cli, err, coffer_message(session));
	}
	if (status == CLI_DONE)
		status = json ? print_json(cli, &about) : print_lines(cli, &about);
	coffer_bootstrap_free(&about);
	coffer_close(session);
	return status;
}

static cli_exit bootstrap(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	const char *url;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	url = remote_url(cli);
	return url ? claim_remote(cli, url, json) : claim(cli, json);
}

const struct command cmd_bootstrap = {
	.name = "bootstrap",
	.synopsis = "[--json]",
	.summary = "as a run: claim what the run is about, which is given once",
	.details = "Prints lines NAME='value' for a shell's eval: RUN_ID, GIT_DIR, PIPELINE, REPO, "
		   "REF, SHA,\n"
		   "PUSHED_AT_MS, SENTRY_DSN, SENTRY_TRACE_ID, and EXTRA_<key> for each extra, "
		   "where what\n"
		   "cannot stand in a variable's name becomes '_'.\n\n"
		   "  --json   {run_id, git_dir, meta, sentry, extras}, with keys as they are\n",
	.run = bootstrap,
};
