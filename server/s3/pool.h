/* pool.h - requests that run at the same time: curl_multi driven by libev. Layer: s3. */
#ifndef S3_POOL_H
#define S3_POOL_H

#include <coffer/error.h>
#include <curl/curl.h>
#include <ev.h>

/* Of one request, told once, when it has come to an end and the handle is the caller's again. */
typedef void (*pool_done)(void *user, CURLcode code);

struct pool {
	struct ev_loop *loop; /* borrowed */
	CURLM *multi;
	ev_timer timer;
};

/* COFFER_RESOURCE_EXHAUSTED: no memory; logged. *out must not move after that. */
COFFER_MUST_USE coffer_err pool_open(struct pool *out, struct ev_loop *loop);

/* No request may be running. */
void pool_close(struct pool *pool);

struct pool_run {
	pool_done done;
	void *user;
};

/* Starts easy. *run is the caller's, and stays where it is until done is called or the request is stopped.
 * COFFER_RESOURCE_EXHAUSTED: no memory. */
COFFER_MUST_USE coffer_err pool_start(struct pool *pool, CURL *easy, struct pool_run *run);

/* Ends a request that was started and has not been done. */
void pool_stop(struct pool *pool, CURL *easy);

#endif
