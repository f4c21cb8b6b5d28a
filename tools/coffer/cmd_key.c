#include "verbs.h"

#include "connect.h"
#include "input.h"
#include "options.h"
#include "output.h"
#include "prompt.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Without letters and digits that look like one another. */
static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz023456789";
_Static_assert(sizeof(alphabet) - 1 == 32, "a letter is five bits of a random byte");

/* 150 bits, in groups of five letters. */
#define GENERATED_LETTERS 30
#define GENERATED_GROUP   5

/* Printed before it is used: of one that could not be printed, the store would have no key. */
static cli_exit generate(const struct cli *cli, struct bytes *out)
{
	unsigned char random[GENERATED_LETTERS];
	cli_exit status;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return cli_refuse(cli, "no random numbers: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(random); i++) {
		if (i > 0 && i % GENERATED_GROUP == 0)
			bytes_append(out, "-", 1);
		bytes_append(out, &alphabet[random[i] % 32], 1);
	}
	explicit_bzero(random, sizeof(random));
	bytes_append(out, "\n", 1);
	if (out->failed)
		return cli_refuse(cli, "out of memory");
	if ((status = output_write(cli, out->data, out->len)) == CLI_DONE)
		out->len--;
	return status;
}

/* Where a passphrase comes from. */
struct source {
	const char *file; /* NULL: standard input, if one is needed */
	const char *prompt;
	bool generated;
	bool needed;
};

static cli_exit read_passphrase(const struct cli *cli, const struct source *from, struct bytes *out)
{
	const char *file = from->file ? from->file : "-";

	if (from->generated)
		return generate(cli, out);
	if (!from->file && !from->needed)
		return CLI_DONE;
	if (strcmp(file, "-") == 0 && isatty(STDIN_FILENO))
		return prompt_twice(cli, from->prompt, out);
	return input_file(cli, file, true, out);
}

#define WAIT_STEP_MS 50

/* Until no rotation is under way. */
static cli_exit wait_for_end(const struct cli *cli, struct coffer_admin *admin)
{
	struct coffer_status answer = { 0 };
	cli_exit status;
	bool rotating;

	do {
		status = connect_result(cli, admin, coffer_admin_status(admin, &answer));
		rotating = status == CLI_DONE && answer.key_rotating;
		coffer_status_free(&answer);
	} while (rotating && poll(NULL, 0, WAIT_STEP_MS) >= 0);
	return status;
}

/* A call that takes a passphrase, or none. */
typedef coffer_err (*passphrase_call)(struct coffer_admin *admin, const uint8_t *passphrase,
				      size_t len);

static cli_exit call_with(const struct cli *cli, const struct source *from, passphrase_call call,
			  bool wait)
{
	struct coffer_admin *admin = NULL;
	struct bytes bytes = { 0 };
	cli_exit status;

	if ((status = connect_admin(cli, &admin)) == CLI_DONE &&
	    (status = read_passphrase(cli, from, &bytes)) == CLI_DONE)
		status =
		    connect_result(cli, admin, call(admin, (const uint8_t *)bytes.data, bytes.len));
	bytes_free(&bytes);
	if (status == CLI_DONE && wait)
		status = wait_for_end(cli, admin);
	coffer_admin_close(admin);
	return status;
}

/* The options of a verb that has nothing else. */
static bool parse(struct cli *cli, int argc, char **argv, const struct option_row *rows,
		  size_t count)
{
	struct option_list operands;

	return options_parse(cli, argc, argv, rows, count, &operands) &&
	       options_expect(cli, &operands, 0, 0, "");
}

static cli_exit passphrase(struct cli *cli, int argc, char **argv)
{
	struct source from = { .prompt = "New passphrase (not shown): ", .needed = true };
	const struct option_row rows[] = {
		{ "passphrase-file", OPTION_TEXT, { .text = &from.file } },
		{ "generate", OPTION_FLAG, { .flag = &from.generated } },
	};

	if (!parse(cli, argc, argv, rows, 2))
		return cli->status;
	if (from.file && from.generated)
		return cli_usage(cli, "takes --passphrase-file or --generate, not both");
	return call_with(cli, &from, coffer_admin_use_passphrase, false);
}

static coffer_err begin_rotation(struct coffer_admin *admin, const uint8_t *old, size_t len)
{
	return coffer_admin_rotate_key(admin, old, len, NULL);
}

static cli_exit rotate(struct cli *cli, int argc, char **argv)
{
	struct source from = { .prompt = "Passphrase (not shown): " };
	bool wait = false;
	const struct option_row rows[] = {
		{ "passphrase-file", OPTION_TEXT, { .text = &from.file } },
		{ "wait", OPTION_FLAG, { .flag = &wait } },
	};

	if (!parse(cli, argc, argv, rows, 2))
		return cli->status;
	return call_with(cli, &from, begin_rotation, wait);
}

static cli_exit file(struct cli *cli, int argc, char **argv)
{
	struct coffer_admin *admin = NULL;
	struct bytes out = { 0 };
	char *path = NULL;
	cli_exit status;

	if (!parse(cli, argc, argv, NULL, 0))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_use_key_file(admin, &path));
	if (status == CLI_DONE) {
		bytes_clean(&out, path);
		bytes_append(&out, "\n", 1);
		status = output_send(cli, &out);
	}
	free(path);
	coffer_admin_close(admin);
	return status;
}

static const struct command cmd_key_passphrase = {
	.name = "passphrase",
	.synopsis = "[--passphrase-file F | --generate]",
	.summary = "let a new passphrase, and nothing else, open the store",
	.details =
	    "The passphrase is read from standard input, or asked for if that is a terminal. The\n"
	    "running daemon goes on; its next start needs the passphrase.\n\n"
	    "  --passphrase-file F   read it from F, - for standard input\n"
	    "  --generate            make one of 150 random bits and print it, once\n",
	.run = passphrase,
};

static const struct command cmd_key_file = {
	.name = "file",
	.synopsis = "",
	.summary = "let the key file, and nothing else, open the store; print its path",
	.details =
	    "The file is the one that the daemon looks for when it starts: its --key-file, the\n"
	    "credential coffer.key, or HOME/key. If there is none it is made, with a new key.\n",
	.run = file,
};

static const struct command cmd_key_rotate = {
	.name = "rotate",
	.synopsis = "[--passphrase-file F] [--wait]",
	.summary = "make a new root key, and seal every secret anew under it",
	.details = "What opens the store stays the same. The secrets are written anew in the\n"
		   "background; a daemon that is stopped meanwhile goes on at its next start.\n\n"
		   "  --passphrase-file F   the passphrase of the store, if one opens it, from F;\n"
		   "                        - for standard input\n"
		   "  --wait                until all of them are\n",
	.run = rotate,
};

static const struct command *const key_verbs[] = { &cmd_key_passphrase, &cmd_key_file,
						   &cmd_key_rotate, NULL };

const struct command cmd_key = {
	.name = "key",
	.synopsis = "passphrase | file | rotate ...",
	.summary = "change what opens the store, or the key behind it",
	.subs = key_verbs,
};
