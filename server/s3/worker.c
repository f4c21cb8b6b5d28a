#include "s3/worker.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec.h"
#include "s3/apply.h"
#include "s3/link.h"
#include "s3/op.h"
#include "s3/sync.h"
#include "s3/tasks.h"

/* How long the daemon may let a request for tasks wait. */
#define POLL_MS 60000

/* After the daemon has refused something: it may be out of disk, or of another version. */
#define REFUSED_PAUSE_S 1.0

/* Between two looks at a bucket that cannot be used, at the most. */
#define AWAY_PAUSE_MAX_MS 5000

struct worker {
	const struct settings *settings;
	struct ev_loop *loop;
	struct bucket bucket;
	struct ops ops;
	struct link link;
	struct apply apply;
	struct tasks tasks;
	struct sync sync;
	ev_timer look;     /* the next at the bucket */
	int64_t looked_ms; /* when the last look began, by the steady clock */
	unsigned away;     /* looks since it could be used */
	ev_timer refused;  /* active: the daemon is left alone */
	bool waiting;      /* a request for tasks is there, which may wait */
	bool telling;      /* a request that brings news is there */
	int64_t view_ms, told_view_ms;
	char problem[ANSWER_TEXT_MAX], told_problem[ANSWER_TEXT_MAX];
};

static void poll_daemon(struct worker *worker);
static void look_now(struct worker *worker);

static void take_tasks(struct worker *worker, struct slice body)
{
	coffer_v1_MirrorTask task;
	struct slice element;

	while (codec_next(&body, coffer_v1_MirrorTasksResponse_tasks_tag, &element)) {
		if (codec_decode(element, coffer_v1_MirrorTask_fields, &task, sizeof(task)) !=
		    COFFER_OK) {
			log_error("coffer-s3: the daemon sent a task that is malformed");
			continue;
		}
		tasks_take(&worker->tasks, &task);
	}
}

static void on_poll_reply(struct worker *worker, coffer_err code, struct slice body)
{
	if (code == COFFER_OK) {
		take_tasks(worker, body);
	} else {
		log_warn("coffer-s3: the daemon has no tasks: %s: %.*s", coffer_err_name(code),
			 SLICE_ARG(body));
		ev_timer_stop(worker->loop, &worker->refused);
		ev_timer_set(&worker->refused, REFUSED_PAUSE_S, 0);
		ev_timer_start(worker->loop, &worker->refused);
	}
	poll_daemon(worker);
}

static void on_waited(void *user, coffer_err code, struct slice body)
{
	struct worker *worker = user;

	worker->waiting = false;
	on_poll_reply(worker, code, body);
}

static void on_told(void *user, coffer_err code, struct slice body)
{
	struct worker *worker = user;

	worker->telling = false;
	tasks_results_told(&worker->tasks, code == COFFER_OK);
	if (code != COFFER_OK)
		worker->told_view_ms = -1;
	on_poll_reply(worker, code, body);
}

static bool has_news(const struct worker *worker)
{
	return tasks_have_results(&worker->tasks) || worker->view_ms != worker->told_view_ms ||
	       strcmp(worker->problem, worker->told_problem) != 0;
}

/* Asks for tasks. What is to be told is told at once, and then the daemon may let the next request wait. */
static void poll_daemon(struct worker *worker)
{
	size_t room = 2 * worker->settings->parallel;
	bool news = has_news(worker);
	coffer_v1_MirrorTasksRequest request = {
		.timeout_ms = POLL_MS,
		.max = (uint32_t)(room > worker->tasks.len ? room - worker->tasks.len : 0),
		.view_at_ms = worker->view_ms,
		.problem = slice_str(worker->problem),
	};
	struct buf *body = link_body(&worker->link);

	if (!link_is_up(&worker->link) || worker->telling || ev_is_active(&worker->refused) ||
	    (!news && (worker->waiting || request.max == 0)))
		return;
	if (codec_append(body, coffer_v1_MirrorTasksRequest_fields, &request) != COFFER_OK)
		return;
	tasks_append_results(&worker->tasks, body);
	if (!link_ask(&worker->link, "MirrorTasks", news ? on_told : on_waited, worker)) {
		tasks_results_told(&worker->tasks, false);
		return;
	}
	*(news ? &worker->telling : &worker->waiting) = true;
	worker->told_view_ms = worker->view_ms;
	memcpy(worker->told_problem, worker->problem, sizeof(worker->problem));
}

static void on_refused_end(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	poll_daemon(timer->data);
}

/* Words for whoever writes to the daemon meanwhile; "": the bucket can be used. */
static void set_problem(struct worker *worker, const char *text)
{
	if (strcmp(worker->problem, text) == 0)
		return;
	if (text[0] != '\0')
		log_warn("the bucket cannot be used: %s", text);
	else
		log_info("the bucket can be used again");
	(void)snprintf(worker->problem, sizeof(worker->problem), "%s", text);
	poll_daemon(worker);
}

static void look_after(struct worker *worker, int64_t ms)
{
	ev_timer_stop(worker->loop, &worker->look);
	ev_timer_set(&worker->look, ms > 0 ? (double)ms / 1000 : 0, 0);
	ev_timer_start(worker->loop, &worker->look);
}

