#include "s3/page.h"

#include <stdlib.h>
#include <string.h>

#include "s3/xml.h"

struct reading {
	page_on_key on_key;
	void *user;
	bool is_page;   /* S3 says in each whether it is the last */
	bool truncated; /* it is not */
	bool failed;
	char *next;
	char key[XML_TEXT_MAX]; /* of the object whose leaves are read */
	size_t key_len;
	bool erased;
};

static void on_leaf_of_object(struct reading *r, const char *leaf, struct slice text)
{
	if (strcmp(leaf, "Key") == 0 && text.len > 0) {
		memcpy(r->key, text.data, text.len);
		r->key_len = text.len;
	} else if (strcmp(leaf, "Size") == 0) {
		r->erased = slice_equal(text, SLICE_LITERAL("0"));
	}
}

static void on_object(struct reading *r)
{
	if (r->key_len > 0 && !r->erased)
		r->on_key(r->user, (struct slice){ (const uint8_t *)r->key, r->key_len });
	r->key_len = 0;
	r->erased = false;
}

static void on_text(void *user, const char *parent, const char *leaf, struct slice text)
{
	struct reading *r = user;

	if (strcmp(parent, "Contents") == 0) {
		on_leaf_of_object(r, leaf, text);
	} else if (strcmp(parent, "ListBucketResult") != 0) {
		return;
	} else if (strcmp(leaf, "Contents") == 0) {
		on_object(r);
	} else if (strcmp(leaf, "IsTruncated") == 0) {
		r->is_page = true;
		r->truncated = slice_equal(text, SLICE_LITERAL("true"));
	} else if (strcmp(leaf, "NextContinuationToken") == 0 && r->next == NULL && text.len > 0) {
		r->next = strndup((const char *)text.data, text.len);
		r->failed |= r->next == NULL;
	}
}

coffer_err page_read(struct slice document, page_on_key on_key, void *user, char **next)
{
	struct reading r = { .on_key = on_key, .user = user };
	coffer_err err = xml_read(document, on_text, &r);

	*next = NULL;
	if (err == COFFER_OK && r.failed)
		err = COFFER_RESOURCE_EXHAUSTED;
	else if (err == COFFER_OK && (!r.is_page || r.truncated != (r.next != NULL)))
		err = COFFER_INVALID_ARGUMENT;
	if (err == COFFER_OK)
		*next = r.next;
	else
		free(r.next);
	return err;
}
