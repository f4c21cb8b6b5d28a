#include "verbs.h"

#include "audit_print.h"
#include "audit_tail.h"
#include "clock.h"
#include "connect.h"
#include "options.h"
#include "output.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* How long to wait before it is asked again for what is new. */
#define FOLLOW_MS 300

/* What is asked for, and how far it has come. */
struct audit_reading {
	const struct cli *cli;
	struct coffer_admin *admin;
	struct coffer_audit_filter filter;
	struct option_number last; /* -n */
	bool follow;
	bool json;
	uint64_t seq;
};

static cli_exit print(const struct audit_reading *reading, const char *lines, size_t len)
{
	const char *end = lines + len;
	struct bytes out = { 0 };

	if (reading->json)
		return output_write(reading->cli, lines, len);
	while (lines < end) {
		size_t line =
		    (size_t)((const char *)memchr(lines, '\n', (size_t)(end - lines)) - lines);
		audit_print(&out, lines, line);
		lines += line + 1;
	}
	return output_send(reading->cli, &out);
}

/* Reads on to the end of the log: prints what comes, or hands it to the tail. Where *err is not
 * COFFER_OK it has failed without a message. */
static cli_exit read_on(struct audit_reading *reading, struct audit_tail *tail, coffer_err *err)
{
	cli_exit status = CLI_DONE;
	bool more = true;

	while (more && status == CLI_DONE) {
		char *lines;
		*err = coffer_admin_find_audit(reading->admin, reading->seq, &reading->filter,
					       &lines, &reading->seq, &more);
		if (*err != COFFER_OK)
			return CLI_REFUSED;
		if (tail)
			audit_tail_add(tail, lines);
		else
			status = print(reading, lines, strlen(lines));
		free(lines);
	}
	return status;
}

static bool is_filtered(const struct coffer_audit_filter *filter)
{
	return filter->since_ms > 0 || filter->run || filter->name || filter->op || filter->outcome;
}

/* Where nothing is left out, the number of the last record tells where to begin. */
static coffer_err skip_to_last(struct audit_reading *reading)
{
	struct coffer_status status;
	coffer_err err;

	if (is_filtered(&reading->filter))
		return COFFER_OK;
	err = coffer_admin_status(reading->admin, &status);
	if (err == COFFER_OK && status.audit_seq > reading->last.value)
		reading->seq = status.audit_seq - reading->last.value;
	coffer_status_free(&status);
	return err;
}

static cli_exit print_last(struct audit_reading *reading, coffer_err *err)
{
	struct audit_tail tail = { .max = reading->last.value };
	cli_exit status;

	if ((*err = skip_to_last(reading)) != COFFER_OK)
		return CLI_REFUSED;
	status = read_on(reading, &tail, err);
	if (status == CLI_DONE && tail.text.failed)
		status = cli_refuse(reading->cli, "out of memory");
	if (status == CLI_DONE && tail.lines > 0)
		status = print(reading, tail.text.data + tail.start, tail.text.len - tail.start);
	bytes_free(&tail.text);
	return status;
}

static cli_exit print_all(struct audit_reading *reading)
{
	coffer_err err = COFFER_OK;
	cli_exit status =
	    reading->last.given ? print_last(reading, &err) : read_on(reading, NULL, &err);

	return err == COFFER_OK ? status : connect_result(reading->cli, reading->admin, err);
}

/* Waits a moment; false if nobody can read any more what is printed. */
static bool is_read(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, FOLLOW_MS) <= 0;
}

/* A daemon that is away is waited for: it goes on where it was. */
static cli_exit follow(struct audit_reading *reading)
{
	bool away = false;

	while (is_read()) {
		coffer_err err = COFFER_OK;
		cli_exit status = read_on(reading, NULL, &err);
		if (err == COFFER_UNAVAILABLE || err == COFFER_DEADLINE_EXCEEDED) {
			if (!away)
				cli_warn(reading->cli, "%s; waiting for the daemon",
					 coffer_admin_message(reading->admin));
			away = true;
			continue;
		}
		if (err != COFFER_OK)
			return connect_result(reading->cli, reading->admin, err);
		if (status != CLI_DONE)
			return status;
		if (away)
			cli_warn(reading->cli, "the daemon is back");
		away = false;
	}
	return CLI_DONE;
}

static bool take_outcome(struct cli *cli, const char *text, const char **name)
{
	if (!text)
		return true;
	for (int i = COFFER_OK; i <= COFFER_DATA_LOSS; i++) {
		*name = coffer_err_name((coffer_err)i);
		if (strcasecmp(text, *name) == 0)
			return true;
	}
	cli->status = cli_usage(cli, "there is no outcome '%s'", text);
	return false;
}

static int64_t ago(int64_t ms)
{
	if (ms == 0)
		return 0;
	ms = clock_wall_ms() - ms;
	return ms > 0 ? ms : 0;
}

static bool parse(struct cli *cli, int argc, char **argv, struct audit_reading *reading)
{
	struct coffer_audit_filter *filter = &reading->filter;
	const char *outcome = NULL;
	int64_t since = 0;
	const struct option_row rows[] = {
		{ "run", OPTION_TEXT, { .text = &filter->run } },
		{ "name", OPTION_TEXT, { .text = &filter->name } },
		{ "since", OPTION_DURATION, { .ms = &since } },
		{ "op", OPTION_TEXT, { .text = &filter->op } },
		{ "outcome", OPTION_TEXT, { .text = &outcome } },
		{ "follow", OPTION_FLAG, { .flag = &reading->follow } },
		{ "json", OPTION_FLAG, { .flag = &reading->json } },
		{ "n", OPTION_NUMBER, { .number = &reading->last } },
	};
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 0, 0, "") ||
	    !take_outcome(cli, outcome, &filter->outcome))
		return false;
	filter->since_ms = ago(since);
	return true;
}

static cli_exit audit(struct cli *cli, int argc, char **argv)
{
	struct audit_reading reading = { .cli = cli };
	cli_exit status;

	if (!parse(cli, argc, argv, &reading))
		return cli->status;
	/* Whoever reads from a pipe ends a listing without end by closing it: that is no failure. */
	if (reading.follow)
		(void)signal(SIGPIPE, SIG_DFL);
	if ((status = connect_admin(cli, &reading.admin)) == CLI_DONE &&
	    (status = print_all(&reading)) == CLI_DONE && reading.follow)
		status = follow(&reading);
	coffer_admin_close(reading.admin);
	return status;
}

static const struct command *const audit_verbs[] = { &cmd_audit_verify, &cmd_audit_checkpoint,
						     NULL };

const struct command cmd_audit = {
	.name = "audit",
	.synopsis = "[OPTION...] | audit verify | audit checkpoint",
	.summary = "print the audit log, verify it, or keep a mark of it",
	.details = "  --run ID         what a run did, and what was done to it\n"
		   "  --name NAME      of a secret\n"
		   "  --since DURATION not older than 90s, 15m, 1h or 2d\n"
		   "  --op OP          one operation: GetSecret\n"
		   "  --outcome CODE   one outcome: OK, NOT_FOUND\n"
		   "  -n N             the last N of them\n"
		   "  --follow         go on as records come\n"
		   "  --json           the records as they stand, one JSON object a line\n",
	.run = audit,
	.subs = audit_verbs,
};
