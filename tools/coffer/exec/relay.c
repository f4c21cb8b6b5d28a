#include "exec/relay.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define IDLE_MS   100
#define PIECE_MAX 4096 /* smaller pieces are gathered, so that there is not a write for each */
#define READS_MAX 16   /* then the other streams have their turn */

#define LINGER_QUIET_MS 100
#define LINGER_MAX_MS   1000

static coffer_err take(void *context, const uint8_t *data, size_t len)
{
	struct relay *relay = context;

	return outlet_write(&relay->out, data, len, len < PIECE_MAX) ? COFFER_OK
								     : COFFER_UNAVAILABLE;
}

bool relay_open(struct relay *relay, const struct cli *cli, struct coffer_redactor *redactor,
		int to)
{
	relay->cli = cli;
	if (coffer_redact_stream_new(&relay->stream, redactor, take, relay) != COFFER_OK) {
		(void)cli_refuse(cli, "out of memory");
		return false;
	}
	outlet_open(&relay->out, to);
	return true;
}

void relay_close(struct relay *relay)
{
	relay_pause(relay);
	outlet_close(&relay->out);
	coffer_redact_stream_free(relay->stream);
	relay->stream = NULL;
}

void relay_begin(struct relay *relay, int from, int64_t now_ms)
{
	relay->active_ms = now_ms;
	relay->owed = 0;
	/* Its reader has gone while the last command ran. */
	if (relay->out.fd < 0)
		close(from);
	else
		relay->from = from;
}

void relay_pause(struct relay *relay)
{
	if (relay->from >= 0)
		close(relay->from);
	relay->from = -1;
}

/* A reader that has gone, or a terminal, is no failure: the command gets to know, as it would without us. */
static bool is_gone(const struct outlet *out)
{
	return out->error == EPIPE || out->error == ECONNRESET ||
	       (out->error == EIO && out->kind != OUTLET_PLAIN);
}

static void fail(struct relay *relay, coffer_err err)
{
	const char *name = relay->out.standard == STDERR_FILENO ? "error" : "output";

	relay_pause(relay);
	if (is_gone(&relay->out))
		return;
	if (relay->out.error != 0)
		cli_warn(relay->cli, "cannot write to standard %s: %s", name,
			 strerror(relay->out.error));
	else
		cli_warn(relay->cli, "standard %s ends here, as it cannot be redacted: %s", name,
			 coffer_err_text(err));
	relay->failed = true;
	outlet_close(&relay->out);
}

/* After each call of the stream: writes what was gathered, unless that failed. */
static bool pass_on(struct relay *relay, coffer_err err)
{
	if (err == COFFER_OK && outlet_flush(&relay->out))
		return true;
	fail(relay, err);
	return false;
}

static void close_when_done(struct relay *relay)
{
	if (relay->ended && !outlet_waits(&relay->out))
		outlet_close(&relay->out);
}

void relay_end(struct relay *relay)
{
	relay_pause(relay);
	if (relay->ended)
		return;
	relay->ended = true;
	if (relay->out.fd >= 0)
		(void)pass_on(relay, coffer_redact_end(relay->stream));
	close_when_done(relay);
}

bool relay_is_done(const struct relay *relay)
{
	return relay->from < 0 && relay->out.fd < 0;
}

void relay_expect_end(struct relay *relay)
{
	int bytes = 0;

	if (relay->from >= 0 && ioctl(relay->from, FIONREAD, &bytes) == 0)
		relay->owed = bytes;
}

int64_t relay_linger(struct relay *relay, int64_t ended_ms, int64_t now_ms)
{
	int64_t since = relay->active_ms > ended_ms ? relay->active_ms : ended_ms;
	bool late = relay->owed <= 0 && now_ms >= ended_ms + LINGER_MAX_MS;

	if (!relay_reads(relay))
		return INT64_MAX;
	if (!late && now_ms < since + LINGER_QUIET_MS)
		return since + LINGER_QUIET_MS;
	relay_pause(relay);
	return INT64_MAX;
}

bool relay_reads(const struct relay *relay)
{
	return relay->from >= 0 && !outlet_waits(&relay->out);
}

bool relay_read(struct relay *relay, uint8_t chunk[RELAY_CHUNK], int64_t now_ms)
{
	ssize_t len = RELAY_CHUNK;

	for (int i = 0; i < READS_MAX && len == RELAY_CHUNK && relay_reads(relay); i++) {
		len = read(relay->from, chunk, RELAY_CHUNK);
		/* A terminal ends with EIO: nobody has it open. */
		if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (len < 0)
			break;
		relay->active_ms = now_ms;
		relay->owed -= len;
		if (!pass_on(relay, coffer_redact_feed(relay->stream, chunk, (size_t)len)))
			break;
	}
	return true;
}

void relay_flush(struct relay *relay, int64_t now_ms)
{
	relay->active_ms = now_ms;
	if (!outlet_flush(&relay->out))
		fail(relay, COFFER_OK);
	close_when_done(relay);
}

int64_t relay_idle_ms(const struct relay *relay)
{
	bool due = relay_reads(relay) && coffer_redact_waits(relay->stream);

	return due ? relay->active_ms + IDLE_MS : INT64_MAX;
}

void relay_idle(struct relay *relay)
{
	(void)pass_on(relay, coffer_redact_idle(relay->stream));
}
