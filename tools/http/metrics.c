#include "metrics.h"

#include <inttypes.h>

/* The last one stands for all others. */
static const unsigned statuses[] = { 200, 400, 401, 403, 404, 405, 409, 410,
				     414, 421, 429, 500, 501, 503, 504, 0 };
#define STATUSES_LEN (sizeof(statuses) / sizeof(statuses[0]))

_Static_assert(STATUSES_LEN <= METRICS_STATUSES_MAX, "a status has no counter");

static const int64_t bounds_us[METRICS_BUCKETS] = { 250,   500,    1000,   2500,    5000,
						    10000, 100000, 500000, 1000000, 5000000 };

static uint64_t load(atomic_uint_least64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(atomic_uint_least64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void metrics_begin(struct metrics *metrics)
{
	atomic_fetch_add_explicit(&metrics->running, 1, memory_order_relaxed);
}

int metrics_running(struct metrics *metrics)
{
	return atomic_load_explicit(&metrics->running, memory_order_relaxed);
}

void metrics_end(struct metrics *metrics, size_t route, unsigned status, int64_t time_us)
{
	size_t s = 0, b = 0;

	atomic_fetch_sub_explicit(&metrics->running, 1, memory_order_relaxed);
	while (s < STATUSES_LEN - 1 && statuses[s] != status)
		s++;
	while (b < METRICS_BUCKETS && bounds_us[b] < time_us)
		b++;
	add(&metrics->replies[route][s], 1);
	add(&metrics->times[route][b], 1);
	add(&metrics->time_us[route], (uint64_t)time_us);
}

static void print_replies(struct metrics *metrics, struct body *out, const char *const *names,
			  size_t len)
{
	body_print(out, "# HELP coffer_http_replies_total Replies, by route and status.\n"
			"# TYPE coffer_http_replies_total counter\n");
	for (size_t r = 0; r < len; r++) {
		for (size_t s = 0; s < STATUSES_LEN; s++) {
			uint64_t n = load(&metrics->replies[r][s]);
			if (n > 0)
				body_print(out,
					   "coffer_http_replies_total{route=\"%s\",code=\"%u\"} "
					   "%" PRIu64 "\n",
					   names[r], statuses[s], n);
		}
	}
}

static void print_times(struct metrics *metrics, struct body *out, const char *name, size_t route)
{
	uint64_t counts[METRICS_BUCKETS + 1], sum = 0;

	for (size_t b = 0; b <= METRICS_BUCKETS; b++)
		counts[b] = sum += load(&metrics->times[route][b]);
	if (sum == 0)
		return;
	for (size_t b = 0; b < METRICS_BUCKETS; b++)
		body_print(out,
			   "coffer_http_reply_seconds_bucket{route=\"%s\",le=\"%g\"} %" PRIu64 "\n",
			   name, (double)bounds_us[b] / 1e6, counts[b]);
	body_print(out,
		   "coffer_http_reply_seconds_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
		   "coffer_http_reply_seconds_sum{route=\"%s\"} %.6f\n"
		   "coffer_http_reply_seconds_count{route=\"%s\"} %" PRIu64 "\n",
		   name, sum, name, (double)load(&metrics->time_us[route]) / 1e6, name, sum);
}

void metrics_print_one(struct body *out, const char *name, const char *type, const char *help,
		       double value)
{
	body_print(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name,
		   value);
}

void metrics_print(struct metrics *metrics, struct body *out, const char *const *names, size_t len)
{
	metrics_print_one(out, "coffer_http_requests", "gauge", "Requests that are being answered.",
			  metrics_running(metrics));
	print_replies(metrics, out, names, len);
	body_print(out, "# HELP coffer_http_reply_seconds From a request read to its reply made.\n"
			"# TYPE coffer_http_reply_seconds histogram\n");
	for (size_t r = 0; r < len; r++)
		print_times(metrics, out, names[r], r);
}
