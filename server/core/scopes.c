#include "core/scopes.h"

#include <assert.h>

bool scopes_next(struct slice *list, struct slice *item)
{
	const uint8_t *end;

	if (list->len == 0)
		return false;
	end = memchr(list->data, '\n', list->len);
	*item = (struct slice){ list->data, end ? (size_t)(end - list->data) : list->len };
	list->data += item->len + (end != NULL);
	list->len -= item->len + (end != NULL);
	return true;
}

static coffer_err append(struct buf *list, struct slice text)
{
	if (text.len > list->cap - list->len)
		return COFFER_RESOURCE_EXHAUSTED;
	memcpy(list->data + list->len, text.data, text.len);
	list->len += text.len;
	return COFFER_OK;
}

coffer_err scopes_add(struct buf *list, struct slice item)
{
	coffer_err err;

	if (list->len > 0 && (err = append(list, SLICE_LITERAL("\n"))) != COFFER_OK)
		return err;
	return append(list, item);
}

struct slice scopes_run(char out[SCOPES_RUN_LEN], struct slice run_id)
{
	assert(run_id.len == COFFER_ID_LEN);
	memcpy(out, "run/", 4);
	memcpy(out + 4, run_id.data, COFFER_ID_LEN);
	return (struct slice){ (const uint8_t *)out, SCOPES_RUN_LEN };
}

coffer_err scopes_of_run(struct buf *list, struct slice run_id, struct slice pipeline)
{
	char run[SCOPES_RUN_LEN];
	coffer_err err;

	if ((err = scopes_add(list, scopes_run(run, run_id))) != COFFER_OK ||
	    (err = scopes_add(list, SLICE_LITERAL("pipeline/"))) != COFFER_OK ||
	    (err = append(list, pipeline)) != COFFER_OK)
		return err;
	return scopes_add(list, SLICE_LITERAL("global"));
}
