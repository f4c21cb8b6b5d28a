#include "routes.h"

#include <coffer/client.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "json.h"

#define READS "GET, HEAD"
#define TAKES "GET" /* once: a HEAD would take it and tell nothing */

struct exchange {
	struct shim *shim;
	const struct request *request;
	struct reply *reply;
	struct coffer_session *session; /* of a route that has a token */
	const char *run_id;             /* of the path; NULL: not in it */
	const char *name;
};

struct route {
	const char *path; /* a segment in braces is any */
	const char *allow;
	coffer_err (*ask)(struct exchange *x); /* with a session; what fails is told of it */
	void (*answer)(struct exchange *x);    /* without */
};

static coffer_err get_secret(struct exchange *x)
{
	struct coffer_value value;
	coffer_err err;

	if ((err = coffer_get(x->session, x->name, &value)) == COFFER_OK)
		json_append_value(&x->reply->body, &value);
	coffer_value_free(&value);
	return err;
}

static coffer_err get_bootstrap(struct exchange *x)
{
	struct coffer_bootstrap about;
	coffer_err err;

	if ((err = coffer_claim(x->session, &about)) == COFFER_OK)
		json_append_bootstrap(&x->reply->body, &about);
	coffer_bootstrap_free(&about);
	return err;
}

static coffer_err get_listing(struct exchange *x)
{
	struct coffer_secrets secrets;
	coffer_err err;

	if ((err = coffer_list(x->session, &secrets)) == COFFER_OK)
		json_append_listing(&x->reply->body, &secrets);
	coffer_secrets_free(&secrets);
	return err;
}

static coffer_err get_environment(struct exchange *x)
{
	struct coffer_secrets secrets;
	coffer_err err;

	if ((err = coffer_environment(x->session, &secrets)) == COFFER_OK)
		json_append_environment(&x->reply->body, &secrets);
	coffer_secrets_free(&secrets);
	return err;
}

