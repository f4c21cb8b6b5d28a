#include "audit/record.h"

#include <coffer/limits.h>

#include "audit/json.h"
#include "base/clock.h"

#define OPENING     "{\"seq\":"
#define MAC_OPENING ",\"mac\":\""
#define MAC_CLOSING "\"}\n"
#define MAC_LEN     (sizeof(MAC_OPENING) - 1 + 2 * CHAIN_MAC_LEN + sizeof(MAC_CLOSING) - 1)

#define TIME_OPENING   ",\"time\":\""
#define OLDEST_OPENING ",\"oldest\":"
#define AFTER_OPENING  ",\"after\":\""
#define AFTER_LEN      (sizeof(AFTER_OPENING) - 1 + 2 * CHAIN_MAC_LEN + 1)

/* Bytes that a text may take in its escaped form. Valid names and scopes need no escapes, so they are
 * never cut. */
#define OP_MAX     64
#define VIA_MAX    (6 * COFFER_TEXT_MAX)
#define REASON_MAX 1024
/* All else in a record and in an item: keys, punctuation, numbers, time, mac. */
#define RECORD_FIXED_MAX 512
#define ITEM_FIXED_MAX   64

_Static_assert(RECORD_SECRETS_MAX *(COFFER_SCOPE_MAX + COFFER_NAME_MAX + ITEM_FIXED_MAX) + OP_MAX +
		       VIA_MAX + REASON_MAX + RECORD_FIXED_MAX <=
		   RECORD_LINE_MAX,
	       "a record with every secret that it can have fits into a line");

void record_begin(struct buf *out, uint64_t seq, const struct record_subject *subject)
{
	char time[CLOCK_TEXT_LEN + 1];

	clock_format(subject->time_ms, time);
	JSON_LITERAL(out, OPENING);
	json_number(out, seq);
	JSON_FIELD(out, "time", ((struct slice){ (uint8_t *)time, CLOCK_TEXT_LEN }),
		   CLOCK_TEXT_LEN);
	JSON_FIELD(out, "op", subject->op, OP_MAX);
	if (subject->is_run)
		JSON_FIELD(out, "run", subject->grant, COFFER_ID_LEN);
	else
		JSON_FIELD(out, "grant", subject->grant, COFFER_ID_LEN);
	JSON_LITERAL(out, ",\"uid\":");
	json_number(out, subject->uid);
	JSON_LITERAL(out, ",\"gid\":");
	json_number(out, subject->gid);
	JSON_LITERAL(out, ",\"pid\":");
	json_number(out, subject->pid > 0 ? (uint64_t)subject->pid : 0);
	JSON_FIELD(out, "via", subject->via, VIA_MAX);
}

static void put_version(struct buf *out, uint32_t version)
{
	if (version == 0)
		return;
	JSON_LITERAL(out, ",\"version\":");
	json_number(out, version);
}

void record_secret(struct buf *out, struct slice scope, struct slice name, uint32_t version)
{
	JSON_FIELD(out, "scope", scope, COFFER_SCOPE_MAX);
	JSON_FIELD(out, "name", name, COFFER_NAME_MAX);
	put_version(out, version);
}

void record_item(struct buf *out, bool first, struct slice scope, struct slice name,
		 uint32_t version)
{
	if (first)
		JSON_LITERAL(out, ",\"secrets\":[");
	else
		JSON_LITERAL(out, ",");
	JSON_LITERAL(out, "{\"scope\":\"");
	json_text(out, scope, COFFER_SCOPE_MAX);
	JSON_LITERAL(out, "\"");
	JSON_FIELD(out, "name", name, COFFER_NAME_MAX);
	put_version(out, version);
	JSON_LITERAL(out, "}");
}

void record_outcome(struct buf *out, bool has_items, coffer_err outcome, struct slice reason)
{
	if (has_items)
		JSON_LITERAL(out, "]");
	JSON_FIELD(out, "outcome", slice_str(coffer_err_name(outcome)), OP_MAX);
	JSON_FIELD(out, "reason", reason, REASON_MAX);
}

