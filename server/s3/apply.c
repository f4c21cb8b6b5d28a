#include "s3/apply.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "codec.h"

/* Objects of one request at most. */
#define BATCH_MAX 64

/* Of an object in a request, what is neither its key nor its body; of a request's frame, what is not its body. */
#define OBJECT_OVERHEAD  32
#define REQUEST_OVERHEAD 64

struct apply_item {
	char key[REQUEST_KEY_MAX + 1];
	struct buf body; /* heap */
	apply_done done;
	void *user;
	struct apply_item *prev, *next;
};

static void item_free(struct apply_item *item)
{
	free(item->body.data);
	free(item);
}

void apply_open(struct apply *out, struct link *link, size_t frame_max)
{
	*out = (struct apply){ .link = link, .body_max = frame_max - REQUEST_OVERHEAD };
}

static bool append(struct buf *body, const struct apply_item *item)
{
	const coffer_v1_MirrorObject object = { .key = slice_str(item->key),
						.body = { item->body.data, item->body.len } };

	return codec_append_message(body, coffer_v1_MirrorApplyRequest_objects_tag,
				    coffer_v1_MirrorObject_fields, &object) == COFFER_OK;
}

static void ask(struct apply *apply);

static void on_reply(void *user, coffer_err code, struct slice body)
{
	struct apply *apply = user;
	struct apply_item *item, *next, *asked = apply->asked;

	apply->asked = NULL;
	DL_FOREACH_SAFE(asked, item, next)
	{
		apply->len--;
		item->done(item->user, code, code == COFFER_OK ? SLICE_EMPTY : body);
		item_free(item);
	}
	if (apply->asked == NULL)
		ask(apply);
}

static void ask(struct apply *apply)
{
	struct buf *body = link_body(apply->link);
	struct apply_item *item, *next;
	size_t count = 0;

	DL_FOREACH_SAFE(apply->waiting, item, next)
	{
		if (count == BATCH_MAX || !append(body, item))
			break;
		DL_DELETE(apply->waiting, item);
		DL_APPEND(apply->asked, item);
		count++;
	}
	/* Without a connection they stay until apply_drop. */
	if (count > 0)
		(void)link_ask(apply->link, "MirrorApply", on_reply, apply);
}

bool apply_add(struct apply *apply, const char *key, struct buf body, apply_done done, void *user)
{
	struct apply_item *item = NULL;
	size_t len = strlen(key);

	if (len <= REQUEST_KEY_MAX && len + body.len + OBJECT_OVERHEAD <= apply->body_max)
		item = calloc(1, sizeof(*item));
	if (item == NULL) {
		free(body.data);
		return false;
	}
	memcpy(item->key, key, len + 1);
	item->body = body;
	item->done = done;
	item->user = user;
	DL_APPEND(apply->waiting, item);
	apply->len++;
	if (apply->asked == NULL)
		ask(apply);
	return true;
}

static void drop(struct apply_item *list)
{
	struct apply_item *item, *next;

	DL_FOREACH_SAFE(list, item, next)
	{
		item_free(item);
	}
}

void apply_drop(struct apply *apply)
{
	drop(apply->waiting);
	drop(apply->asked);
	apply->waiting = apply->asked = NULL;
	apply->len = 0;
}
