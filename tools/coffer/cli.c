#include "cli.h"

#include "advice.h"
#include "output.h"

#include <coffer/limits.h>
#include <stdarg.h>
#include <stdio.h>

static void say(const struct cli *cli, const char *format, va_list args)
{
	char text[COFFER_MESSAGE_MAX + 512];

	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	/* A message may quote what a peer sent: it must not steer the terminal. */
	output_clean(text);
	fprintf(stderr, "coffer: %s%s%s\n", cli->verb, cli->verb[0] ? ": " : "", text);
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, format, args);
	va_end(args);
}

cli_exit cli_refuse(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, format, args);
	va_end(args);
	return CLI_REFUSED;
}

cli_exit cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(cli, format, args);
	va_end(args);
	if (cli->command)
		fprintf(stderr, "usage: coffer %s %s\n", cli->verb, cli->command->synopsis);
	else
		fputs("usage: coffer [--home DIR] VERB ...; 'coffer help' lists the verbs\n",
		      stderr);
	return CLI_USAGE;
}

cli_exit cli_result_next(const struct cli *cli, coffer_err err, const char *message,
			 const char *next)
{
	if (err == COFFER_OK)
		return CLI_DONE;
	return cli_refuse(cli, "%s%s%s", message[0] ? message : coffer_err_text(err),
			  next ? "; " : "", next ? next : "");
}

cli_exit cli_result(const struct cli *cli, coffer_err err, const char *message)
{
	return cli_result_next(cli, err, message, advice_run(cli->verb, err));
}
