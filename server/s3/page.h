/* page.h - one page of a bucket's listing. Layer: s3. */
#ifndef S3_PAGE_H
#define S3_PAGE_H

#include <coffer/error.h>
#include <stdbool.h>

#include "slice.h"

/* Of one object that is not empty: its key with the prefix; borrowed. */
typedef void (*page_on_key)(void *user, struct slice key);

/* Reads a page and hands over its keys; what was erased is passed over. *next, the caller's to free, is what the next
 * page continues with; NULL: this was the last. COFFER_INVALID_ARGUMENT: it is no page, or not a whole one; keys may
 * have been handed over; COFFER_RESOURCE_EXHAUSTED: no memory. On error *next is NULL. */
COFFER_MUST_USE coffer_err page_read(struct slice document, page_on_key on_key, void *user,
				     char **next);

#endif
