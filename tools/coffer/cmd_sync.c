#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LOOK_MAX_MS  (10 * 60 * 1000)
#define PUSH_STEP_MS 2000

/* How far it is, on one line of a terminal. */
static void tell_progress(const struct coffer_sync *sync)
{
	if (isatty(STDERR_FILENO) && sync->problem[0] == '\0')
		fprintf(stderr, "\r%" PRIu64 " versions are in the bucket%s", sync->pushed,
			sync->done ? "\n" : "");
}

static cli_exit refuse_problem(const struct cli *cli, const struct coffer_sync *sync)
{
	struct bytes text = { 0 };
	cli_exit status;

	bytes_clean(&text, sync->problem);
	bytes_append(&text, "", 1);
	status = cli_refuse(cli, "the bucket cannot be used: %s", text.data);
	bytes_free(&text);
	return status;
}

static cli_exit look(const struct cli *cli, struct coffer_admin *admin, struct coffer_sync *sync)
{
	cli_exit status = connect_result(cli, admin, coffer_admin_sync(admin, LOOK_MAX_MS, sync));

	if (status == CLI_DONE && !sync->done && sync->problem[0] == '\0')
		return cli_refuse(cli, "the bucket was not looked through in 10 minutes");
	return status;
}

static cli_exit push(const struct cli *cli, struct coffer_admin *admin, struct coffer_sync *sync)
{
	cli_exit status;

	do {
		status = connect_result(cli, admin, coffer_admin_push(admin, PUSH_STEP_MS, sync));
		if (status == CLI_DONE)
			tell_progress(sync);
	} while (status == CLI_DONE && !sync->done && sync->problem[0] == '\0');
	return status;
}

static cli_exit synchronize(struct cli *cli, int argc, char **argv)
{
	bool now = false, into = false;
	const struct option_row rows[] = { { "now", OPTION_FLAG, { .flag = &now } },
					   { "push", OPTION_FLAG, { .flag = &into } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_sync sync;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 2, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if (now && into)
		return cli_refuse(cli, "either --now or --push");
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = into ? push(cli, admin, &sync) : look(cli, admin, &sync);
	if (status == CLI_DONE && sync.problem[0] != '\0')
		status = refuse_problem(cli, &sync);
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_sync = {
	.name = "sync",
	.synopsis = "[--now | --push]",
	.summary = "look at the bucket, or put a local store into it",
	.details =
	    "Returns when what other hosts had written until then is served here.\n\n"
	    "  --now    at once, and not when the daemon next looks by itself: the default\n"
	    "  --push   put every version of every secret into the bucket, which must be empty.\n"
	    "           One that was broken off goes on where it stood\n",
	.run = synchronize,
};
