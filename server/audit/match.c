#include "audit/match.h"

#include "audit/json.h"

/* Longer than any name or operation; what is asked for beyond it is in no record. */
#define VALUE_MAX 160

static void add_field(struct match *match, struct slice key, struct slice value)
{
	size_t i = match->fields_len;

	if (value.len == 0)
		return;
	match->fields[i] = (struct buf){ match->room[i], 0, sizeof(match->room[i]) };
	json_field(&match->fields[i], key, value, VALUE_MAX);
	match->fields_len++;
}

void match_begin(struct match *match, const struct reader_query *query)
{
	match->run = query->run;
	match->since = SLICE_EMPTY;
	match->fields_len = 0;
	if (query->since_ms > 0) {
		clock_format(query->since_ms, match->since_text);
		match->since = (struct slice){ (const uint8_t *)match->since_text, CLOCK_TEXT_LEN };
	}
	/* Those first that fewer records have. */
	add_field(match, SLICE_LITERAL("name"), query->name);
	add_field(match, SLICE_LITERAL("op"), query->op);
	add_field(match, SLICE_LITERAL("outcome"), query->outcome);
}

static bool ends_with(const uint8_t *begin, const uint8_t *end, struct slice with)
{
	return (size_t)(end - begin) >= with.len &&
	       memcmp(end - with.len, with.data, with.len) == 0;
}

/* Whether the record is the run's, or about it, its own secrets, or the one that replaced it. */
static bool is_of_run(struct slice text, struct slice run)
{
	static const char *const before[] = { ",\"run\":\"", ",\"grant\":\"", "\"scope\":\"run/",
					      "\"scope\":\"service/", ",\"reason\":\"supersedes " };
	const uint8_t *at = text.data, *end = text.data + text.len;

	for (; (at = memmem(at, (size_t)(end - at), run.data, run.len)) != NULL; at++) {
		if (at + run.len == end || at[run.len] != '"')
			continue;
		for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
			if (ends_with(text.data, at, slice_str(before[i])))
				return true;
	}
	return false;
}

bool match_text(const struct match *match, struct slice text)
{
	for (size_t i = 0; i < match->fields_len; i++)
		if (memmem(text.data, text.len, match->fields[i].data, match->fields[i].len) ==
		    NULL)
			return false;
	return match->run.len == 0 || is_of_run(text, match->run);
}
