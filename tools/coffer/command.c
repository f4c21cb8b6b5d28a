#include "command.h"

#include "bytes.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

/* Longer words have no near neighbour among the verbs. */
#define WORD_MAX 16

static const struct command *find(const struct command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (a letter more, less, other, or two swapped) from a to b, both at most WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[WORD_MAX + 1][WORD_MAX + 1];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	for (size_t i = 0; i <= a_len; i++) {
		for (size_t j = 0; j <= b_len; j++) {
			if (i == 0 || j == 0) {
				rows[i][j] = i + j;
				continue;
			}
			rows[i][j] = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			rows[i][j] = least(rows[i][j], least(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
		}
	}
	return rows[a_len][b_len];
}

static const char *nearest(const struct command *const *commands, const char *word)
{
	const char *best = NULL;
	size_t best_distance = 3;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *commands; commands++) {
		size_t edits = distance(word, (*commands)->name);
		/* A word that shares no letter with a verb is no slip of the finger. */
		if (edits < best_distance && edits < strlen((*commands)->name)) {
			best = (*commands)->name;
			best_distance = edits;
		}
	}
	return best;
}

static cli_exit unknown(const struct cli *cli, const struct command *const *commands,
			const char *word)
{
	const char *near = nearest(commands, word);

	if (near)
		return cli_usage(cli, "unknown verb '%s'; did you mean '%s'?", word, near);
	return cli_usage(cli, "unknown verb '%s'", word);
}

static void enter(struct cli *cli, const struct command *command)
{
	size_t len = strlen(cli->verb);

	snprintf(cli->verb + len, sizeof(cli->verb) - len, "%s%s", len > 0 ? " " : "",
		 command->name);
	cli->command = command;
}

static bool wants_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

cli_exit command_run(struct cli *cli, const struct command *const *commands, int argc, char **argv)
{
	for (;; argc--, argv++) {
		const struct command *command = find(commands, argv[0]);
		if (!command)
			return unknown(cli, commands, argv[0]);
		enter(cli, command);
		if (!command->subs || (command->run && (argc < 2 || !find(command->subs, argv[1]))))
			return command->run(cli, argc, argv);
		if (argc < 2)
			return cli_usage(cli, "needs a verb of its own");
		if (wants_help(argv[1]))
			return command_explain(cli);
		commands = command->subs;
	}
}

static void list(struct bytes *out, const char *prefix, const struct command *const *commands)
{
	for (; *commands; commands++)
		bytes_print(out, "  %s%-*s %s\n", prefix, (int)(14 - strlen(prefix)),
			    (*commands)->name, (*commands)->summary);
}

cli_exit command_help(struct cli *cli, const struct command *const *commands, int argc, char **argv)
{
	struct bytes out = { 0 };

	if (argc == 0) {
		bytes_print(&out, "usage: coffer [--home DIR] [--admin-socket PATH] VERB ...\n\n");
		list(&out, "", commands);
		bytes_print(&out,
			    "\n'coffer help VERB' explains one, 'man coffer-VERB' in full.\n");
		return output_send(cli, &out);
	}
	cli->verb[0] = '\0';
	for (int i = 0; i < argc; i++) {
		const struct command *command = commands ? find(commands, argv[i]) : NULL;
		if (!command)
			return commands ? unknown(cli, commands, argv[i])
					: cli_usage(cli, "has no verb '%s'", argv[i]);
		enter(cli, command);
		commands = command->subs;
	}
	return command_explain(cli);
}

cli_exit command_explain(const struct cli *cli)
{
	const struct command *command = cli->command;
	struct bytes out = { 0 };

	bytes_print(&out, "usage: coffer %s %s\n\n%s\n", cli->verb, command->synopsis,
		    command->summary);
	if (command->details)
		bytes_print(&out, "\n%s", command->details);
	if (command->subs) {
		bytes_print(&out, "\n");
		list(&out, "", command->subs);
	}
	/* One page has a verb and the verbs of it. */
	bytes_print(&out, "\n'man coffer-%.*s' tells all of it.\n", (int)strcspn(cli->verb, " "),
		    cli->verb);
	return output_send(cli, &out);
}
