#include "verbs.h"

#include "daemon.h"

static cli_exit init(struct cli *cli, int argc, char **argv)
{
	/* The first is the verb's own; the rest are options of the verb. */
	struct daemon_setting settings[] = {
		{ .name = "init", .flag = true },
		{ .name = "passphrase-file" },
		{ .name = "cipher" },
		{ .name = "s3-bucket" },
		{ .name = "s3-endpoint" },
		{ .name = "s3-region" },
		{ .name = "s3-access-key-id" },
		{ .name = "s3-secret-access-key-file" },
		{ .name = "s3-prefix" },
		{ .name = "s3-encrypt" },
		{ .name = "s3-sse-kms-key-id" },
		{ .name = "s3-sse-c-key-file" },
		{ .name = "s3-ca-file" },
		{ .name = "s3-path-style" },
		{ .name = "s3-helper" },
	};
	size_t count = sizeof(settings) / sizeof(settings[0]);
	struct option_row rows[sizeof(settings) / sizeof(settings[0])];
	struct option_list operands;

	daemon_rows(settings + 1, count - 1, rows);
	if (!options_parse(cli, argc, argv, rows, count - 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	return daemon_run(cli, settings, count);
}

const struct command cmd_init = {
	.name = "init",
	.synopsis = "[--passphrase-file F] [--cipher aes-256-gcm] [--s3-bucket B ...]",
	.summary = "make a home: the store, its key and the audit log",
	.details = "  --passphrase-file F    protect the key with the passphrase in F instead of a "
		   "key file\n"
		   "  --cipher aes-256-gcm   seal with AES instead of XChaCha20-Poly1305\n"
		   "  --s3-bucket B          join the store that is in the bucket B, or begin one "
		   "there\n\n"
		   "As of cofferd(8):\n\n"
		   "  --s3-endpoint URL\n"
		   "  --s3-region NAME\n"
		   "  --s3-access-key-id ID\n"
		   "  --s3-secret-access-key-file F\n"
		   "  --s3-prefix PREFIX\n"
		   "  --s3-encrypt none|sse-s3|sse-kms|sse-c\n"
		   "  --s3-sse-kms-key-id ID\n"
		   "  --s3-sse-c-key-file F\n"
		   "  --s3-ca-file F\n"
		   "  --s3-path-style yes|no\n"
		   "  --s3-helper PATH\n",
	.run = init,
};
