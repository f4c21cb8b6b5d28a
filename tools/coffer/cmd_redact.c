#include "verbs.h"

#include <coffer/redact.h>

#include "bytes.h"
#include "connect.h"
#include "options.h"
#include "output.h"
#include "remote.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK     65536
#define PIECE_MAX 4096
#define IDLE_MS   100

static cli_exit add(const struct cli *cli, struct coffer_redactor *redactor, const char *name,
		    const uint8_t *value, size_t len)
{
	coffer_err err = coffer_redactor_add(redactor, name, value, len);
	const char *message = coffer_redactor_message(redactor);

	if (err != COFFER_FAILED_PRECONDITION)
		return cli_result(cli, err, message);
	if (*message)
		cli_warn(cli, "warning: %s", message);
	return CLI_DONE;
}

/* Whom values are asked of: a session, or over https. */
struct asking {
	const struct cli *cli;
	struct coffer_redactor *redactor;
	struct coffer_session *session; /* NULL: remote is asked */
	struct remote remote;
	cli_exit status; /* of adding; a message has been printed if it is not CLI_DONE */
};

static cli_exit add_secrets(struct asking *asking, coffer_err err, struct coffer_secrets *secrets)
{
	cli_exit status = cli_result(asking->cli, err, coffer_message(asking->session));

	for (size_t i = 0; status == CLI_DONE && i < secrets->len; i++)
		status = add(asking->cli, asking->redactor, secrets->items[i].name,
			     secrets->items[i].value.data, secrets->items[i].value.len);
	coffer_secrets_free(secrets);
	return status;
}

static coffer_err take_remote(void *context, const char *name, coffer_err err,
			      struct coffer_value *value)
{
	struct asking *asking = context;

	if (err != COFFER_OK)
		return err;
	asking->status = add(asking->cli, asking->redactor, name, value->data, value->len);
	coffer_value_free(value);
	return asking->status == CLI_DONE ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

static cli_exit end_remote(const struct asking *asking, coffer_err err)
{
	if (asking->status != CLI_DONE)
		return asking->status;
	return cli_result(asking->cli, err, asking->remote.message);
}

static cli_exit add_visible(struct asking *asking)
{
	struct coffer_secrets secrets = { 0 };

	if (!asking->session)
		return end_remote(asking, remote_environment(&asking->remote, take_remote, asking));
	return add_secrets(asking, coffer_environment(asking->session, &secrets), &secrets);
}

static cli_exit add_batch(struct asking *asking, const char *const *names, size_t count)
{
	struct coffer_secrets secrets = { 0 };

	if (!asking->session)
		return end_remote(asking,
				  remote_get(&asking->remote, names, count, take_remote, asking));
	return add_secrets(asking, coffer_get_many(asking->session, names, count, &secrets),
			   &secrets);
}

/* "A,B" given any number of times. The words are cut up in place. */
static cli_exit add_named(struct asking *asking, const struct option_list *lists)
{
	const char *names[COFFER_BATCH_MAX];
	cli_exit status = CLI_DONE;
	size_t count = 0;

	for (size_t i = 0; i < lists->len; i++) {
		char *rest = lists->items[i];

		while (status == CLI_DONE && rest) {
			names[count++] = strsep(&rest, ",");
			if (count == COFFER_BATCH_MAX) {
				status = add_batch(asking, names, count);
				count = 0;
			}
		}
	}
	if (status == CLI_DONE && count > 0)
		status = add_batch(asking, names, count);
	return status;
}

/* Also one that is not used is a token. Over the filesystem transport there may be none. */
static cli_exit add_tokens(const struct cli *cli, struct coffer_redactor *redactor,
			   const struct coffer_tokens *tokens)
{
	cli_exit status = CLI_DONE;

	for (size_t i = 0; status == CLI_DONE && i < tokens->len; i++) {
		const struct coffer_token *token = &tokens->items[i];
		status = add(cli, redactor, token->from, (const uint8_t *)token->text,
			     strlen(token->text));
	}
	return status;
}

static cli_exit prepare(const struct cli *cli, struct coffer_redactor *redactor,
			const struct option_list *names)
{
	struct asking asking = { .cli = cli, .redactor = redactor };
	const char *url = remote_url(cli);
	cli_exit status = remote_open(cli, &asking.remote, url);

	if (status == CLI_DONE)
		status = add_tokens(cli, redactor, &asking.remote.tokens);
	if (status == CLI_DONE && !url)
		status = connect_run_once(cli, asking.remote.token, &asking.session);
	if (status == CLI_DONE)
		status = names->len > 0 ? add_named(&asking, names) : add_visible(&asking);
	coffer_close(asking.session);
	remote_close(&asking.remote);
	return status;
}

/* Where text goes: small pieces are gathered, so that there is not a write for each. */
struct output {
	const struct cli *cli;
	struct bytes pieces;
	cli_exit status; /* of the writes; a message has been printed if it is not CLI_DONE */
};

static coffer_err take(void *context, const uint8_t *data, size_t len)
{
	struct output *out = context;

	if (out->pieces.len == 0 && len >= PIECE_MAX) {
		out->status = output_write(out->cli, (const char *)data, len);
		return out->status == CLI_DONE ? COFFER_OK : COFFER_UNAVAILABLE;
	}
	bytes_append(&out->pieces, (const char *)data, len);
	return out->pieces.failed ? COFFER_RESOURCE_EXHAUSTED : COFFER_OK;
}

/* Writes what was gathered, unless the stream has failed. */
static cli_exit pass_on(struct output *out, coffer_err err)
{
	if (out->status == CLI_DONE)
		out->status = cli_result(out->cli, err, "");
	if (out->status == CLI_DONE && out->pieces.len > 0)
		out->status = output_write(out->cli, out->pieces.data, out->pieces.len);
	out->pieces.len = 0;
	return out->status;
}

/* Whether there is something to read, or the end of it, before the text counts as paused. */
static bool wait_for_more(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, IDLE_MS) != 0;
}

