#include "exec/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often to look whether we have come to the foreground, or keys are wanted: nobody tells. */
#define FOREGROUND_MS 500

/* Places in the polled descriptors. */
enum { TYPED, KEYS, FROM, TO = FROM + STREAMS_RELAYS };

/* "2>&1": then the order between the two is kept, too. */
static bool is_same_file(void)
{
	struct stat out;
	struct stat error;

	return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &error) == 0 &&
	       out.st_dev == error.st_dev && out.st_ino == error.st_ino;
}

bool streams_open(struct streams *streams, const struct cli *cli, struct coffer_redactor *redactor,
		  bool again)
{
	*streams = (struct streams){ .cli = cli,
				     .terminal = TERMINAL_NONE,
				     .keys = { .fd = -1 },
				     .relays = { RELAY_NONE, RELAY_NONE },
				     .again = again };
	if (!redactor)
		return true;
	if (!terminal_open(&streams->terminal)) {
		(void)cli_refuse(cli, "cannot use the terminal: %s", strerror(errno));
		return false;
	}
	streams->count = streams->terminal.error || is_same_file() ? 1 : 2;
	for (size_t i = 0; i < streams->count; i++)
		if (!relay_open(&streams->relays[i], cli, redactor, STDOUT_FILENO + (int)i))
			return false;
	return true;
}

void streams_close(struct streams *streams)
{
	terminal_close(&streams->terminal);
	outlet_close(&streams->keys);
	for (size_t i = 0; i < STREAMS_RELAYS; i++)
		relay_close(&streams->relays[i]);
	explicit_bzero(streams->chunk, sizeof(streams->chunk));
}

int streams_master(const struct streams *streams)
{
	return streams->terminal.fd >= 0 ? streams->relays[0].from : -1;
}

/* Puts our terminal into the state that the command and the foreground ask for. */
static void mind_terminal(struct streams *streams)
{
	int master = streams_master(streams);

	if (master < 0)
		outlet_close(&streams->keys);
	else if (terminal_wanted(&streams->terminal, master))
		terminal_enter(&streams->terminal);
	else
		terminal_leave(&streams->terminal);
}

static bool make_terminal(struct streams *streams, struct child_plan *plan, int64_t now_ms)
{
	int master;

	if (!terminal_pair(&streams->terminal, &master, &plan->terminal))
		return false;
	plan->fds[1] = plan->terminal;
	if (streams->terminal.typed)
		plan->fds[0] = plan->terminal;
	outlet_close(&streams->keys);
	outlet_borrow(&streams->keys, master);
	relay_begin(&streams->relays[0], master, now_ms);
	mind_terminal(streams);
	return true;
}

static bool make_pipe(struct relay *relay, int *end, int64_t now_ms)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	/* Of our end alone. */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*end = ends[1];
	relay_begin(relay, ends[0], now_ms);
	return true;
}

bool streams_make(struct streams *streams, struct child_plan *plan, int64_t now_ms)
{
	bool made = true;

	plan->terminal = -1;
	for (int fd = 0; fd < 3; fd++)
		plan->fds[fd] = fd;
	if (streams->terminal.fd >= 0)
		made = make_terminal(streams, plan, now_ms);
	else if (streams->count > 0)
		made = make_pipe(&streams->relays[0], &plan->fds[1], now_ms);
	if (made && streams->count > 1)
		made = make_pipe(&streams->relays[1], &plan->fds[2], now_ms);
	else if (streams->count == 1)
		plan->fds[2] = plan->fds[1];
	if (!made)
		(void)cli_refuse(streams->cli, "cannot make a pipe or a terminal: %s",
				 strerror(errno));
	return made;
}

void streams_started(struct child_plan *plan)
{
	if (plan->fds[2] > STDERR_FILENO && plan->fds[2] != plan->fds[1])
		close(plan->fds[2]);
	if (plan->fds[1] > STDERR_FILENO)
		close(plan->fds[1]);
	plan->terminal = -1;
}

