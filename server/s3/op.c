#include "s3/op.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "base/clock.h"

#define PAUSE_MAX_MS 5000
#define LAST_TRY_MS  100

coffer_err ops_open(struct ops *out, struct ev_loop *loop, const struct bucket *bucket)
{
	*out = (struct ops){ .loop = loop, .bucket = bucket };
	return pool_open(&out->pool, loop);
}

void ops_close(struct ops *ops)
{
	pool_close(&ops->pool);
}

struct op *op_new(struct ops *ops, op_kind kind, struct slice key)
{
	struct op *op;

	if (key.len == 0 || key.len > REQUEST_KEY_MAX || memchr(key.data, '\0', key.len) != NULL ||
	    (op = calloc(1, sizeof(*op))) == NULL)
		return NULL;
	op->ops = ops;
	op->kind = kind;
	op->patience_ms = ops->bucket->settings->give_up_ms;
	memcpy(op->key, key.data, key.len);
	return op;
}

/* Between half and the whole of it: hosts that were refused together come back apart. */
static double shaken(size_t pause_ms)
{
	uint32_t dice = 0;

	(void)!getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	return (double)pause_ms / 1000 * (0.5 + (double)dice / UINT32_MAX / 2);
}

static void pause_for(struct op *op, double seconds)
{
	ev_timer_stop(op->ops->loop, &op->pause);
	ev_timer_set(&op->pause, seconds, 0);
	ev_timer_start(op->ops->loop, &op->pause);
}

static void try_again(struct op *op)
{
	const struct settings *s = op->ops->bucket->settings;
	size_t pause = s->backoff_ms;

	for (unsigned i = 1; i < op->tries && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	op->over = clock_mono_ms() - op->since_ms + (int64_t)pause > (int64_t)op->patience_ms;
	op->looking |= op->kind == OP_PUT && s->single_writer;
	pause_for(op, op->over ? 0 : shaken(pause));
}

/* After a look at what there is under the key of a PUT. */
static void compare(struct op *op)
{
	struct slice there = { op->request.got.data, op->request.got.len };
	struct slice ours = { op->body.data, op->body.len };

	if (op->answer.code == COFFER_OK ? !slice_equal(there, ours)
					 : op->answer.code == COFFER_RESOURCE_EXHAUSTED ||
					       op->answer.code == COFFER_NOT_FOUND)
		answer_set(&op->answer, COFFER_ALREADY_EXISTS, false, "the object exists");
}

static void wait_for_turn(struct op *op)
{
	DL_APPEND(op->ops->waiting, op);
	op->waits = true;
}

/* What an answer that will not change leads to. */
static void settle(struct op *op)
{
	bool single = op->ops->bucket->settings->single_writer;
	bool looked = op->looking;

	op->looking =
	    op->kind == OP_PUT && !looked && !op->plain && op->answer.code == COFFER_ALREADY_EXISTS;
	if (op->looking || (looked && single && op->answer.code == COFFER_NOT_FOUND)) {
		wait_for_turn(op);
		return;
	}
	if (looked)
		compare(op);
	op->done(op, op->user);
}

static void start_waiting(struct ops *ops);

static void on_done(void *user, CURLcode code)
{
	struct op *op = user;
	struct ops *ops = op->ops;

	op->started = false;
	ops->running--;
	request_answer(&op->request, ops->bucket->settings, code, &op->answer);
	if (op->answer.again)
		try_again(op);
	else
		settle(op);
	start_waiting(ops);
}

static request_kind next_request(const struct op *op)
{
	static const request_kind kinds[] = { [OP_PUT] = REQUEST_PUT_NEW,
					      [OP_GET] = REQUEST_GET,
					      [OP_ERASE] = REQUEST_PUT,
					      [OP_DELETE] = REQUEST_DELETE,
					      [OP_LIST] = REQUEST_LIST };

	if (op->looking)
		return REQUEST_GET;
	if (op->kind == OP_PUT && op->ops->bucket->settings->single_writer)
		return REQUEST_PUT;
	return kinds[op->kind];
}

/* Who writes waits for as long as op.h says, and not for a last try's time beyond it. */
static size_t next_timeout(const struct op *op)
{
	size_t timeout_ms = op->ops->bucket->settings->timeout_ms;
	int64_t left_ms = op->since_ms + (int64_t)op->patience_ms - clock_mono_ms();

	if (op->kind != OP_PUT || left_ms > (int64_t)timeout_ms)
		return timeout_ms;
	return left_ms > LAST_TRY_MS ? (size_t)left_ms : LAST_TRY_MS;
}

static void start(struct op *op)
{
	struct ops *ops = op->ops;
	struct request_options options = { .kind = next_request(op),
					   .key = op->key,
					   .continuation = op->continuation,
					   .page = op->page,
					   .timeout_ms = next_timeout(op) };
	coffer_err err;

	if (!op->looking)
		options.body = (struct slice){ op->body.data, op->body.len };
	request_end(&op->request);
	op->tries++;
	if ((err = request_begin(&op->request, ops->bucket, &options)) == COFFER_OK) {
		op->run = (struct pool_run){ on_done, op };
		err = pool_start(&ops->pool, op->request.easy, &op->run);
	}
	if (err == COFFER_OK) {
		op->started = true;
		ops->running++;
		return;
	}
	answer_set(&op->answer, err, false, "cannot ask for '%s': %s", op->key,
		   coffer_err_text(err));
	op->over = true;
	pause_for(op, 0);
}

static void start_waiting(struct ops *ops)
{
	while (ops->waiting != NULL && ops->running < ops->bucket->settings->parallel) {
		struct op *op = ops->waiting;
		DL_DELETE(ops->waiting, op);
		op->waits = false;
		start(op);
	}
}

static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct op *op = timer->data;
	struct ops *ops = op->ops;

	(void)loop;
	(void)events;
	if (op->over) {
		op->done(op, op->user);
		return;
	}
	wait_for_turn(op);
	start_waiting(ops);
}

void op_begin(struct op *op, op_done done, void *user)
{
	op->done = done;
	op->user = user;
	op->since_ms = clock_mono_ms();
	op->looking = op->kind == OP_PUT && op->ops->bucket->settings->single_writer;
	ev_timer_init(&op->pause, on_pause, 0, 0);
	op->pause.data = op;
	wait_for_turn(op);
	start_waiting(op->ops);
}

void op_free(struct op *op)
{
	struct ops *ops;

	if (op == NULL)
		return;
	ops = op->ops;
	if (op->started) {
		pool_stop(&ops->pool, op->request.easy);
		ops->running--;
	}
	if (op->waits)
		DL_DELETE(ops->waiting, op);
	ev_timer_stop(ops->loop, &op->pause);
	request_end(&op->request);
	free(op->body.data);
	free(op->continuation);
	free(op);
	start_waiting(ops); /* there may be room now */
}
