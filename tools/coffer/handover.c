#include "handover.h"

#include "file.h"
#include "home.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool is_memory(int fd)
{
	struct statfs about;

	return fstatfs(fd, &about) == 0 &&
	       (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC);
}

/* To fchown the largest number means to change nothing. */
static int give_to(int fd, uid_t owner)
{
	errno = EINVAL;
	return owner == (uid_t)-1 ? -1 : fchown(fd, owner, (gid_t)-1);
}

cli_exit handover_create(const struct cli *cli, struct handover *handover, const char *path,
			 const uint32_t *owner, bool secret)
{
	handover->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (handover->fd < 0)
		return cli_refuse(cli, "cannot create %s: %s", path, strerror(errno));
	handover->path = path;
	if (owner && give_to(handover->fd, *owner) != 0)
		return cli_refuse(cli, "cannot give %s to uid %u: %s", path, *owner,
				  strerror(errno));
	if (secret && !is_memory(handover->fd))
		cli_warn(cli,
			 "warning: %s is not on tmpfs: the values may stay on the disk behind it "
			 "after it is removed",
			 path);
	return CLI_DONE;
}

/* What is claimed is known here, but is not to be given to another. */
static coffer_err claim_run(struct coffer_session *session)
{
	struct coffer_bootstrap about = { 0 };
	coffer_err err = coffer_claim(session, &about);

	coffer_bootstrap_free(&about);
	return err;
}

static coffer_err take(struct handover *handover, bool claim)
{
	coffer_err err = claim ? claim_run(handover->session) : COFFER_OK;

	if (err == COFFER_OK)
		err = coffer_list(handover->session, &handover->listing);
	if (err == COFFER_OK)
		err = coffer_environment(handover->session, &handover->values);
	return err;
}

cli_exit handover_take(const struct cli *cli, struct handover *handover,
		       const struct coffer_run_made *made, bool claim)
{
	char socket[HOME_PATH_MAX];
	struct coffer_options options = {
		.transport = "socket",
		.socket = socket,
		.token = made->token,
		.run_id = made->run_id,
		.client = "coffer/" COFFER_VERSION,
	};
	cli_exit status;
	coffer_err err;

	if ((status = home_runner_socket(cli, socket)) != CLI_DONE)
		return status;
	if ((err = coffer_open(&handover->session, &options)) == COFFER_OK)
		err = take(handover, claim);
	return cli_result(cli, err, coffer_message(handover->session));
}

cli_exit handover_write(const struct cli *cli, struct handover *handover, json_t *json)
{
	struct bytes text = { 0 };
	cli_exit status = CLI_DONE;

	output_append_json(&text, json);
	bytes_append(&text, "\n", 1);
	if (text.failed)
		status = cli_refuse(cli, "out of memory");
	else if (text.len > COFFER_BOOTSTRAP_FILE_MAX)
		status = cli_refuse(cli, "%s would be larger than %d MiB", handover->path,
				    COFFER_BOOTSTRAP_FILE_MAX >> 20);
	else if (!file_write(handover->fd, text.data, text.len))
		status = cli_refuse(cli, "cannot write %s: %s", handover->path, strerror(errno));
	bytes_free(&text);
	/* Some file systems tell only now that the disk is full. */
	if (close(handover->fd) != 0 && status == CLI_DONE)
		status = cli_refuse(cli, "cannot write %s: %s", handover->path, strerror(errno));
	handover->fd = -1;
	return status;
}

void handover_end(struct handover *handover, bool keep)
{
	coffer_close(handover->session);
	coffer_secrets_free(&handover->values);
	coffer_secrets_free(&handover->listing);
	if (handover->path && handover->fd >= 0)
		close(handover->fd);
	if (handover->path && !keep)
		(void)unlink(handover->path);
	*handover = (struct handover){ 0 };
}
