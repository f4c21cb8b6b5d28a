#include <ev.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/process.h"
#include "config.h"
#include "net/net.h"
#include "server.h"

enum { EXIT_USAGE = 2 };

static void set_log_level(const char *name)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			log_set_level((log_level)i);
}

/* Members of the group reach the admin socket by its mode, and pass by their credentials. */
static coffer_err set_admin_group(const char *name, struct net_options *options, struct rpc *rpc)
{
	const struct group *group;

	options->admin_mode = 0600;
	options->admin_group = -1;
	if (name == NULL)
		return COFFER_OK;
	if ((group = getgrnam(name)) == NULL) {
		log_error("there is no group '%s'", name);
		return COFFER_NOT_FOUND;
	}
	options->admin_mode = 0660;
	options->admin_group = group->gr_gid;
	rpc->operators.has_group = true;
	rpc->operators.group = group->gr_gid;
	return COFFER_OK;
}

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)events;
	log_info("stopping");
	net_drain(signal->data);
}

/* What a reload changes: the settings that need nothing to be opened anew. */
struct reload {
	const struct config *config;
	struct server *server;
	struct net *net;
};

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct reload *reload = signal->data;
	struct config fresh;

	(void)loop;
	(void)events;
	if (config_read(&fresh, reload->config->argc, reload->config->argv) != COFFER_OK) {
		log_error("the settings are as they were");
		return;
	}
	set_log_level(fresh.log_level ? fresh.log_level : "info");
	net_set_limits(reload->net, (unsigned)fresh.connections,
		       (unsigned)fresh.connections_per_uid);
	reload->server->core.versions_kept = (uint32_t)fresh.versions_kept;
	config_free(&fresh);
	log_info("log level, connection limits and kept versions are read again");
}

static void run_loop(struct ev_loop *loop, struct net *net, struct reload *reload)
{
	struct {
		int number;
		void (*react)(struct ev_loop *, ev_signal *, int);
		void *data;
		ev_signal watcher;
	} signals[] = { { .number = SIGTERM, .react = on_stop, .data = net },
			{ .number = SIGINT, .react = on_stop, .data = net },
			{ .number = SIGHUP, .react = on_reload, .data = reload } };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		ev_signal_init(&signals[i].watcher, signals[i].react, signals[i].number);
		signals[i].watcher.data = signals[i].data;
		ev_signal_start(loop, &signals[i].watcher);
	}
	fputs("ready\n", stderr); /* as it is, at every log level: scripts wait for this line */
	ev_run(loop, 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		ev_signal_stop(loop, &signals[i].watcher);
}

static coffer_err serve_on(struct server *server, const struct config *config, struct ev_loop *loop)
{
	struct net_options options = {
		.runner_socket = config->socket ? config->socket : server->paths.runner_socket,
		.admin_socket =
		    config->admin_socket ? config->admin_socket : server->paths.admin_socket,
		.connections_max = (unsigned)config->connections,
		.connections_per_uid = (unsigned)config->connections_per_uid,
	};
	struct net net;
	struct reload reload = { .config = config, .server = server, .net = &net };
	coffer_err err;

	if ((err = set_admin_group(config->admin_group, &options, &server->rpc)) != COFFER_OK ||
	    (err = net_open(&net, &options, loop, &server->rpc)) != COFFER_OK)
		return err;
	if ((err = server_prepare(server, config)) == COFFER_OK) {
		run_loop(loop, &net, &reload);
		rpc_anchor(&server->rpc);
	}
	net_close(&net);
	return server->rpc.fatal ? COFFER_INTERNAL : err;
}

static coffer_err serve(const struct config *config)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
	struct server server = { .arena = NULL };
	coffer_err err = COFFER_UNAVAILABLE;

	if (loop == NULL)
		log_error("cannot make an event loop: %s", strerror(errno));
	else if ((err = server_open(&server, config)) == COFFER_OK)
		err = serve_on(&server, config, loop);
	server_close(&server);
	if (loop != NULL)
		ev_loop_destroy(loop);
	return err;
}

int main(int argc, char **argv)
{
	struct config config;
	coffer_err err = COFFER_OK;

	if (process_close_inherited(3) != COFFER_OK || process_harden() != COFFER_OK)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	if (config_read(&config, argc, argv) != COFFER_OK)
		return EXIT_USAGE;
	set_log_level(config.log_level);
	switch (config.action) {
	case CONFIG_HELP:
		config_print_help();
		break;
	case CONFIG_VERSION:
		puts("cofferd " COFFER_VERSION);
		break;
	case CONFIG_INIT:
		err = server_init(&config);
		break;
	case CONFIG_SERVE:
		err = serve(&config);
		break;
	}
	config_free(&config);
	return err == COFFER_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
