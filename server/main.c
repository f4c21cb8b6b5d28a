#include <ev.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/group.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/process.h"
#include "bucket.h"
#include "config.h"
#include "confine.h"
#include "net/activation.h"
#include "net/net.h"
#include "restore.h"
#include "server.h"

enum { EXIT_USAGE = 2 };

/* What a service manager gave us; nothing, where none did. */
struct manager {
	struct activation *activation;
	struct notify notify;
};

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
	gid_t gid;
	coffer_err err;

	options->admin_mode = 0600;
	options->admin_group = -1;
	if (name == NULL)
		return COFFER_OK;
	if ((err = group_find(name, &gid)) != COFFER_OK)
		return err;
	options->admin_mode = 0660;
	options->admin_group = gid;
	rpc->operators.has_group = true;
	rpc->operators.group = gid;
	return COFFER_OK;
}

/* What a signal works on. */
struct running {
	struct config *config;
	const struct notify *notify;
	struct server *server;
	struct net *net;
};

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct running *running = signal->data;

	(void)loop;
	(void)events;
	log_info("stopping");
	notify_stopping(running->notify);
	net_drain(running->net);
}

/* The settings that a running daemon can change, where they are at work. */
static void apply(struct running *running)
{
	const struct config *config = running->config;
	struct server *server = running->server;
	const struct net_options limits = {
		.connections_max = (unsigned)config->connections,
		.connections_per_uid = (unsigned)config->connections_per_uid,
		.audit_rate = config->audit_rate,
	};

	set_log_level(config->log_level ? config->log_level : "info");
	net_set_limits(running->net, &limits);
	trail_tune(server->trail, server_syncs_always(config), config->audit_file_max,
		   config->audit_keep);
	server->core.versions_kept = (uint32_t)config->versions_kept;
	server->core.keep_runs_ms = config->keep_runs_ms;
	server->core.migrate_rules = config->migrate_rules;
}

static void reload(struct running *running)
{
	struct config fresh;
	struct config_changes changes;

	if (config_read(&fresh, running->config->argc, running->config->argv) != COFFER_OK) {
		log_error("the settings are as they were");
		return;
	}
	config_renew(running->config, &fresh, &changes);
	apply(running);
	config_free(&fresh);
	log_info("the settings are read again; changed: %s",
		 changes.taken[0] != '\0' ? changes.taken : "none");
	if (changes.left[0] != '\0')
		log_warn("these settings need a restart, and are as they were: %s", changes.left);
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct running *running = signal->data;

	(void)loop;
	(void)events;
	notify_reloading(running->notify);
	reload(running);
	notify_ready(running->notify);
}

/* The sandbox comes last, when the loop has made all that it needs. */
static coffer_err run_loop(struct ev_loop *loop, struct running *running)
{
	struct {
		int number;
		void (*react)(struct ev_loop *, ev_signal *, int);
		ev_signal watcher;
	} signals[] = { { .number = SIGTERM, .react = on_stop },
			{ .number = SIGINT, .react = on_stop },
			{ .number = SIGHUP, .react = on_reload } };
	coffer_err err;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		ev_signal_init(&signals[i].watcher, signals[i].react, signals[i].number);
		signals[i].watcher.data = running;
		ev_signal_start(loop, &signals[i].watcher);
	}
	err = confine_enter(running->config, running->server, running->net);
	if (err == COFFER_OK) {
		fputs("ready\n", stderr); /* at every log level: scripts wait for this line */
		notify_ready(running->notify);
		ev_run(loop, 0);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		ev_signal_stop(loop, &signals[i].watcher);
	return err;
}

/* The admin socket may be one that was passed on, and bound elsewhere than the settings say. */
static coffer_err start_helper(struct server *server, const struct config *config,
			       const struct net *net)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address) - 1; /* so that a NUL stands behind the path */

	if (getsockname(net->listeners[SERVICE_OPERATOR].io.fd, (struct sockaddr *)&address,
			&len) == 0)
		return bucket_serve(config, address.sun_path, server->arena);
	log_error("cannot tell where the admin socket is: %s", strerror(errno));
	return COFFER_INTERNAL;
}

static coffer_err serve_on(struct server *server, struct config *config,
			   const struct manager *manager, struct ev_loop *loop)
{
	struct net_options options = {
		.activation = manager->activation,
		.runner_socket = config->socket ? config->socket : server->paths.runner_socket,
		.admin_socket =
		    config->admin_socket ? config->admin_socket : server->paths.admin_socket,
		.connections_max = (unsigned)config->connections,
		.connections_per_uid = (unsigned)config->connections_per_uid,
		.audit_rate = config->audit_rate,
	};
	struct net net;
	struct running running = {
		.config = config, .notify = &manager->notify, .server = server, .net = &net
	};
	coffer_err err;

	if ((err = set_admin_group(config->admin_group, &options, &server->rpc)) != COFFER_OK ||
	    (err = net_open(&net, &options, loop, &server->rpc)) != COFFER_OK)
		return err;
	if ((err = server_prepare(server, config)) == COFFER_OK &&
	    (err = start_helper(server, config, &net)) == COFFER_OK &&
	    (err = run_loop(loop, &running)) == COFFER_OK)
		rpc_anchor(&server->rpc);
	net_close(&net);
	return server->rpc.fatal ? COFFER_INTERNAL : err;
}

static coffer_err serve(struct config *config, const struct manager *manager)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
	struct server server = { .arena = NULL };
	coffer_err err = COFFER_UNAVAILABLE;

	if (loop == NULL)
		log_error("cannot make an event loop: %s", strerror(errno));
	else if ((err = server_open(&server, config)) == COFFER_OK)
		err = serve_on(&server, config, manager, loop);
	server_close(&server);
	if (loop != NULL)
		ev_loop_destroy(loop);
	return err;
}

int main(int argc, char **argv)
{
	struct activation activation;
	struct manager manager = { .activation = &activation };
	struct config config;
	coffer_err err = COFFER_OK;

	if (activation_read(&activation) != COFFER_OK ||
	    process_close_inherited(ACTIVATION_FIRST + activation.count) != COFFER_OK ||
	    process_harden() != COFFER_OK || notify_open(&manager.notify) != COFFER_OK)
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
	case CONFIG_RESTORE:
	case CONFIG_CHECK_BACKUP:
		err = restore_run(&config);
		break;
	case CONFIG_SERVE:
		err = serve(&config, &manager);
		break;
	}
	config_free(&config);
	notify_close(&manager.notify);
	return err == COFFER_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
