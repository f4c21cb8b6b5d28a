#include "verbs.h"

#include "connect.h"
#include "file.h"
#include "options.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file under its own name, and under the one that it has until it is whole. */
struct target {
	const struct cli *cli;
	const char *path;
	char *unfinished; /* NULL: there is none */
	int fd;
	bool force;
	uint64_t bytes;
};

static cli_exit fail(const struct target *target, const char *what)
{
	return cli_refuse(target->cli, "cannot %s '%s': %s", what, target->path, strerror(errno));
}

/* Asked to replace a file, we replace a file: a device or a FIFO of that name is something else. */
static cli_exit check_target(const struct target *target)
{
	struct stat about;

	if (lstat(target->path, &about) != 0)
		return errno == ENOENT ? CLI_DONE : fail(target, "write");
	if (!target->force) {
		errno = EEXIST;
		return fail(target, "write");
	}
	if (!S_ISREG(about.st_mode))
		return cli_refuse(target->cli, "cannot replace '%s': it is not a regular file",
				  target->path);
	return CLI_DONE;
}

static cli_exit open_target(struct target *target)
{
	cli_exit status = check_target(target);
	char *path;

	if (status != CLI_DONE)
		return status;
	if (asprintf(&path, "%s.unfinished-%d", target->path, (int)getpid()) < 0)
		return cli_refuse(target->cli, "out of memory");
	target->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target->fd >= 0) {
		target->unfinished = path;
		return CLI_DONE;
	}
	free(path);
	return fail(target, "make");
}

static cli_exit write_piece(struct target *target, const uint8_t *data, size_t len)
{
	if (!file_write(target->fd, data, len))
		return fail(target, "write");
	target->bytes += len;
	return CLI_DONE;
}

/* Some file systems cannot promise not to replace a file: there it was looked for at the begin. */
static int take_name(const struct target *target)
{
	int rc = -1;

	if (!target->force)
		rc = renameat2(AT_FDCWD, target->unfinished, AT_FDCWD, target->path,
			       RENAME_NOREPLACE);
	if (target->force || (rc != 0 && (errno == EINVAL || errno == ENOSYS)))
		rc = rename(target->unfinished, target->path);
	return rc;
}

static cli_exit finish_target(struct target *target)
{
	int fd = target->fd;
	bool synced = fsync(fd) == 0;

	target->fd = -1;
	if (close(fd) != 0 || !synced)
		return fail(target, "write");
	if (take_name(target) != 0)
		return fail(target, "write");
	free(target->unfinished);
	target->unfinished = NULL;
	return file_sync_name(target->path) ? CLI_DONE : fail(target, "write");
}

static void drop_target(struct target *target)
{
	if (target->fd >= 0)
		(void)close(target->fd);
	if (target->unfinished && unlink(target->unfinished) != 0)
		cli_warn(target->cli, "cannot remove '%s': %s", target->unfinished,
			 strerror(errno));
	free(target->unfinished);
}

static cli_exit receive(struct target *target, struct coffer_admin *admin,
			struct coffer_backup *backup)
{
	uint8_t piece[COFFER_BACKUP_PIECE_MAX];
	cli_exit status = CLI_DONE;
	bool done = false;
	size_t len;

	while (status == CLI_DONE && !done) {
		coffer_err err = coffer_admin_read_backup(admin, backup, piece, &len, &done);
		status = err == COFFER_OK ? write_piece(target, piece, len)
					  : connect_result(target->cli, admin, err);
	}
	return status;
}

static cli_exit make(struct target *target, struct coffer_admin *admin)
{
	struct bytes out = { 0 };
	struct coffer_backup made;
	cli_exit status;

	status = connect_result(target->cli, admin, coffer_admin_begin_backup(admin, &made));
	if (status != CLI_DONE || (status = receive(target, admin, &made)) != CLI_DONE ||
	    (status = finish_target(target)) != CLI_DONE ||
	    (status = connect_result(target->cli, admin,
				     coffer_admin_finish_backup(admin, &made))) != CLI_DONE)
		return status;
	if (made.damaged > 0)
		cli_warn(
		    target->cli,
		    "%" PRIu64 " records in the store do not open, and do not in the backup: "
		    "the daemon's log names them; 'coffer restore --skip-damaged' does without",
		    made.damaged);
	bytes_clean(&out, target->path);
	bytes_print(&out,
		    ": %" PRIu64 " bytes, %" PRIu64 " secrets, %" PRIu64 " versions, %" PRIu64
		    " runs, up to audit record %" PRIu64 "\n",
		    target->bytes, made.secrets, made.versions, made.runs, made.audit_seq);
	return output_send(target->cli, &out);
}

static cli_exit back_up(struct cli *cli, int argc, char **argv)
{
	struct target target = { .cli = cli, .fd = -1 };
	const struct option_row rows[] = { { "force", OPTION_FLAG, { .flag = &target.force } } };
	struct coffer_admin *admin = NULL;
	struct option_list operands;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "FILE"))
		return cli->status;
	target.path = operands.items[0];
	if ((status = connect_admin(cli, &admin)) == CLI_DONE &&
	    (status = open_target(&target)) == CLI_DONE)
		status = make(&target, admin);
	drop_target(&target);
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_backup = {
	.name = "backup",
	.synopsis = "FILE [--force]",
	.summary = "write the whole store to an encrypted file",
	.details = "  --force   replace FILE if it is there\n",
	.run = back_up,
};