void streams_watch(const struct streams *streams, struct pollfd fds[STREAMS_FDS])
{
	int master = streams_master(streams);
	bool keys = master >= 0 && outlet_waits(&streams->keys);
	bool typed = master >= 0 && streams->terminal.raw && !keys;

	fds[TYPED] = (struct pollfd){ typed ? streams->terminal.fd : -1, POLLIN, 0 };
	fds[KEYS] = (struct pollfd){ keys ? master : -1, POLLOUT, 0 };
	for (size_t i = 0; i < STREAMS_RELAYS; i++) {
		const struct relay *relay = &streams->relays[i];

		fds[FROM + i] = (struct pollfd){ relay_reads(relay) ? relay->from : -1, POLLIN, 0 };
		fds[TO + i] =
		    (struct pollfd){ outlet_waits(&relay->out) ? relay->out.fd : -1, POLLOUT, 0 };
	}
}

int64_t streams_due_ms(const struct streams *streams, int64_t now_ms)
{
	bool behind = streams_master(streams) >= 0 && !streams->terminal.raw;
	int64_t due = behind ? now_ms + FOREGROUND_MS : INT64_MAX;

	for (size_t i = 0; i < streams->count; i++) {
		int64_t idle = relay_idle_ms(&streams->relays[i]);

		due = idle < due ? idle : due;
	}
	return due;
}

/* Keys go through as they are; what they mean is decided in the command's terminal. */
static void take_keys(struct streams *streams)
{
	ssize_t len = read(streams->terminal.fd, streams->chunk, sizeof(streams->chunk));

	if (len > 0)
		(void)outlet_write(&streams->keys, streams->chunk, (size_t)len, false);
	else if (len == 0 || (errno != EAGAIN && errno != EINTR))
		/* The terminal is gone. */
		relay_end(&streams->relays[0]);
}

static void serve_relay(struct streams *streams, struct relay *relay, bool readable, bool writable,
			int64_t now_ms)
{
	if (writable)
		relay_flush(relay, now_ms);
	if (readable && !relay_read(relay, streams->chunk, now_ms)) {
		if (streams->again)
			relay_pause(relay);
		else
			relay_end(relay);
	}
	if (now_ms >= relay_idle_ms(relay))
		relay_idle(relay);
}

void streams_serve(struct streams *streams, const struct pollfd fds[STREAMS_FDS], int64_t now_ms)
{
	if (fds[KEYS].revents)
		(void)outlet_flush(&streams->keys);
	if (fds[TYPED].revents)
		take_keys(streams);
	for (size_t i = 0; i < streams->count; i++)
		serve_relay(streams, &streams->relays[i], fds[FROM + i].revents != 0,
			    fds[TO + i].revents != 0, now_ms);
	mind_terminal(streams);
}

void streams_expect_end(struct streams *streams)
{
	for (size_t i = 0; i < streams->count; i++)
		relay_expect_end(&streams->relays[i]);
}

int64_t streams_linger(struct streams *streams, int64_t ended_ms, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < streams->count; i++) {
		int64_t next = relay_linger(&streams->relays[i], ended_ms, now_ms);

		due = next < due ? next : due;
	}
	return due;
}

bool streams_are_read(const struct streams *streams)
{
	return streams->relays[0].from < 0 && streams->relays[1].from < 0;
}

void streams_end(struct streams *streams)
{
	for (size_t i = 0; i < streams->count; i++)
		relay_end(&streams->relays[i]);
}

bool streams_are_done(const struct streams *streams)
{
	return relay_is_done(&streams->relays[0]) && relay_is_done(&streams->relays[1]);
}

void streams_abandon(struct streams *streams)
{
	for (size_t i = 0; i < streams->count; i++) {
		relay_pause(&streams->relays[i]);
		outlet_close(&streams->relays[i].out);
	}
}

bool streams_have_failed(const struct streams *streams)
{
	return streams->relays[0].failed || streams->relays[1].failed;
}
