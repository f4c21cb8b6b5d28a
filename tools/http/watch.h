/* watch.h - how long a connection may take, whatever it does meanwhile. Layer: tools.
 *
 * libmicrohttpd closes what does nothing. A peer that sends one byte a second does something. Here each connection
 * has a deadline: for its next request to be here, or for its reply to be gone. Past it the socket is shut down,
 * which libmicrohttpd sees, in its own thread, as the peer's end.
 *
 * Any thread may call; waiting and sweeping is for one. Times in milliseconds. */
#ifndef HTTP_WATCH_H
#define HTTP_WATCH_H

#include <coffer/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct watched;

struct watch {
	pthread_mutex_t mutex;
	pthread_cond_t left;
	struct watched *all;
	unsigned connections;
	int64_t request_ms;
	int64_t reply_ms;
};

void watch_init(struct watch *watch, int64_t request_ms, int64_t reply_ms);
void watch_destroy(struct watch *watch); /* when no connection is left */

/* A connection has come; fd stays its socket until watch_leave. NULL without memory. */
struct watched *watch_enter(struct watch *watch, int fd);
void watch_leave(struct watch *watch, struct watched *watched); /* watched may be NULL */

/* A whole request is here; its reply has gone, or the request is given up. Each may come without the other. */
void watch_begin(struct watch *watch, struct watched *watched);
void watch_end(struct watch *watch, struct watched *watched);

/* Shuts down what is past its deadline. Returns in how many milliseconds to do so again. */
int64_t watch_sweep(struct watch *watch);

/* Lets each connection end: what has arrived on it can still be read and answered, and nothing more. Returns when all
 * have left, or after that time. */
void watch_finish(struct watch *watch, int64_t timeout_ms);

unsigned watch_connections(struct watch *watch);

#endif
