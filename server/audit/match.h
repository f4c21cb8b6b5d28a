/* match.h - which records somebody asked for. Layer: audit, private to reader.
 *
 * Fields are looked for in the line as it stands: in the text of a peer every quote has a backslash in
 * front of it, so it cannot look like a field. */
#ifndef AUDIT_MATCH_H
#define AUDIT_MATCH_H

#include "audit/reader.h"
#include "base/clock.h"

/* One field's ,"key":"text" */
#define MATCH_FIELD_MAX  192
#define MATCH_FIELDS_MAX 3

struct match {
	struct slice run;
	struct slice since; /* of since_text, or empty */
	char since_text[CLOCK_TEXT_LEN + 1];
	struct buf fields[MATCH_FIELDS_MAX]; /* of room */
	size_t fields_len;
	uint8_t room[MATCH_FIELDS_MAX][MATCH_FIELD_MAX];
};

/* *match borrows the query's run, and must not be moved. */
void match_begin(struct match *match, const struct reader_query *query);

/* Whether a record's text has every field that was asked for; its time is not looked at. */
bool match_text(const struct match *match, struct slice text);

#endif
