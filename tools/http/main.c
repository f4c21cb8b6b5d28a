/* coffer-http - what a job may ask of cofferd, over HTTP. Holds no key and no secret: each request is a session of
 * its own with the caller's token. Exit status 0 stopped by a signal, 1 failed, 2 wrong usage. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harden.h"
#include "listen.h"
#include "log.h"
#include "notify.h"
#include "server.h"

enum { EXIT_USAGE = 2 };

/* This thread takes the signals, and meanwhile minds the connections' deadlines. */
static void run(struct server *server, const sigset_t *signals)
{
	int signal;

	do {
		int64_t wait_ms = watch_sweep(&server->shim.watch);
		struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000 };
		signal = sigtimedwait(signals, NULL, &wait);
		if (signal == SIGHUP)
			log_warn(
			    "settings and certificates are read at the start: restart for others");
	} while (signal < 0 || signal == SIGHUP);
	log_info("stopping");
	notify_tell("STOPPING=1\nSTATUS=Answering the last requests");
	server_drain(server);
}

static coffer_err open_socket(const struct settings *settings, int *fd, struct address *address)
{
	bool plain = settings->tls_cert == NULL && !settings->allow_plain;

	if (*fd >= 0)
		return listen_adopt(*fd, address, plain);
	return listen_open(fd, address, settings->listen, plain);
}

/* fd is a socket that was passed on, or -1. */
static coffer_err serve(const struct settings *settings, const sigset_t *signals, int fd)
{
	char text[ADDRESS_TEXT_LEN];
	struct address address;
	struct server server;
	struct tls tls;
	coffer_err err;

	if ((err = harden_files(settings->connections + settings->calls)) != COFFER_OK ||
	    (err = tls_read(&tls, settings->tls_cert, settings->tls_key,
			    settings->tls_client_ca)) != COFFER_OK)
		return err;
	if ((err = open_socket(settings, &fd, &address)) == COFFER_OK)
		err = server_start(&server, settings, &tls, fd);
	tls_free(&tls);
	if (err != COFFER_OK)
		return err;
	address_print(&address, text);
	/* At every log level: scripts wait for these lines. */
	fprintf(stderr, "listening on http%s://%s\nready\n", settings->tls_cert ? "s" : "", text);
	notify_tell("READY=1\nSTATUS=Serving");
	run(&server, signals);
	if (!server_stop(&server)) {
		log_warn("requests that still wait for the daemon are given up");
		_exit(EXIT_SUCCESS); /* with the memory that their threads use */
	}
	return COFFER_OK;
}

int main(int argc, char **argv)
{
	struct settings settings;
	coffer_err err = COFFER_OK;
	sigset_t signals;
	int fd;

	if (notify_socket(&fd) != COFFER_OK ||
	    harden_process(fd >= 0 ? fd : STDERR_FILENO) != COFFER_OK)
		return EXIT_FAILURE;
	if (settings_read(&settings, argc, argv) != COFFER_OK)
		return EXIT_USAGE;
	log_set_level(settings.log_level);
	/* Every thread inherits it, so that none but this one takes them. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	switch (settings.action) {
	case SETTINGS_HELP:
		settings_print_help();
		break;
	case SETTINGS_VERSION:
		puts("coffer-http " COFFER_VERSION);
		break;
	case SETTINGS_SERVE:
		harden_memory();
		err = serve(&settings, &signals, fd);
		break;
	}
	settings_free(&settings);
	return err == COFFER_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