void record_border(struct buf *out, const struct record_border *border)
{
	JSON_LITERAL(out, OLDEST_OPENING);
	json_number(out, border->oldest);
	JSON_LITERAL(out, AFTER_OPENING);
	json_hex(out, border->after, CHAIN_MAC_LEN);
	JSON_LITERAL(out, "\"");
}

void record_mac(struct buf *out, const uint8_t mac[CHAIN_MAC_LEN])
{
	JSON_LITERAL(out, MAC_OPENING);
	json_hex(out, mac, CHAIN_MAC_LEN);
	JSON_LITERAL(out, MAC_CLOSING);
}

/* A decimal number above 0 in its shortest form, with a comma behind it. */
static bool parse_seq(struct slice text, uint64_t *seq)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(text.data[i] - '0');
		if (value > (UINT64_MAX - digit) / 10 || (value == 0 && digit == 0))
			return false;
		value = value * 10 + digit;
	}
	*seq = value;
	return value > 0 && i < text.len && text.data[i] == ',';
}

/* Lower case only: an edit that changes a digit's case must not go unnoticed. */
static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const uint8_t digits[2 * CHAIN_MAC_LEN], uint8_t mac[CHAIN_MAC_LEN])
{
	for (size_t i = 0; i < CHAIN_MAC_LEN; i++) {
		int high = hex_value(digits[2 * i]), low = hex_value(digits[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse_mac(const uint8_t field[MAC_LEN], uint8_t mac[CHAIN_MAC_LEN])
{
	const uint8_t *digits = field + sizeof(MAC_OPENING) - 1;

	return memcmp(field, MAC_OPENING, sizeof(MAC_OPENING) - 1) == 0 &&
	       memcmp(digits + 2 * CHAIN_MAC_LEN, MAC_CLOSING, sizeof(MAC_CLOSING) - 1) == 0 &&
	       parse_hex(digits, mac);
}

coffer_err record_parse(struct slice line, uint64_t *seq, struct slice *text,
			uint8_t mac[CHAIN_MAC_LEN])
{
	size_t skip = sizeof(OPENING) - 1, text_len = line.len - MAC_LEN;

	*seq = 0;
	*text = SLICE_EMPTY;
	if (line.len > RECORD_LINE_MAX || line.len < skip + MAC_LEN ||
	    memcmp(line.data, OPENING, skip) != 0 ||
	    memchr(line.data, '\n', line.len - 1) != NULL ||
	    !parse_seq((struct slice){ line.data + skip, text_len - skip }, seq) ||
	    !parse_mac(line.data + text_len, mac)) {
		*seq = 0;
		memset(mac, 0, CHAIN_MAC_LEN);
		return COFFER_DATA_LOSS;
	}
	*text = (struct slice){ line.data, text_len };
	return COFFER_OK;
}

bool record_parse_border(struct slice text, struct record_border *border)
{
	const size_t opening = sizeof(OLDEST_OPENING) - 1;
	const uint8_t *after, *digits;

	*border = (struct record_border){ 0 };
	if (text.len < opening + AFTER_LEN)
		return false;
	after = text.data + text.len - AFTER_LEN;
	for (digits = after;
	     digits > text.data + opening && digits[-1] >= '0' && digits[-1] <= '9';)
		digits--;
	/* A quote that a peer sent has a backslash in front of it: nobody else's text can end like this. */
	if (memcmp(digits - opening, OLDEST_OPENING, opening) == 0 &&
	    memcmp(after, AFTER_OPENING, sizeof(AFTER_OPENING) - 1) == 0 &&
	    text.data[text.len - 1] == '"' &&
	    parse_seq((struct slice){ digits, (size_t)(after - digits) + 1 }, &border->oldest) &&
	    parse_hex(after + sizeof(AFTER_OPENING) - 1, border->after))
		return true;
	*border = (struct record_border){ 0 };
	return false;
}

struct slice record_time(struct slice text)
{
	const size_t opening = sizeof(TIME_OPENING) - 1;
	const uint8_t *end = text.data + text.len, *at = text.data + sizeof(OPENING) - 1;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	if ((size_t)(end - at) < opening + CLOCK_TEXT_LEN || memcmp(at, TIME_OPENING, opening) != 0)
		return SLICE_EMPTY;
	return (struct slice){ at + opening, CLOCK_TEXT_LEN };
}