static int64_t away_pause(const struct worker *worker)
{
	int64_t pause = (int64_t)worker->settings->backoff_ms;

	for (unsigned i = 0; i < worker->away && pause < AWAY_PAUSE_MAX_MS; i++)
		pause *= 2;
	pause = pause < AWAY_PAUSE_MAX_MS ? pause : AWAY_PAUSE_MAX_MS;
	return pause < (int64_t)worker->settings->sync_interval_ms
		   ? pause
		   : (int64_t)worker->settings->sync_interval_ms;
}

static void on_looked(void *user, const struct answer *answer, bool of_bucket)
{
	struct worker *worker = user;
	int64_t took = clock_mono_ms() - worker->looked_ms;

	if (answer->code == COFFER_OK) {
		worker->view_ms = worker->sync.began_ms;
		worker->away = 0;
		look_after(worker, (int64_t)worker->settings->sync_interval_ms - took);
	} else {
		look_after(worker, away_pause(worker));
		worker->away++;
		if (!of_bucket)
			log_warn("coffer-s3: %s", answer->text);
	}
	if (answer->code == COFFER_OK || of_bucket)
		set_problem(worker, answer->code == COFFER_OK ? "" : answer->text);
	tasks_list_ends(&worker->tasks, answer);
	poll_daemon(worker);
	if (tasks_want_list(&worker->tasks))
		look_after(worker, 0);
}

static void look_now(struct worker *worker)
{
	if (worker->sync.running || !link_is_up(&worker->link))
		return;
	ev_timer_stop(worker->loop, &worker->look);
	worker->looked_ms = clock_mono_ms();
	tasks_list_begins(&worker->tasks);
	sync_begin(&worker->sync);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	look_now(timer->data);
}

static void on_result(void *user)
{
	poll_daemon(user);
}

/* Not at once: all lists that the daemon asks for together are for one look. */
static void on_list(void *user)
{
	struct worker *worker = user;

	if (!worker->sync.running)
		look_after(worker, 0);
}

static void on_away(void *user, const struct answer *answer)
{
	struct worker *worker = user;

	set_problem(worker, answer->text);
	if (!worker->sync.running)
		look_after(worker, away_pause(worker));
}

static void on_up(void *user)
{
	struct worker *worker = user;

	worker->told_view_ms = 0;
	worker->told_problem[0] = '\0';
	poll_daemon(worker);
	look_now(worker);
}

/* A daemon that comes after it knows nothing of this one's. */
static void on_down(void *user)
{
	struct worker *worker = user;

	sync_drop(&worker->sync);
	apply_drop(&worker->apply);
	tasks_drop(&worker->tasks);
	worker->waiting = worker->telling = false;
	worker->view_ms = 0;
	ev_timer_stop(worker->loop, &worker->look);
	ev_timer_stop(worker->loop, &worker->refused);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)signal;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void run_loop(struct ev_loop *loop)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	ev_signal watchers[2];

	for (size_t i = 0; i < 2; i++) {
		ev_signal_init(&watchers[i], on_signal, numbers[i]);
		ev_signal_start(loop, &watchers[i]);
	}
	ev_run(loop, 0);
	for (size_t i = 0; i < 2; i++)
		ev_signal_stop(loop, &watchers[i]);
}

static coffer_err open_all(struct worker *worker, const struct settings *settings)
{
	const struct link_options link = { .path = settings->admin_socket,
					   .frame_max = settings->frame_max,
					   .on_up = on_up,
					   .on_down = on_down,
					   .user = worker };
	const struct tasks_options tasks = { .ops = &worker->ops,
					     .apply = &worker->apply,
					     .on_result = on_result,
					     .on_list = on_list,
					     .on_away = on_away,
					     .user = worker };
	coffer_err err;

	ev_timer_init(&worker->look, on_look, 0, 0);
	ev_timer_init(&worker->refused, on_refused_end, 0, 0);
	worker->look.data = worker->refused.data = worker;
	apply_open(&worker->apply, &worker->link, settings->frame_max);
	tasks_open(&worker->tasks, &tasks);
	sync_open(&worker->sync, &worker->ops, &worker->link, &worker->apply, on_looked, worker);
	if ((err = bucket_open(&worker->bucket, settings)) == COFFER_OK &&
	    (err = ops_open(&worker->ops, worker->loop, &worker->bucket)) == COFFER_OK)
		err = link_open(&worker->link, worker->loop, &link);
	return err;
}

static void close_all(struct worker *worker)
{
	if (worker->ops.pool.multi != NULL) {
		sync_close(&worker->sync);
		tasks_drop(&worker->tasks);
	}
	apply_drop(&worker->apply);
	link_close(&worker->link);
	ops_close(&worker->ops);
	bucket_close(&worker->bucket);
}

coffer_err worker_run(const struct settings *settings)
{
	struct worker worker = { .settings = settings };
	coffer_err err;

	if (settings->admin_socket == NULL) {
		log_error("settings: admin_socket is missing");
		return COFFER_INVALID_ARGUMENT;
	}
	if ((worker.loop = ev_loop_new(EVFLAG_NOENV)) == NULL) {
		log_error("cannot make an event loop: %m");
		return COFFER_INTERNAL;
	}
	if ((err = open_all(&worker, settings)) == COFFER_OK)
		run_loop(worker.loop);
	close_all(&worker);
	ev_loop_destroy(worker.loop);
	return err;
}
