#include "passphrase.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "core/keys.h"
#include "paths.h"
#include "wipe.h"

/* The first that is set counts. */
static const char *const variables[] = { "COFFER_PASSPHRASE", "CI_SECRETS_S3_PASSPHRASE",
					 "CI_SECRETS_SQLITE_PASSPHRASE" };

#define VARIABLES_LEN (sizeof(variables) / sizeof(variables[0]))

static coffer_err read_passphrase_file(const char *path, struct arena *arena, struct secret *out)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = STDIN_FILENO;
	coffer_err err;

	if (!from_stdin && (err = file_open_private(path, &fd)) != COFFER_OK) {
		log_error("cannot use the passphrase file %s", path);
		return err;
	}
	if ((err = secret_read(out, arena, fd, KEYS_PASSPHRASE_MAX)) != COFFER_OK)
		log_error("cannot read a passphrase of at most %d bytes from %s",
			  KEYS_PASSPHRASE_MAX, path);
	if (!from_stdin)
		close(fd);
	return err;
}

void passphrase_erase_variable(void)
{
	for (size_t i = 0; i < VARIABLES_LEN; i++) {
		char *value = getenv(variables[i]);
		if (value == NULL)
			continue;
		wipe(value, strlen(value));
		unsetenv(variables[i]);
	}
}

static coffer_err take_passphrase_variable(struct arena *arena, struct secret *out)
{
	const char *value = NULL;
	coffer_err err;

	for (size_t i = 0; i < VARIABLES_LEN && (value == NULL || value[0] == '\0'); i++)
		value = getenv(variables[i]);
	if (value == NULL)
		return COFFER_NOT_FOUND;
	err = value[0] != '\0' ? secret_copy(out, arena, (const uint8_t *)value, strlen(value))
			       : COFFER_NOT_FOUND;
	passphrase_erase_variable();
	return err;
}

/* Waits for a line, or for one of the signals, which stay pending. */
static bool line_is_there(int tty, const sigset_t *signals)
{
	struct pollfd events[2] = { { .fd = tty, .events = POLLIN },
				    { .fd = signalfd(-1, signals, SFD_CLOEXEC),
				      .events = POLLIN } };
	bool ready = events[1].fd >= 0 && poll(events, 2, -1) > 0 && events[1].revents == 0;

	if (events[1].fd >= 0)
		close(events[1].fd);
	return ready;
}

static ssize_t read_quietly(int tty, const sigset_t *signals, uint8_t *line, size_t max)
{
	static const char text[] = "Passphrase: ";
	ssize_t len = sizeof(text) - 1, n = -1;
	struct termios before, quiet;

	if (tcgetattr(tty, &before) != 0)
		return -1;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0 && write(tty, text, (size_t)len) == len &&
	    line_is_there(tty, signals))
		n = read(tty, line, max);
	tcsetattr(tty, TCSAFLUSH, &before);
	return write(tty, "\n", 1) == 1 ? n : -1;
}

/* One line from the controlling terminal, without echo. COFFER_NOT_FOUND if there is none; COFFER_UNAVAILABLE if
 * no line came, also because a signal that ends the process did: the terminal is then as it was before, and
 * the signal takes effect. */
static coffer_err ask_on_terminal(struct arena *arena, struct secret *out)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	sigset_t signals, before;
	ssize_t n = -1;
	coffer_err err;

	*out = SECRET_EMPTY;
	if (tty < 0)
		return COFFER_NOT_FOUND;
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(&signals, ending[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	if ((err = secret_reserve(out, arena, KEYS_PASSPHRASE_MAX)) == COFFER_OK &&
	    (n = read_quietly(tty, &signals, out->data, KEYS_PASSPHRASE_MAX)) <= 0)
		err = COFFER_UNAVAILABLE;
	out->len = n > 0 ? (size_t)n : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(tty);
	if (err != COFFER_OK)
		secret_free(out);
	return err;
}

static coffer_err read_credential(struct arena *arena, struct secret *out)
{
	char *path;
	coffer_err err;

	if ((err = paths_credential("coffer.passphrase", &path)) != COFFER_OK)
		return err;
	err = read_passphrase_file(path, arena, out);
	free(path);
	return err;
}

/* COFFER_NOT_FOUND if none is configured, and none can be asked for. */
coffer_err passphrase_get(const struct config *config, struct arena *arena, bool ask,
			  struct secret *out)
{
	coffer_err err;

	*out = SECRET_EMPTY;
	if ((err = take_passphrase_variable(arena, out)) == COFFER_NOT_FOUND) {
		if (config->passphrase_file != NULL)
			err = read_passphrase_file(config->passphrase_file, arena, out);
		else if ((err = read_credential(arena, out)) == COFFER_NOT_FOUND && ask)
			err = ask_on_terminal(arena, out);
	}
	if (err == COFFER_OK)
		out->len = keys_trim((struct slice){ out->data, out->len }).len;
	if (err == COFFER_OK && out->len == 0) {
		log_error("the passphrase is empty");
		err = COFFER_INVALID_ARGUMENT;
	}
	if (err != COFFER_OK)
		secret_free(out);
	return err;
}
