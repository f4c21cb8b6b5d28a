#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "run_json.h"

#include <inttypes.h>
#include <stdio.h>

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

static cli_exit bootstrap(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	struct coffer_session *session = NULL;
	struct coffer_bootstrap about = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_run(cli, &session)) == CLI_DONE) {
		coffer_err err = coffer_claim(session, &about);
		status = cli_result(cli, err, coffer_message(session));
	}
	if (status == CLI_DONE)
		status = json ? print_json(cli, &about) : print_lines(cli, &about);
	coffer_bootstrap_free(&about);
	coffer_close(session);
	return status;
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
