#include "server.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "log.h"

#define DRAIN_MS    5000
#define STACK_BYTES (256 * 1024)

static int64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct watched *watched_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static enum MHD_Result answer(struct server *server, struct MHD_Connection *connection,
			      const struct request_line *line)
{
	int64_t began_us = now_us();
	struct reply reply = { .status = 0 };
	size_t route = ROUTES_NONE;
	struct request request;

	metrics_begin(&server->shim.metrics);
	if (request_read(&request, connection, line, &server->shim.rules, &reply))
		route = routes_answer(&server->shim, &request, &reply);
	reply.close = reply.close || atomic_load(&server->draining);
	routes_count(&server->shim, route, reply.status, now_us() - began_us);
	log_debug("%s %s %u", request.caller, routes_name(route), reply.status);
	request_wipe(&request);
	return reply_send(&reply, connection);
}

/* Called when the head of a request is here, and again at its end. A connection that is answered before the end is
 * closed, which is right for a request that says it has a body: nothing behind its head is read. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **seen)
{
	struct server *server = context;
	struct watched *watched = watched_of(connection);
	const struct request_line line = { method, url, version };

	(void)upload;
	(void)upload_len;
	if (watched == NULL)
		return MHD_NO;
	if (*seen == NULL) {
		*seen = server;
		watch_begin(&server->shim.watch, watched);
		if (!request_has_body(connection))
			return MHD_YES;
	}
	return answer(server, connection, &line);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **seen,
			 enum MHD_RequestTerminationCode why)
{
	struct server *server = context;
	struct watched *watched = watched_of(connection);

	(void)seen;
	(void)why;
	if (watched != NULL)
		watch_end(&server->shim.watch, watched);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct server *server = context;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		watch_leave(&server->shim.watch, *socket_context);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info != NULL)
		*socket_context = watch_enter(&server->shim.watch, info->connect_fd);
	info = server->requires_client
		   ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
		   : NULL;
	if (info != NULL)
		tls_require_client(info->tls_session);
}

/* Segments are decoded one by one, after the path is cut: see path.h. */
static size_t keep_escaped(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

/* The arguments may be pieces of a request, and are not printed. */
static void on_message(void *context, const char *format, va_list args)
{
	(void)context;
	(void)args;
	log_debug("libmicrohttpd: %s", format);
}

static coffer_err prepare(struct server *server, const struct settings *settings)
{
	struct shim *shim = &server->shim;

	shim->socket = settings->socket;
	shim->timeout_ms = (int)settings->daemon_timeout_ms;
	shim->rules.allowed_hosts = settings->allow_host;
	shim->rules.tls = settings->tls_cert != NULL;
	server->requires_client = settings->tls_client_ca != NULL;
	json_begin();
	watch_init(&shim->watch, (int64_t)settings->request_timeout_ms,
		   (int64_t)settings->reply_timeout_ms);
	probe_init(&shim->probe, shim->socket, shim->timeout_ms);
	counters_init(&shim->counters, settings->admin_socket, shim->timeout_ms);
	(void)sem_init(&shim->calls, 0, (unsigned)settings->calls); /* the number is in range */
	return gate_init(&shim->gate, (unsigned)settings->refusals);
}

static struct MHD_Daemon *start(struct server *server, const struct settings *settings,
				const struct tls *tls, int fd)
{
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			 MHD_USE_ERROR_LOG | MHD_USE_ITC;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_message, NULL },
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->connections, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)settings->connections_per_address,
		  NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)settings->request_bytes, NULL },
		{ MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escaped, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server },
		{ tls->cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, tls->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES },
		{ tls->client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, tls->client_ca },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (tls->cert != NULL)
		flags |= MHD_USE_TLS;
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY, options,
				MHD_OPTION_END);
}

coffer_err server_start(struct server *server, const struct settings *settings,
			const struct tls *tls, int fd)
{
	*server = (struct server){ .daemon = NULL, .quiet = MHD_INVALID_SOCKET };
	if (prepare(server, settings) != COFFER_OK)
		log_error("there is no randomness");
	else if ((server->daemon = start(server, settings, tls, fd)) != NULL)
		return COFFER_OK;
	else
		log_error("cannot start a thread for HTTP");
	close(fd);
	(void)!server_stop(server);
	return COFFER_INTERNAL;
}

void server_drain(struct server *server)
{
	struct watch *watch = &server->shim.watch;

	atomic_store(&server->draining, true);
	server->quiet = MHD_quiesce_daemon(server->daemon);
	watch_finish(watch, watch->reply_ms < DRAIN_MS ? watch->reply_ms : DRAIN_MS);
}

bool server_stop(struct server *server)
{
	struct shim *shim = &server->shim;

	if (metrics_running(&shim->metrics) > 0)
		return false;
	if (server->daemon != NULL)
		MHD_stop_daemon(server->daemon);
	/* Not before: libmicrohttpd's thread may still look at it. */
	if (server->quiet != MHD_INVALID_SOCKET)
		close(server->quiet);
	watch_destroy(&shim->watch);
	probe_destroy(&shim->probe);
	counters_destroy(&shim->counters);
	gate_destroy(&shim->gate);
	(void)sem_destroy(&shim->calls);
	return true;
}
