#include "verbs.h"

#include <coffer/registry.h>

#include "exec/credentials.h"
#include "exec/envfile.h"
#include "exec/job.h"
#include "exec/replace.h"
#include "exec/supervise.h"
#include "options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 30000

struct exec_options {
	bool pristine;
	struct option_list preserve;
	struct option_list files;
	bool all;
	struct option_list sets;
	bool no_redact;
	const char *watch;
	supervise_reaction reaction;
	int signal;
	int64_t timeout_ms;
	const char *cache;
	const char *fallback;
};

static int find_signal(const char *name)
{
	const char *short_name = strncmp(name, "SIG", 3) == 0 ? name + 3 : name;

	for (int number = 1; number < NSIG; number++) {
		const char *known = sigabbrev_np(number);
		if (known && strcmp(known, short_name) == 0)
			return number;
	}
	return 0;
}

static bool read_watch(struct exec_options *options)
{
	static const char prefix[] = "signal:";

	if (!options->watch)
		return true;
	if (strcmp(options->watch, "restart") == 0) {
		options->reaction = SUPERVISE_RESTART;
		return true;
	}
	if (strcmp(options->watch, "ignore") == 0) {
		options->reaction = SUPERVISE_IGNORE;
		return true;
	}
	if (strncmp(options->watch, prefix, strlen(prefix)) != 0)
		return false;
	options->reaction = SUPERVISE_SIGNAL;
	options->signal = find_signal(options->watch + strlen(prefix));
	return options->signal != 0;
}

static bool is_secret_name(const char *name)
{
	char reference[sizeof("secret:") + COFFER_NAME_MAX];
	size_t len = strlen(name);

	if (len > COFFER_NAME_MAX)
		return false;
	memcpy(reference, "secret:", strlen("secret:"));
	memcpy(reference + strlen("secret:"), name, len + 1);
	return coffer_reference(reference) != NULL;
}

/* What is wrong with "VARIABLE=SECRET", or NULL. The words are not repeated: a value may have been
 * put in the place of the name. */
static const char *check_set(const char *word)
{
	size_t len = strcspn(word, "=");

	if (len == 0 || word[len] == '\0' || !is_secret_name(word + len + 1))
		return "option '--set' needs VARIABLE=NAME, where NAME is a secret's";
	if (environment_is_reserved(word, len))
		return "option '--set' cannot set a variable that holds the run's authority";
	return NULL;
}

static cli_exit check_options(struct cli *cli, struct exec_options *options)
{
	const char *why;

	for (size_t i = 0; i < options->sets.len; i++)
		if ((why = check_set(options->sets.items[i])))
			return cli_usage(cli, "%s", why);
	if (options->preserve.len > 0 && !options->pristine)
		return cli_usage(cli, "--preserve-env is for --pristine: without it, all of the "
				      "environment is kept");
	if (!read_watch(options))
		return cli_usage(cli, "option '--watch' needs restart, signal:NAME or ignore");
	return CLI_DONE;
}

/* --- the environment ---------------------------------------------------------------------------------- */

/* Whether one of the lists "A,B" has the name of the variable. */
static bool is_listed(const struct option_list *lists, const char *variable)
{
	size_t len = strcspn(variable, "=");

	for (size_t i = 0; i < lists->len; i++) {
		const char *word = lists->items[i];

		for (; word; word = strchr(word, ',') ? strchr(word, ',') + 1 : NULL)
			if (strcspn(word, ",") == len && memcmp(word, variable, len) == 0)
				return true;
	}
	return false;
}

static bool add_inherited(struct environment *environment, const struct exec_options *options)
{
	for (char **variable = environ; *variable; variable++)
		if ((!options->pristine || is_listed(&options->preserve, *variable)) &&
		    !environment_add(environment, *variable))
			return false;
	return true;
}

static bool add_sets(struct environment *environment, const struct exec_options *options)
{
	for (size_t i = 0; i < options->sets.len; i++)
		if (!environment_set(environment, options->sets.items[i]))
			return false;
	return true;
}

static cli_exit add_file(const struct cli *cli, struct environment *environment, const char *path,
			 struct bytes *file)
{
	const char *text = NULL;
	cli_exit status = envfile_read(cli, path, file);

	while (status == CLI_DONE && (text = envfile_next(file, text)))
		if (!environment_add(environment, text))
			status = cli_refuse(cli, "out of memory");
	return status;
}

/* Later comes before: what is inherited, the files, --all, --set. The files stay with the caller. */
static cli_exit build(const struct cli *cli, struct environment *environment,
		      const struct exec_options *options, struct bytes *files)
{
	cli_exit status = CLI_DONE;

	environment->all = options->all;
	if (!add_inherited(environment, options))
		return cli_refuse(cli, "out of memory");
	for (size_t i = 0; status == CLI_DONE && i < options->files.len; i++)
		status = add_file(cli, environment, options->files.items[i], &files[i]);
	if (status == CLI_DONE && !add_sets(environment, options))
		status = cli_refuse(cli, "out of memory");
	environment_wipe(environment, environ);
	if (status == CLI_DONE)
		environment_warn(cli, environment);
	return status;
}

/* --- the command -------------------------------------------------------------------------------------- */

static cli_exit begin_watch(struct job *job, const struct exec_options *options)
{
	const struct fetch *fetch = &job->sources.fetch;

	if (!options->watch)
		return CLI_DONE;
	if (environment_needs(&job->environment, NULL) && fetch->token && !fetch->bootstrap)
		return watch_start(job->cli, &job->sources, &job->watch);
	cli_warn(job->cli, "warning: nothing is watched: the command has no value that can change");
	return CLI_DONE;
}

