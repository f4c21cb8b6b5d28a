/* tasks.h - what the daemon has asked for and not been answered yet. Layer: s3. */
#ifndef S3_TASKS_H
#define S3_TASKS_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

#include "codec.h"
#include "s3/apply.h"
#include "s3/op.h"

struct task;
struct result;

struct tasks_options {
	struct ops *ops; /* borrowed, as is apply */
	struct apply *apply;
	void (*on_result)(void *user);                      /* there is one to be told */
	void (*on_list)(void *user);                        /* the bucket is to be looked at */
	void (*on_away)(void *user, const struct answer *); /* the bucket cannot be used */
	void *user;
};

struct tasks {
	struct tasks_options options;
	struct task *list; /* utlist, as the next */
	struct result *results;
	size_t len; /* of list */
};

void tasks_open(struct tasks *out, const struct tasks_options *options);

/* Begins one that the daemon sent. One that cannot be done has its result at once. */
void tasks_take(struct tasks *tasks, const coffer_v1_MirrorTask *task);

/* A look at the bucket begins: it is for the lists that were asked for by now. */
void tasks_list_begins(struct tasks *tasks);

/* That look has come to this end. */
void tasks_list_ends(struct tasks *tasks, const struct answer *answer);

/* A list has been asked for that no look is for. */
bool tasks_want_list(const struct tasks *tasks);

bool tasks_have_results(const struct tasks *tasks);

/* Appends the results that fit to a MirrorTasksRequest; then, when the daemon has taken them or not, they are
 * forgotten or kept for the next time. */
void tasks_append_results(struct tasks *tasks, struct buf *body);
void tasks_results_told(struct tasks *tasks, bool taken);

/* Ends all without a word: the daemon's connection was lost, or it is the end. */
void tasks_drop(struct tasks *tasks);

#endif
