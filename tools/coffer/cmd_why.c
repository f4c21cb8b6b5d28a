#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"

#include <coffer/why.h>
#include <inttypes.h>

struct why_options {
	const char *name;
	const char *run;
	const char *service;
	bool json;
};

static json_t *scope_json(const struct coffer_why_scope *scope)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:b}", "scope", output_json_text(scope->scope),
			 "outcome", coffer_scope_outcome_name(scope->outcome), "version",
			 (json_int_t)scope->version, "updated_at_ms",
			 (json_int_t)scope->updated_at_ms, "expires_at_ms",
			 (json_int_t)scope->expires_at_ms, "from_file", scope->from_file);
}

static cli_exit print_json(const struct cli *cli, const char *name,
			   const struct coffer_answer *answer)
{
	json_t *scopes = json_array();

	for (size_t i = 0; scopes && i < answer->scopes_len; i++) {
		if (json_array_append_new(scopes, scope_json(&answer->scopes[i])) != 0) {
			json_decref(scopes);
			scopes = NULL;
		}
	}
	return output_json(cli, json_pack("{s:o, s:s, s:o, s:o, s:s, s:I}", "name",
					  output_json_text(name), "outcome",
					  coffer_why_outcome_name(answer->outcome), "scopes",
					  scopes, "allow", output_json_words(answer->allow),
					  "state", coffer_grant_state_name(answer->state),
					  "expires_at_ms", (json_int_t)answer->expires_at_ms));
}

static void add_verdict(struct bytes *out, const char *name, const struct coffer_answer *answer)
{
	char time[OUTPUT_TIME_LEN];

	bytes_clean(out, name);
	switch (answer->outcome) {
	case COFFER_WHY_FOUND:
		bytes_print(out, ": found in ");
		bytes_clean(out, answer->scopes[answer->scopes_len - 1].scope);
		break;
	case COFFER_WHY_NOT_FOUND:
		bytes_print(out, ": not found: none of the scopes has it");
		break;
	case COFFER_WHY_NOT_ALLOWED:
		bytes_print(out, ": not allowed: the token is for ");
		bytes_clean(out, answer->allow);
		break;
	case COFFER_WHY_ENDED:
		output_time(time, answer->expires_at_ms);
		bytes_print(out, ": no token to read it with: %s%s%s",
			    coffer_grant_state_name(answer->state),
			    answer->state == COFFER_GRANT_EXPIRED ? " at " : "",
			    answer->state == COFFER_GRANT_EXPIRED ? time : "");
		break;
	}
	bytes_print(out, "\n");
}

static void add_scope(struct bytes *out, const struct coffer_why_scope *scope)
{
	char updated[OUTPUT_TIME_LEN], expires[OUTPUT_TIME_LEN];

	output_time(updated, scope->updated_at_ms);
	output_time(expires, scope->expires_at_ms);
	bytes_print(out, "  ");
	bytes_clean(out, scope->scope);
	switch (scope->outcome) {
	case COFFER_SCOPE_HAS:
		bytes_print(out, ": version %" PRIu32 " of %s", scope->version, updated);
		break;
	case COFFER_SCOPE_LACKS:
		bytes_print(out, ": has no such secret");
		break;
	case COFFER_SCOPE_DELETED:
		bytes_print(out, ": deleted, as version %" PRIu32 " at %s", scope->version,
			    updated);
		break;
	case COFFER_SCOPE_EXPIRED:
		bytes_print(out, ": expired at %s", expires);
		break;
	}
	if (scope->outcome == COFFER_SCOPE_HAS && scope->from_file)
		bytes_print(out, ", from a file");
	if (scope->outcome == COFFER_SCOPE_HAS && scope->expires_at_ms != 0)
		bytes_print(out, ", expires at %s", expires);
	bytes_print(out, "\n");
}

static cli_exit print(const struct cli *cli, const struct why_options *options,
		      const struct coffer_answer *answer)
{
	struct bytes out = { 0 };

	if (options->json)
		return print_json(cli, options->name, answer);
	add_verdict(&out, options->name, answer);
	for (size_t i = 0; i < answer->scopes_len; i++)
		add_scope(&out, &answer->scopes[i]);
	return output_send(cli, &out);
}

static cli_exit ask_as_run(const struct cli *cli, const struct why_options *options,
			   struct coffer_answer *answer)
{
	struct coffer_session *session = NULL;
	cli_exit status = connect_run(cli, &session);

	if (status == CLI_DONE) {
		coffer_err err = coffer_why(session, options->name, answer);
		status = cli_result(cli, err, coffer_message(session));
	}
	coffer_close(session);
	return status;
}

static cli_exit ask_as_operator(const struct cli *cli, const struct why_options *options,
				struct coffer_answer *answer)
{
	struct coffer_services services = { 0 };
	struct coffer_admin *admin = NULL;
	const char *id = options->run;
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE && options->service) {
		status = connect_result(
		    cli, admin, coffer_admin_find_service(admin, options->service, &services));
		id = status == CLI_DONE ? services.items[0].id : NULL;
	}
	if (status == CLI_DONE)
		status =
		    connect_result(cli, admin, coffer_admin_why(admin, id, options->name, answer));
	coffer_services_free(&services);
	coffer_admin_close(admin);
	return status;
}

static cli_exit why(struct cli *cli, int argc, char **argv)
{
	struct why_options options = { 0 };
	const struct option_row rows[] = {
		{ "run", OPTION_TEXT, { .text = &options.run } },
		{ "service", OPTION_TEXT, { .text = &options.service } },
		{ "json", OPTION_FLAG, { .flag = &options.json } },
	};
	struct option_list operands;
	struct coffer_answer answer = { .allow = NULL };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME"))
		return cli->status;
	options.name = operands.items[0];
	if (connect_is_run()) {
		if (options.run || options.service)
			return cli_usage(cli, "--run and --service are for operators, but the "
					      "environment holds a run's token");
		status = ask_as_run(cli, &options, &answer);
	} else if (!options.run == !options.service) {
		return cli_usage(cli, "needs either --run or --service");
	} else {
		status = ask_as_operator(cli, &options, &answer);
	}
	if (status == CLI_DONE)
		status = print(cli, &options, &answer);
	coffer_answer_free(&answer);
	return status;
}

const struct command cmd_why = {
	.name = "why",
	.synopsis = "NAME [--run ID | --service NAME] [--json]",
	.summary = "tell where a secret comes from, or why it cannot be read",
	.details =
	    "With a token in the environment: for that token. Else, with the operator's "
	    "authority, for\n"
	    "a run or a service. No value is shown.\n\n"
	    "  --run ID         a run, also one that has ended\n"
	    "  --service NAME   a service\n"
	    "  --json           {name, outcome, scopes, allow, state, expires_at_ms}, scopes "
	    "being an\n"
	    "                   array of {scope, outcome, version, updated_at_ms, "
	    "expires_at_ms,\n"
	    "                   from_file}\n",
	.run = why,
};