static int launch(struct job *job, const struct exec_options *options, char **argv)
{
	struct supervise plan = {
		.argv = argv,
		.redactor = job->redactor,
		.reaction = options->reaction,
		.signal = options->signal,
		.refresh = job_refresh,
		.context = job,
	};

	if (options->watch && !job->sources.fetch.bootstrap && remote_url(job->cli)) {
		(void)cli_refuse(job->cli, "--watch is for the daemon's socket: over https nobody "
					   "tells of a change");
		return SUPERVISE_FAILED;
	}
	if (job_prepare(job) != CLI_DONE || begin_watch(job, options) != CLI_DONE)
		return SUPERVISE_FAILED;
	if (options->no_redact && !options->watch)
		return replace_run(job->cli, argv, job->block.items);
	plan.envp = job->block.items;
	plan.changes = watch_fd(job->watch);
	return supervise_run(job->cli, &plan);
}

static int run_job(struct cli *cli, const struct exec_options *options,
		   const struct credentials *credentials, char **argv)
{
	struct job job = {
		.cli = cli,
		.environment = { .tokens = &credentials->tokens },
		.sources = {
			.fetch = { .environment = &job.environment,
				   .revision_too = options->watch && !credentials->bootstrap,
				   .token = credentials->tokens.len > 0
						? credentials->tokens.items[0].text
						: NULL,
				   .bootstrap = credentials->bootstrap },
			.given = credentials->given || credentials->bootstrap,
			.cache = options->cache,
			.fallback = options->fallback,
			.timeout_ms = options->timeout_ms,
		},
	};
	struct bytes *files = calloc(options->files.len + 1, sizeof(*files));
	int status = SUPERVISE_FAILED;

	if (!files || (!options->no_redact && coffer_redactor_new(&job.redactor) != COFFER_OK))
		(void)cli_refuse(cli, "out of memory");
	else if (build(cli, &job.environment, options, files) == CLI_DONE)
		status = launch(&job, options, argv);
	job_free(&job);
	for (size_t i = 0; files && i < options->files.len; i++)
		bytes_free(&files[i]);
	free(files);
	return status;
}

static cli_exit exec(struct cli *cli, int argc, char **argv)
{
	struct exec_options options = { .timeout_ms = TIMEOUT_MS };
	const struct option_row rows[] = {
		{ "pristine", OPTION_FLAG, { .flag = &options.pristine } },
		{ "preserve-env", OPTION_LIST, { .list = &options.preserve } },
		{ "env-file", OPTION_LIST, { .list = &options.files } },
		{ "all", OPTION_FLAG, { .flag = &options.all } },
		{ "set", OPTION_LIST, { .list = &options.sets } },
		{ "no-redact", OPTION_FLAG, { .flag = &options.no_redact } },
		{ "watch", OPTION_TEXT, { .text = &options.watch } },
		{ "timeout", OPTION_DURATION, { .ms = &options.timeout_ms } },
		{ "cache", OPTION_TEXT, { .text = &options.cache } },
		{ "fallback", OPTION_TEXT, { .text = &options.fallback } },
	};
	struct option_list operands;
	struct credentials credentials = { .given = false };
	cli_exit status;

	if (!options_parse_command(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]),
				   &operands) ||
	    !options_expect(cli, &operands, 1, SIZE_MAX, "a command"))
		status = cli->status;
	else if ((status = check_options(cli, &options)) == CLI_DONE)
		status = credentials_read(cli, &credentials) == CLI_DONE
			     ? (cli_exit)run_job(cli, &options, &credentials, operands.items)
			     : (cli_exit)SUPERVISE_FAILED;
	credentials_free(&credentials);
	options_list_free(&options.preserve);
	options_list_free(&options.files);
	options_list_free(&options.sets);
	return status;
}

const struct command cmd_exec = {
	.name = "exec",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]",
	.summary = "as a run: run a command with secrets in its environment",
	.details =
	    "Each variable 'secret:NAME' becomes the value of that secret. The run's token is "
	    "taken out.\n"
	    "Later comes before earlier: what is inherited, --env-file, --all, --set. In the "
	    "command's\n"
	    "output the values and the token become " COFFER_REDACT_MARKER
	    ". The exit status is the\n"
	    "command's, 128+N if signal N ended it, 127 if it is not found, 126 if it cannot "
	    "be started, 125\n"
	    "if coffer fails before.\n\n"
	    "  --pristine                  inherit no variable\n"
	    "  --preserve-env NAME[,NAME]...\n"
	    "                              with --pristine: but these\n"
	    "  --env-file F                add the variables of a file, NAME=VALUE a line\n"
	    "  --all                       add every visible secret under its own name\n"
	    "  --set VARIABLE=NAME         add a secret as that variable\n"
	    "  --no-redact                 become the command and leave its output alone\n"
	    "  --watch restart|signal:NAME|ignore\n"
	    "                              when its values change: restart it, send it a signal, "
	    "or only tell\n"
	    "  --timeout DURATION          wait so long for the daemon (default: 30s)\n"
	    "  --cache F                   keep the values in F, encrypted, for when the daemon "
	    "is away\n"
	    "  --fallback F                for development: without a daemon, take values from "
	    "a file\n",
	.run = exec,
};
