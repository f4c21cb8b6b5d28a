#include "s3/tasks.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"

struct task {
	struct tasks *tasks;
	uint64_t id;
	struct op *op; /* NULL: a list, or what it got is with the daemon */
	bool lists;    /* it asks for a look at the bucket */
	bool looked;   /* the look that goes on is for it */
	struct task *prev, *next;
};

struct result {
	uint64_t id;
	coffer_err code;
	bool telling;
	char text[ANSWER_TEXT_MAX];
	struct result *prev, *next;
};

void tasks_open(struct tasks *out, const struct tasks_options *options)
{
	*out = (struct tasks){ .options = *options };
}

/* Without memory the daemon waits in vain for this one, as for a bucket that does not answer. */
static void tell(struct tasks *tasks, uint64_t id, const struct answer *answer)
{
	struct result *result = calloc(1, sizeof(*result));

	if (result == NULL) {
		log_error("out of memory: a result is lost");
		return;
	}
	result->id = id;
	result->code = answer->code;
	if (answer->code != COFFER_OK)
		memcpy(result->text, answer->text, sizeof(result->text));
	DL_APPEND(tasks->results, result);
	tasks->options.on_result(tasks->options.user);
}

static void task_free(struct task *task)
{
	DL_DELETE(task->tasks->list, task);
	task->tasks->len--;
	op_free(task->op);
	free(task);
}

static void end(struct task *task, const struct answer *answer)
{
	struct tasks *tasks = task->tasks;
	uint64_t id = task->id;
	struct answer copy = *answer; /* it may be the task's own */

	task_free(task);
	tell(tasks, id, &copy);
	if (copy.code == COFFER_UNAVAILABLE || copy.code == COFFER_FAILED_PRECONDITION)
		tasks->options.on_away(tasks->options.user, &copy);
}

static void on_applied(void *user, coffer_err code, struct slice text)
{
	struct task *task = user;
	struct answer answer;

	answer_set(&answer, code, false, "%.*s", SLICE_ARG(text));
	/* A daemon that cannot take it is not told that the bucket is away. */
	if (code == COFFER_UNAVAILABLE || code == COFFER_FAILED_PRECONDITION)
		answer.code = COFFER_INTERNAL;
	end(task, &answer);
}

static void on_done(struct op *op, void *user)
{
	struct task *task = user;
	struct tasks *tasks = task->tasks;
	struct buf body = op->request.got;
	struct answer answer;

	if (op->kind != OP_GET || op->answer.code != COFFER_OK) {
		end(task, &op->answer);
		return;
	}
	op->request.got = (struct buf){ NULL, 0, 0 };
	task->op = NULL;
	if (!apply_add(tasks->options.apply, op->key, body, on_applied, task)) {
		answer_set(&answer, COFFER_RESOURCE_EXHAUSTED, false, "%s is too large", op->key);
		end(task, &answer);
	}
	op_free(op);
}

static bool give_body(struct op *op, struct slice body)
{
	if (body.len == 0)
		return true;
	if ((op->body.data = malloc(body.len)) == NULL)
		return false;
	memcpy(op->body.data, body.data, body.len);
	op->body.len = op->body.cap = body.len;
	return true;
}

static bool begin(struct task *task, const coffer_v1_MirrorTask *wanted)
{
	static const op_kind kinds[] = { [coffer_v1_MirrorKind_MIRROR_PUT] = OP_PUT,
					 [coffer_v1_MirrorKind_MIRROR_GET] = OP_GET,
					 [coffer_v1_MirrorKind_MIRROR_ERASE] = OP_ERASE };

	task->op = op_new(task->tasks->options.ops, kinds[wanted->kind], wanted->key);
	if (task->op == NULL || (task->op->kind == OP_PUT && !give_body(task->op, wanted->body)))
		return false;
	op_begin(task->op, on_done, task);
	return true;
}

void tasks_take(struct tasks *tasks, const coffer_v1_MirrorTask *wanted)
{
	struct task *task = calloc(1, sizeof(*task));
	struct answer answer;

	if (task == NULL) {
		answer_set(&answer, COFFER_RESOURCE_EXHAUSTED, false, "out of memory");
		tell(tasks, wanted->id, &answer);
		return;
	}
	*task = (struct task){ .tasks = tasks, .id = wanted->id };
	DL_APPEND(tasks->list, task);
	tasks->len++;
	switch (wanted->kind) {
	case coffer_v1_MirrorKind_MIRROR_PUT:
	case coffer_v1_MirrorKind_MIRROR_GET:
	case coffer_v1_MirrorKind_MIRROR_ERASE:
		if (begin(task, wanted))
			return;
		answer_set(&answer, COFFER_RESOURCE_EXHAUSTED, false,
			   "out of memory, or no key that can be stored");
		break;
	case coffer_v1_MirrorKind_MIRROR_LIST:
		task->lists = true;
		tasks->options.on_list(tasks->options.user);
		return;
	default:
		answer_set(&answer, COFFER_UNIMPLEMENTED, false, "coffer-s3 knows no task %d",
			   (int)wanted->kind);
		break;
	}
	end(task, &answer);
}

void tasks_list_begins(struct tasks *tasks)
{
	struct task *task;

	DL_FOREACH(tasks->list, task)
	{
		task->looked = task->lists;
	}
}

void tasks_list_ends(struct tasks *tasks, const struct answer *answer)
{
	struct task *task, *next;

	DL_FOREACH_SAFE(tasks->list, task, next)
	{
		uint64_t id = task->id;
		if (!task->looked)
			continue;
		task_free(task);
		tell(tasks, id, answer);
	}
}

bool tasks_want_list(const struct tasks *tasks)
{
	const struct task *task;

	DL_FOREACH(tasks->list, task)
	{
		if (task->lists && !task->looked)
			return true;
	}
	return false;
}

bool tasks_have_results(const struct tasks *tasks)
{
	return tasks->results != NULL;
}

void tasks_append_results(struct tasks *tasks, struct buf *body)
{
	struct result *result;

	DL_FOREACH(tasks->results, result)
	{
		const coffer_v1_MirrorResult message = { .id = result->id,
							 .code = (coffer_v1_Code)result->code,
							 .message = slice_str(result->text) };
		if (codec_append_message(body, coffer_v1_MirrorTasksRequest_results_tag,
					 coffer_v1_MirrorResult_fields, &message) != COFFER_OK)
			return;
		result->telling = true;
	}
}

void tasks_results_told(struct tasks *tasks, bool taken)
{
	struct result *result, *next;

	DL_FOREACH_SAFE(tasks->results, result, next)
	{
		if (result->telling && taken) {
			DL_DELETE(tasks->results, result);
			free(result);
		} else {
			result->telling = false;
		}
	}
}

void tasks_drop(struct tasks *tasks)
{
	struct task *task, *next;
	struct result *result, *more;

	DL_FOREACH_SAFE(tasks->list, task, next)
	{
		task_free(task);
	}
	DL_FOREACH_SAFE(tasks->results, result, more)
	{
		free(result);
	}
	tasks->results = NULL;
}
