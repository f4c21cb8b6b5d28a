/* cli.h - what every verb is given: who is speaking, and how to refuse. Layer: tools. */
#ifndef CLI_H
#define CLI_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

/* The process's exit status. */
typedef enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2 } cli_exit;

struct cli;

/* A verb. Either run or subs is set, or both: then run is for arguments that name none of the
 * subs. */
struct command {
	const char *name;
	const char *synopsis; /* what follows the name: "NAME [--scope S]" */
	const char *summary;  /* one line */
	const char *details;  /* its options, one a line; may be NULL */
	/* argv[0] is the name. Messages have been printed when it returns. */
	cli_exit (*run)(struct cli *cli, int argc, char **argv);
	const struct command *const *subs; /* up to a NULL */
};

/* Made in main, handed down. Strings are borrowed from argv and live as long as the process. */
struct cli {
	char verb[32]; /* "run create": begins every message */
	const struct command *command;
	const char *home;         /* --home; NULL: not given */
	const char *admin_socket; /* --admin-socket; NULL: not given */
	bool pipe_ignored;        /* SIGPIPE was, when the process started */
	cli_exit status;          /* set by options_parse when it stops the verb */
};

/* Print "coffer: VERB: ..." on standard error, with control characters replaced. */
void cli_warn(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, and returns CLI_REFUSED. */
cli_exit cli_refuse(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, with the verb's usage behind it, and returns CLI_USAGE. */
cli_exit cli_usage(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* CLI_DONE if err is COFFER_OK; else prints message (err's own text if that is empty), with what to do next
 * behind it, and refuses. next NULL: nothing. cli_result knows by itself what a run can do next. */
cli_exit cli_result_next(const struct cli *cli, coffer_err err, const char *message,
			 const char *next);
cli_exit cli_result(const struct cli *cli, coffer_err err, const char *message);

#endif
