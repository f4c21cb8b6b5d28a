#include "redact_oracle.h"

#include <coffer/redact.h>
#include <string.h>

static void cover(struct oracle *oracle)
{
	for (size_t i = 0; i < oracle->patterns_len; i++) {
		const struct oracle_pattern *pattern = &oracle->patterns[i];

		for (size_t at = 0; at + pattern->len <= oracle->seen; at++)
			if (memcmp(oracle->text + at, pattern->data, pattern->len) == 0)
				memset(oracle->covered + at, true, pattern->len);
	}
}

/* Where the longest end of the text begins that is a proper prefix of a pattern. */
static size_t live(const struct oracle *oracle)
{
	for (size_t at = 0; at < oracle->seen; at++) {
		size_t len = oracle->seen - at;

		for (size_t i = 0; i < oracle->patterns_len; i++)
			if (len < oracle->patterns[i].len &&
			    memcmp(oracle->text + at, oracle->patterns[i].data, len) == 0)
				return at;
	}
	return oracle->seen;
}

/* Writes the bytes up to end, and a marker for each run of covered ones that begins there or before. */
static void render(struct oracle *oracle, size_t end)
{
	size_t marker = strlen(COFFER_REDACT_MARKER);

	oracle->out_len = 0;
	for (size_t at = 0; at <= end && at < oracle->seen; at++) {
		if (!oracle->covered[at] && at < end) {
			oracle->out[oracle->out_len++] = oracle->text[at];
		} else if (oracle->covered[at] && (at == 0 || !oracle->covered[at - 1])) {
			memcpy(oracle->out + oracle->out_len, COFFER_REDACT_MARKER, marker);
			oracle->out_len += marker;
		}
	}
}

void oracle_feed(struct oracle *oracle, size_t len)
{
	oracle->seen = len;
	cover(oracle);
	render(oracle, live(oracle));
}

void oracle_end(struct oracle *oracle)
{
	size_t at = live(oracle);

	if (oracle->seen - at >= 8)
		memset(oracle->covered + at, true, oracle->seen - at);
	render(oracle, oracle->seen);
}
