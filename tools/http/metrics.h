/* metrics.h - counters of this process, as Prometheus reads them. Layer: tools. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "body.h"

#define METRICS_ROUTES_MAX   12
#define METRICS_STATUSES_MAX 20
#define METRICS_BUCKETS      10 /* of time, and one more for what is longer */

/* Zero it to begin. Any thread may count. */
struct metrics {
	atomic_int running; /* requests that are being answered */
	atomic_uint_least64_t replies[METRICS_ROUTES_MAX][METRICS_STATUSES_MAX];
	atomic_uint_least64_t times[METRICS_ROUTES_MAX][METRICS_BUCKETS + 1];
	atomic_uint_least64_t time_us[METRICS_ROUTES_MAX];
};

/* A request is here; its reply is made. */
void metrics_begin(struct metrics *metrics);
void metrics_end(struct metrics *metrics, size_t route, unsigned status, int64_t time_us);

int metrics_running(struct metrics *metrics); /* requests between the two */

/* names are the routes', of which there are len. */
void metrics_print(struct metrics *metrics, struct body *out, const char *const *names, size_t len);

/* One value without labels. type is "gauge" or "counter". */
void metrics_print_one(struct body *out, const char *name, const char *type, const char *help,
		       double value);

#endif
