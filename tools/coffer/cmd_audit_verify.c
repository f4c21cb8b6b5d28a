#include "verbs.h"

#include "connect.h"
#include "input.h"
#include "options.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEX_LEN (2 * COFFER_AUDIT_MAC_LEN)

static const char hex_digits[] = "0123456789abcdef";

static bool read_mac(const char *text, uint8_t mac[COFFER_AUDIT_MAC_LEN])
{
	if (!text || strlen(text) != HEX_LEN || strspn(text, hex_digits) != HEX_LEN)
		return false;
	for (size_t i = 0; i < COFFER_AUDIT_MAC_LEN; i++)
		mac[i] = (uint8_t)((strchr(hex_digits, text[2 * i]) - hex_digits) << 4 |
				   (strchr(hex_digits, text[2 * i + 1]) - hex_digits));
	return true;
}

static bool read_checkpoint(const json_t *json, struct coffer_checkpoint *out)
{
	const char *store = json_string_value(json_object_get(json, "store"));
	json_int_t seq = json_integer_value(json_object_get(json, "seq"));

	if (seq <= 0 || !store || strlen(store) != COFFER_ID_LEN ||
	    !read_mac(json_string_value(json_object_get(json, "mac")), out->mac))
		return false;
	out->seq = (uint64_t)seq;
	memcpy(out->store, store, sizeof(out->store));
	return true;
}

static cli_exit load(const struct cli *cli, const char *path, struct coffer_checkpoint *out)
{
	struct bytes bytes;
	json_t *json;
	cli_exit status = input_file(cli, path, false, &bytes);

	if (status != CLI_DONE)
		return status;
	json = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
	if (!read_checkpoint(json, out))
		status = cli_refuse(cli, "%s is not a checkpoint", path);
	json_decref(json);
	bytes_free(&bytes);
	return status;
}

static cli_exit print_verdict(const struct cli *cli, const struct coffer_verdict *verdict,
			      const struct coffer_checkpoint *checkpoint)
{
	struct bytes out = { 0 };

	if (verdict->last_seq == 0)
		bytes_print(&out, "audit verified: 0 records\n");
	else
		bytes_print(&out,
			    "audit verified: %" PRIu64 " records (%" PRIu64 " to %" PRIu64 ")\n",
			    verdict->last_seq - verdict->first_seq + 1, verdict->first_seq,
			    verdict->last_seq);
	if (checkpoint->seq > 0)
		bytes_print(&out, "record %" PRIu64 " is the one of the checkpoint\n",
			    checkpoint->seq);
	return output_send(cli, &out);
}

/* checkpoint->seq 0: there is none to compare with. A problem is refused. */
static cli_exit walk(const struct cli *cli, const struct coffer_checkpoint *checkpoint,
		     struct coffer_verdict *verdict)
{
	struct coffer_admin *admin;
	cli_exit status = connect_admin(cli, &admin);

	if (status != CLI_DONE)
		return status;
	status = connect_result(cli, admin,
				checkpoint->seq > 0
				    ? coffer_admin_compare_audit(admin, checkpoint, verdict)
				    : coffer_admin_verify_audit(admin, verdict));
	coffer_admin_close(admin);
	if (status == CLI_DONE && verdict->problem[0])
		return cli_refuse(cli, "%s", verdict->problem);
	return status;
}

/* Both verbs take a path with that flag, and nothing else. */
static bool parse_path(struct cli *cli, int argc, char **argv, const char *flag, const char **path)
{
	const struct option_row rows[] = { { flag, OPTION_TEXT, { .text = path } } };
	struct option_list operands;

	*path = NULL;
	return options_parse(cli, argc, argv, rows, 1, &operands) &&
	       options_expect(cli, &operands, 0, 0, "");
}

static cli_exit verify(struct cli *cli, int argc, char **argv)
{
	const char *path;
	struct coffer_checkpoint checkpoint = { 0 };
	struct coffer_verdict verdict;
	cli_exit status;

	if (!parse_path(cli, argc, argv, "checkpoint", &path))
		return cli->status;
	if (path && (status = load(cli, path, &checkpoint)) != CLI_DONE)
		return status;
	if ((status = walk(cli, &checkpoint, &verdict)) != CLI_DONE)
		return status;
	return print_verdict(cli, &verdict, &checkpoint);
}

const struct command cmd_audit_verify = {
	.name = "verify",
	.synopsis = "[--checkpoint F]",
	.summary = "check that no record was edited, moved, left out or cut off",
	.details = "  --checkpoint F  and that the log still holds the record of that checkpoint\n",
	.run = verify,
};

static json_t *to_json(const struct coffer_checkpoint *checkpoint)
{
	char mac[HEX_LEN + 1] = "";
	char now[OUTPUT_TIME_LEN];

	for (size_t i = 0; i < COFFER_AUDIT_MAC_LEN; i++) {
		mac[2 * i] = hex_digits[checkpoint->mac[i] >> 4];
		mac[2 * i + 1] = hex_digits[checkpoint->mac[i] & 15];
	}
	output_time(now, (int64_t)time(NULL) * 1000);
	return json_pack("{s:I, s:s, s:s, s:s}", "seq", (json_int_t)checkpoint->seq, "mac", mac,
			 "store", checkpoint->store, "time", now);
}

/* A new file, on disk when this returns. A file that is there is an older checkpoint: it stays. */
static cli_exit write_file(const struct cli *cli, const char *path, const json_t *json)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	cli_exit status = CLI_DONE;

	if (fd < 0)
		return cli_refuse(cli, "cannot make %s: %s", path, strerror(errno));
	if (json_dumpfd(json, fd, JSON_COMPACT) != 0 || write(fd, "\n", 1) != 1 || fsync(fd) != 0) {
		status = cli_refuse(cli, "cannot write %s: %s", path, strerror(errno));
		(void)unlink(path);
	}
	close(fd);
	return status;
}

static cli_exit save(const struct cli *cli, const struct coffer_checkpoint *checkpoint,
		     const char *path)
{
	json_t *json = to_json(checkpoint);
	cli_exit status;

	if (!path)
		return output_json(cli, json);
	status = json ? write_file(cli, path, json) : cli_refuse(cli, "out of memory");
	json_decref(json);
	return status;
}

static cli_exit make_checkpoint(struct cli *cli, int argc, char **argv)
{
	const struct coffer_checkpoint none = { 0 };
	const char *path;
	struct coffer_verdict verdict;
	cli_exit status;

	if (!parse_path(cli, argc, argv, "out", &path))
		return cli->status;
	if ((status = walk(cli, &none, &verdict)) != CLI_DONE)
		return status;
	if (verdict.checkpoint.seq == 0)
		return cli_refuse(cli, "there is no record yet");
	return save(cli, &verdict.checkpoint, path);
}

const struct command cmd_audit_checkpoint = {
	.name = "checkpoint",
	.synopsis = "[--out F]",
	.summary = "verify the log, and print what shows later that it still holds all of it",
	.details = "  --out F  write it to a new file\n",
	.run = make_checkpoint,
};
