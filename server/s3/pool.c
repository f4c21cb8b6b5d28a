#include "s3/pool.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"

static void finish_done(struct pool *pool)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		char *private = NULL;
		const struct pool_run *run;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(pool->multi, easy); /* the message is gone, too */
		run = (const void *)private;
		run->done(run->user, code);
	}
}

static void act(struct pool *pool, curl_socket_t fd, int events)
{
	int running;
	CURLMcode code = curl_multi_socket_action(pool->multi, fd, events, &running);

	if (code != CURLM_OK)
		log_error("curl: %s", curl_multi_strerror(code));
	finish_done(pool);
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	static const int yes = 1;

	(void)loop;
	/* A server that sends an answer's head and body apart waits between them until the head is acknowledged, which a
	 * kernel puts off for 40 ms: radosgw does, by default. It may fail. */
	(void)setsockopt(io->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
	act(io->data, io->fd,
	    (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

/* curl wants to be told of a socket, or no longer. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
	struct pool *pool = user;
	ev_io *io = assigned;

	(void)easy;
	if (io != NULL)
		ev_io_stop(pool->loop, io);
	if (what == CURL_POLL_REMOVE) {
		free(io);
		return 0;
	}
	if (io == NULL && (io = malloc(sizeof(*io))) == NULL)
		return -1;
	ev_io_init(io, on_ready, fd,
		   (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	io->data = pool;
	if (assigned == NULL)
		curl_multi_assign(pool->multi, fd, io);
	ev_io_start(pool->loop, io);
	return 0;
}

static int watch_time(CURLM *multi, long timeout_ms, void *user)
{
	struct pool *pool = user;

	(void)multi;
	ev_timer_stop(pool->loop, &pool->timer);
	if (timeout_ms < 0)
		return 0;
	ev_timer_set(&pool->timer, (double)timeout_ms / 1000, 0);
	ev_timer_start(pool->loop, &pool->timer);
	return 0;
}

coffer_err pool_open(struct pool *out, struct ev_loop *loop)
{
	*out = (struct pool){ .loop = loop, .multi = curl_multi_init() };
	if (out->multi == NULL) {
		log_error("curl: out of memory");
		return COFFER_RESOURCE_EXHAUSTED;
	}
	ev_init(&out->timer, on_time);
	out->timer.data = out;
	curl_multi_setopt(out->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(out->multi, CURLMOPT_SOCKETDATA, out);
	curl_multi_setopt(out->multi, CURLMOPT_TIMERFUNCTION, watch_time);
	curl_multi_setopt(out->multi, CURLMOPT_TIMERDATA, out);
	return COFFER_OK;
}

void pool_close(struct pool *pool)
{
	if (pool->multi == NULL)
		return;
	curl_multi_cleanup(pool->multi);
	ev_timer_stop(pool->loop, &pool->timer);
	*pool = (struct pool){ .multi = NULL };
}

coffer_err pool_start(struct pool *pool, CURL *easy, struct pool_run *run)
{
	if (curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)run) == CURLE_OK &&
	    curl_multi_add_handle(pool->multi, easy) == CURLM_OK)
		return COFFER_OK;
	return COFFER_RESOURCE_EXHAUSTED;
}

void pool_stop(struct pool *pool, CURL *easy)
{
	curl_multi_remove_handle(pool->multi, easy);
}