static void get_health(struct exchange *x)
{
	if (probe_answers(&x->shim->probe))
		body_print(&x->reply->body, "{\"status\":\"ok\"}");
	else
		reply_fail(x->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon does not answer");
}

static void get_metrics(struct exchange *x);

static const struct route routes[] = {
	{ "/api/run/bootstrap", TAKES, .ask = get_bootstrap },
	{ "/api/run/secrets", READS, .ask = get_listing },
	{ "/api/run/secrets/{name}", READS, .ask = get_secret },
	{ "/api/runs/{run_id}/bootstrap", TAKES, .ask = get_bootstrap },
	{ "/api/runs/{run_id}/secrets/{name}", READS, .ask = get_secret },
	{ "/api/env", READS, .ask = get_environment },
	{ "/healthz", READS, .answer = get_health },
	{ "/metrics", READS, .answer = get_metrics },
};
#define ROUTES_LEN (sizeof(routes) / sizeof(routes[0]))

_Static_assert(ROUTES_LEN < METRICS_ROUTES_MAX, "a route has no counters");

const char *routes_name(size_t route)
{
	return route < ROUTES_LEN ? routes[route].path : "other";
}

void routes_count(struct shim *shim, size_t route, unsigned status, int64_t time_us)
{
	metrics_end(&shim->metrics, route < ROUTES_LEN ? route : ROUTES_LEN, status, time_us);
}

/* What the daemon says of itself, if we may ask; and whether it says anything. */
static void print_daemon(struct shim *shim, struct body *out)
{
	bool told = counters_print(&shim->counters, out);

	metrics_print_one(out, "coffer_up", "gauge", "1: the daemon answers.",
			  told || probe_answers(&shim->probe));
}

static void get_metrics(struct exchange *x)
{
	const char *names[ROUTES_LEN + 1];
	struct body *out = &x->reply->body;

	for (size_t i = 0; i <= ROUTES_LEN; i++)
		names[i] = routes_name(i);
	x->reply->type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_print_one(out, "coffer_http_connections", "gauge", "Connections that are open.",
			  watch_connections(&x->shim->watch));
	metrics_print(&x->shim->metrics, out, names, ROUTES_LEN + 1);
	print_daemon(x->shim, out);
}

/* Whether the path's segments are the route's; those in braces go to *x. */
static bool matches(const char *pattern, const struct path *path, struct exchange *x)
{
	x->run_id = x->name = NULL;
	for (size_t i = 0; i < path->len; i++) {
		size_t len;
		if (*pattern++ != '/')
			return false;
		len = strcspn(pattern, "/");
		if (pattern[0] != '{') {
			if (strlen(path->segments[i]) != len ||
			    memcmp(path->segments[i], pattern, len) != 0)
				return false;
		} else if (strncmp(pattern, "{run_id}", len) == 0) {
			x->run_id = path->segments[i];
		} else {
			x->name = path->segments[i];
		}
		pattern += len;
	}
	return *pattern == '\0';
}

static size_t find(const struct request *request, struct exchange *x)
{
	size_t i = 0;

	while (i < ROUTES_LEN &&
	       !(request->has_route && matches(routes[i].path, &request->path, x)))
		i++;
	return i;
}

/* What the daemon counts against our uid: whatever it says but that it is in no state to say anything. */
static bool is_refusal(coffer_err err)
{
	return err != COFFER_OK && err != COFFER_UNAVAILABLE && err != COFFER_DEADLINE_EXCEEDED &&
	       err != COFFER_RESOURCE_EXHAUSTED;
}

static coffer_err open_session(struct exchange *x)
{
	const struct coffer_options options = { .transport = "socket",
						.socket = x->shim->socket,
						.token = x->request->token,
						.run_id = x->run_id,
						.client = "coffer-http/" COFFER_VERSION,
						.via = x->request->caller,
						.timeout_ms = x->shim->timeout_ms };
	coffer_err err = coffer_open(&x->session, &options);

	if (err == COFFER_OK)
		gate_passed(&x->shim->gate, x->request->token);
	else if (is_refusal(err))
		gate_refused(&x->shim->gate, &x->request->peer, x->request->token);
	return err;
}

static void fail_to_open(struct exchange *x, coffer_err err)
{
	/* All else has been looked at: it is the run's id that is none. */
	if (err == COFFER_INVALID_ARGUMENT && x->run_id != NULL)
		reply_fail(x->reply, MHD_HTTP_NOT_FOUND, "unknown run");
	else
		reply_fail_with(x->reply, err, coffer_message(x->session));
}

static void ask_daemon(const struct route *route, struct exchange *x)
{
	coffer_err err;

	if ((err = open_session(x)) != COFFER_OK)
		fail_to_open(x, err);
	else if ((err = route->ask(x)) != COFFER_OK)
		reply_fail_with(x->reply, err, coffer_message(x->session));
	coffer_close(x->session);
}

/* Takes one of the places before the daemon, and waits for one no longer than for the daemon itself. */
static bool take_place(struct shim *shim)
{
	struct timespec until;
	int failed;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += shim->timeout_ms / 1000;
	until.tv_nsec += (long)(shim->timeout_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while ((failed = sem_clockwait(&shim->calls, CLOCK_MONOTONIC, &until)) != 0 &&
	       errno == EINTR)
		;
	return failed == 0;
}

static void ask(const struct route *route, struct exchange *x)
{
	const struct request *request = x->request;
	struct shim *shim = x->shim;

	if (!request->has_token) {
		reply_fail(x->reply, MHD_HTTP_UNAUTHORIZED,
			   request->bad_token ? "the token is not valid"
					      : "a bearer token is needed");
		x->reply->bad_token = request->bad_token;
	} else if (!gate_enter(&shim->gate, &request->peer, request->token)) {
		reply_fail(x->reply, MHD_HTTP_TOO_MANY_REQUESTS,
			   "too many tokens that are not valid");
	} else if (!take_place(shim)) {
		reply_fail(x->reply, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "too many requests wait for the daemon");
	} else {
		ask_daemon(route, x);
		(void)sem_post(&shim->calls);
	}
}

size_t routes_answer(struct shim *shim, const struct request *request, struct reply *reply)
{
	struct exchange x = { .shim = shim, .request = request, .reply = reply };
	bool head = strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0;
	size_t i = find(request, &x);

	reply->status = MHD_HTTP_OK;
	if (i == ROUTES_LEN) {
		reply_fail(reply, MHD_HTTP_NOT_FOUND, "there is no such path");
	} else if (strcmp(request->method, MHD_HTTP_METHOD_GET) != 0 &&
		   !(head && strcmp(routes[i].allow, READS) == 0)) {
		reply_fail(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "the method is not allowed here");
		reply->allow = routes[i].allow;
	} else if (routes[i].ask != NULL) {
		ask(&routes[i], &x);
	} else {
		routes[i].answer(&x);
	}
	if (reply->body.failed)
		reply_fail(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
	return i;
}
