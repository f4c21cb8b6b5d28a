#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "run_json.h"
#include "table.h"

#include <string.h>

static json_t *summary_json(const struct coffer_run *run)
{
	return json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:I}", "run_id",
			 output_json_text(run->about.run_id), "meta", run_json_meta(&run->about),
			 "state", coffer_run_state_name(run->state), "created_at_ms",
			 (json_int_t)run->created_at_ms, "started_at_ms",
			 (json_int_t)run->started_at_ms, "finished_at_ms",
			 (json_int_t)run->finished_at_ms, "expires_at_ms",
			 (json_int_t)run->expires_at_ms);
}

static cli_exit print_list_json(const struct cli *cli, const struct coffer_runs *runs)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < runs->len; i++) {
		if (json_array_append_new(json, summary_json(&runs->items[i])) != 0) {
			json_decref(json);
			json = NULL;
		}
	}
	return output_json(cli, json);
}

static cli_exit print_list(const struct cli *cli, const struct coffer_runs *runs)
{
	static const char *const header[] = { "RUN", "STATE", "CREATED", "PIPELINE", "REF" };
	struct table table = { .header = header, .columns = 5 };
	char created[OUTPUT_TIME_LEN];

	for (size_t i = 0; i < runs->len; i++) {
		const struct coffer_run *run = &runs->items[i];
		output_time(created, run->created_at_ms);
		table_add(&table, run->about.run_id);
		table_add(&table, coffer_run_state_name(run->state));
		table_add(&table, created);
		table_add(&table, run->about.pipeline);
		table_add(&table, run->about.ref);
	}
	return table_send(cli, &table);
}

static cli_exit list_runs(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_runs runs = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_list_runs(admin, 0, &runs));
	if (status == CLI_DONE)
		status = json ? print_list_json(cli, &runs) : print_list(cli, &runs);
	coffer_runs_free(&runs);
	coffer_admin_close(admin);
	return status;
}

static cli_exit print_run_json(const struct cli *cli, const struct coffer_run *run)
{
	json_t *json = summary_json(run);
	json_t *more =
	    json_pack("{s:o, s:o, s:o, s:b}", "git_dir", output_json_text(run->about.git_dir),
		      "extras", run_json_extras(&run->about), "allow",
		      output_json_words(run->allow), "bind_uid", run->bind_uid);

	if (!json || !more || json_object_update(json, more) != 0 ||
	    (run->bind_uid &&
	     json_object_set_new(json, "uid", json_integer((json_int_t)run->uid)) != 0) ||
	    (run->bind_process &&
	     json_object_set_new(json, "bind_process",
				 json_integer((json_int_t)run->bind_process)) != 0)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return output_json(cli, json);
}

static void add(struct bytes *out, const char *key, const char *value)
{
	bytes_print(out, "%-12s ", key);
	bytes_clean(out, value[0] ? value : "-");
	bytes_append(out, "\n", 1);
}

static void add_time(struct bytes *out, const char *key, int64_t time_ms)
{
	char time[OUTPUT_TIME_LEN];

	output_time(time, time_ms);
	add(out, key, time);
}

static cli_exit print_run(const struct cli *cli, const struct coffer_run *run)
{
	const struct coffer_bootstrap *about = &run->about;
	struct bytes out = { 0 };

	add(&out, "run", about->run_id);
	add(&out, "state", coffer_run_state_name(run->state));
	add(&out, "pipeline", about->pipeline);
	add(&out, "ref", about->ref);
	add(&out, "repo", about->repo);
	add(&out, "sha", about->sha);
	add(&out, "git-dir", about->git_dir);
	add_time(&out, "pushed", about->pushed_at_ms);
	add_time(&out, "created", run->created_at_ms);
	add_time(&out, "started", run->started_at_ms);
	add_time(&out, "finished", run->finished_at_ms);
	add_time(&out, "expires", run->expires_at_ms);
	add(&out, "allow", run->allow[0] ? run->allow : "*");
	if (run->bind_uid)
		bytes_print(&out, "%-12s %u\n", "bind-uid", run->uid);
	if (run->bind_process)
		bytes_print(&out, "%-12s %u\n", "bind-process", run->bind_process);
	for (size_t i = 0; i < about->extras_len; i++) {
		bytes_print(&out, "%-12s ", "extra");
		bytes_clean(&out, about->extras[i].key);
		bytes_append(&out, "=", 1);
		bytes_clean(&out, about->extras[i].value);
		bytes_append(&out, "\n", 1);
	}
	return output_send(cli, &out);
}

static cli_exit show(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_runs runs = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "ID"))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_show_run(admin, operands.items[0], &runs));
	if (status == CLI_DONE)
		status =
		    json ? print_run_json(cli, &runs.items[0]) : print_run(cli, &runs.items[0]);
	coffer_runs_free(&runs);
	coffer_admin_close(admin);
	return status;
}

/* COFFER_RUN_PENDING, which is no result, for a word that is none. */
static coffer_run_state read_result(const char *word)
{
	static const coffer_run_state results[] = { COFFER_RUN_SUCCEEDED, COFFER_RUN_FAILED,
						    COFFER_RUN_CANCELLED };

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (strcmp(word, coffer_run_state_name(results[i])) == 0)
			return results[i];
	return COFFER_RUN_PENDING;
}

static cli_exit finish(struct cli *cli, int argc, char **argv)
{
	const char *word = NULL;
	const struct option_row rows[] = { { "result", OPTION_TEXT, { .text = &word } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "ID"))
		return cli->status;
	coffer_run_state result = word ? read_result(word) : COFFER_RUN_PENDING;
	if (result == COFFER_RUN_PENDING)
		return cli_usage(cli, "needs --result succeeded, failed or cancelled");
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_finish_run(admin, operands.items[0], result));
	coffer_admin_close(admin);
	return status;
}

static cli_exit revoke(struct cli *cli, int argc, char **argv)
{
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	cli_exit status;

	if (!options_parse(cli, argc, argv, NULL, 0, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "ID"))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_revoke(admin, operands.items[0]));
	coffer_admin_close(admin);
	return status;
}

static const struct command cmd_run_ls = {
	.name = "ls",
	.synopsis = "[--json]",
	.summary = "list runs, the newest first",
	.details = "  --json   an array of {run_id, meta, state, created_at_ms, started_at_ms,\n"
		   "           finished_at_ms, expires_at_ms}\n",
	.run = list_runs,
};

static const struct command cmd_run_show = {
	.name = "show",
	.synopsis = "ID [--json]",
	.summary = "show one run in full",
	.details = "  --json   as in a list, with {git_dir, extras, allow, bind_uid, uid,\n"
		   "           bind_process}\n",
	.run = show,
};

static const struct command cmd_run_finish = {
	.name = "finish",
	.synopsis = "ID --result succeeded|failed|cancelled",
	.summary = "end a run: its token stops to work, its own secrets are erased",
	.run = finish,
};

static const struct command cmd_run_revoke = {
	.name = "revoke",
	.synopsis = "ID",
	.summary = "take a run's authority away at once; it counts as cancelled",
	.run = revoke,
};

static const struct command *const run_verbs[] = {
	&cmd_run_create, &cmd_run_ls, &cmd_run_show, &cmd_run_finish, &cmd_run_revoke, NULL,
};

const struct command cmd_run = {
	.name = "run",
	.synopsis = "create | ls | show | finish | revoke ...",
	.summary = "create, list and end runs",
	.subs = run_verbs,
};