static cli_exit relay(const struct cli *cli, struct coffer_redact_stream *stream,
		      struct output *out)
{
	static uint8_t chunk[CHUNK];
	cli_exit status = CLI_DONE;
	ssize_t len = 1;

	while (status == CLI_DONE && len != 0) {
		if (coffer_redact_waits(stream) && !wait_for_more()) {
			status = pass_on(out, coffer_redact_idle(stream));
			continue;
		}
		len = read(STDIN_FILENO, chunk, sizeof(chunk));
		if (len > 0)
			status = pass_on(out, coffer_redact_feed(stream, chunk, (size_t)len));
		else if (len < 0 && errno != EINTR)
			status = cli_refuse(cli, "cannot read standard input: %s", strerror(errno));
	}
	if (status == CLI_DONE)
		status = pass_on(out, coffer_redact_end(stream));
	explicit_bzero(chunk, sizeof(chunk));
	return status;
}

static cli_exit redact(struct cli *cli, int argc, char **argv)
{
	struct option_list names = { 0 };
	const struct option_row rows[] = { { "names", OPTION_LIST, { .list = &names } } };
	struct option_list operands;
	struct coffer_redactor *redactor = NULL;
	struct coffer_redact_stream *stream = NULL;
	struct output out = { .cli = cli };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, "")) {
		status = cli->status;
		goto out;
	}
	if (coffer_redactor_new(&redactor) != COFFER_OK ||
	    coffer_redact_stream_new(&stream, redactor, take, &out) != COFFER_OK) {
		status = cli_refuse(cli, "out of memory");
		goto out;
	}
	if ((status = prepare(cli, redactor, &names)) == CLI_DONE)
		status = relay(cli, stream, &out);
out:
	coffer_redact_stream_free(stream);
	coffer_redactor_free(redactor);
	bytes_free(&out.pieces);
	options_list_free(&names);
	return status;
}

const struct command cmd_redact = {
	.name = "redact",
	.synopsis = "[--names NAME[,NAME]...]",
	.summary = "copy standard input to standard output without the values of secrets",
	.details =
	    "For a run, with its token in the environment. Each occurrence of a value, and of "
	    "the token\n"
	    "itself, becomes " COFFER_REDACT_MARKER
	    ": as it is, and as JSON, shells, URLs, XML, hexadecimal and\n"
	    "base64 have it. A value of fewer than 8 bytes is not redacted; a warning names "
	    "it. If\n"
	    "anything fails, nothing more is copied.\n\n"
	    "  --names NAME[,NAME]...   these secrets only (default: every visible one)\n",
	.run = redact,
};
