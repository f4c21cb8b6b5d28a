#include "s3/oneshot.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "s3/op.h"
#include "s3/page.h"

/* All that one op needs, and the op itself. */
struct oneshot {
	struct ev_loop *loop;
	struct bucket bucket;
	struct ops ops;
};

static coffer_err begin(struct oneshot *out, const struct settings *settings)
{
	coffer_err err;

	*out = (struct oneshot){ .loop = ev_loop_new(EVFLAG_NOENV) };
	if (out->loop == NULL) {
		log_error("cannot make an event loop: %m");
		return COFFER_INTERNAL;
	}
	if ((err = bucket_open(&out->bucket, settings)) == COFFER_OK)
		err = ops_open(&out->ops, out->loop, &out->bucket);
	return err;
}

static void end(struct oneshot *shot)
{
	ops_close(&shot->ops);
	bucket_close(&shot->bucket);
	if (shot->loop != NULL)
		ev_loop_destroy(shot->loop);
}

static void on_op(struct op *op, void *user)
{
	(void)user;
	ev_break(op->ops->loop, EVBREAK_ALL);
}

/* Runs the op to its end. What is no answer to the question itself is logged. */
static coffer_err run(struct op *op)
{
	op_begin(op, on_op, NULL);
	ev_run(op->ops->loop, 0);
	if (op->answer.code != COFFER_OK && op->answer.code != COFFER_NOT_FOUND &&
	    op->answer.code != COFFER_ALREADY_EXISTS)
		log_error("%s", op->answer.text);
	return op->answer.code;
}

static struct op *make(struct oneshot *shot, op_kind kind, const char *key)
{
	struct op *op = op_new(&shot->ops, kind, slice_str(key));

	if (op == NULL)
		log_error("out of memory, or no key: '%s'", key);
	else
		op->page = 1;
	return op;
}

static coffer_err write_out(const struct buf *body)
{
	for (size_t done = 0; done < body->len;) {
		ssize_t n = write(STDOUT_FILENO, body->data + done, body->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_error("cannot write the object: %m");
			return COFFER_UNAVAILABLE;
		}
		done += (size_t)n;
	}
	return COFFER_OK;
}

coffer_err oneshot_get(const struct settings *settings, const char *key)
{
	struct oneshot shot;
	struct op *op = NULL;
	coffer_err err;

	if ((err = begin(&shot, settings)) == COFFER_OK) {
		err = (op = make(&shot, OP_GET, key)) != NULL ? run(op) : COFFER_INVALID_ARGUMENT;
		if (err == COFFER_OK)
			err = write_out(&op->request.got);
	}
	op_free(op);
	end(&shot);
	return err;
}

static coffer_err read_file(struct buf *out, const char *path, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	coffer_err err = COFFER_OK;
	ssize_t n = -1;

	if (fd >= 0 && (out->data = malloc(max + 1)) != NULL) {
		out->cap = max + 1;
		while ((n = read(fd, out->data + out->len, out->cap - out->len)) > 0 ||
		       (n < 0 && errno == EINTR))
			out->len += n > 0 ? (size_t)n : 0;
	}
	if (fd < 0 || n < 0) {
		err = fd < 0 && errno == ENOENT ? COFFER_NOT_FOUND : COFFER_UNAVAILABLE;
		log_error("cannot read %s: %m", path);
	} else if (out->len > max) {
		err = COFFER_RESOURCE_EXHAUSTED;
		log_error("%s is larger than %zu bytes", path, max);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* Two hosts that write the same version must not both succeed: what was just stored is stored again. */
static coffer_err check_condition(struct oneshot *shot, struct op *stored)
{
	struct op *again = make(shot, OP_PUT, stored->key), *removal = NULL;
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	if (again == NULL)
		return err;
	again->plain = true;
	again->body = stored->body;
	if ((err = run(again)) == COFFER_ALREADY_EXISTS) {
		err = COFFER_OK;
	} else if (err == COFFER_OK) {
		err = COFFER_UNIMPLEMENTED;
		log_error("the store overwrites objects although it was asked not to: one host "
			  "alone can use it, in single-writer mode");
		if ((removal = make(shot, OP_DELETE, stored->key)) != NULL &&
		    run(removal) != COFFER_OK)
			log_error("what was stored there is still there");
	}
	again->body = (struct buf){ NULL, 0, 0 };
	op_free(again);
	op_free(removal);
	return err;
}

coffer_err oneshot_put(const struct settings *settings, const char *key, const char *path)
{
	struct oneshot shot;
	struct buf body = { NULL, 0, 0 };
	struct op *op = NULL;
	coffer_err err;

	if ((err = begin(&shot, settings)) == COFFER_OK &&
	    (err = read_file(&body, path, settings->frame_max)) == COFFER_OK) {
		if ((op = make(&shot, OP_PUT, key)) == NULL) {
			err = COFFER_INVALID_ARGUMENT;
		} else {
			op->body = body;
			body = (struct buf){ NULL, 0, 0 };
			err = run(op);
		}
		if (err == COFFER_OK && !settings->single_writer)
			err = check_condition(&shot, op);
	}
	op_free(op);
	free(body.data);
	end(&shot);
	return err;
}

static void ignore_key(void *user, struct slice key)
{
	(void)user;
	(void)key;
}

coffer_err oneshot_check(const struct settings *settings)
{
	struct oneshot shot;
	struct op *op = NULL;
	char *next = NULL;
	coffer_err err;

	if ((err = begin(&shot, settings)) == COFFER_OK) {
		if ((op = make(&shot, OP_LIST, "v1/")) == NULL)
			err = COFFER_RESOURCE_EXHAUSTED;
		else
			err = run(op);
	}
	if (err == COFFER_OK &&
	    (err = page_read((struct slice){ op->request.got.data, op->request.got.len },
			     ignore_key, NULL, &next)) != COFFER_OK)
		log_error("%s answers in words that are not S3's", settings->endpoint);
	free(next);
	op_free(op);
	end(&shot);
	return err;
}
