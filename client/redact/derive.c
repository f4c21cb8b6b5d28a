#include "derive.h"

#include "encode.h"
#include "escape.h"
#include "memory.h"

#include <string.h>

_Static_assert(ESCAPE_GROWTH >= 2, "a form of encode.h doubles the length");

struct text {
	const uint8_t *data;
	size_t len;
};

struct derive {
	struct patterns *to;
	bool escapes;    /* forms of escape.h are wanted */
	uint8_t *joined; /* room for a join of the value's lines */
	uint8_t *form;   /* room for any form of the value or of a join */
};

static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct text trim_end(struct text text)
{
	while (text.len > 0 && is_space(text.data[text.len - 1]))
		text.len--;
	return text;
}

static struct text trim(struct text text)
{
	text = trim_end(text);
	while (text.len > 0 && is_space(text.data[0])) {
		text.data++;
		text.len--;
	}
	return text;
}

bool derive_is_long_enough(const uint8_t *data, size_t len)
{
	return trim((struct text){ data, len }).len >= PATTERNS_LEN_MIN;
}

static coffer_err add(struct derive *d, struct text text)
{
	if (!derive_is_long_enough(text.data, text.len))
		return COFFER_OK;
	return patterns_add(d->to, text.data, text.len);
}

static coffer_err add_escaped(struct derive *d, struct text text)
{
	coffer_err err = add(d, text);

	for (size_t i = 0; err == COFFER_OK && d->escapes && i < ESCAPE_FORMS; i++) {
		size_t len = escape_form(i, d->form, text.data, text.len);
		if (len != text.len || memcmp(d->form, text.data, len) != 0)
			err = add(d, (struct text){ d->form, len });
	}
	return err;
}

static coffer_err add_all(struct derive *d, struct text text)
{
	coffer_err err;

	if (!derive_is_long_enough(text.data, text.len))
		return COFFER_OK;
	err = add_escaped(d, text);
	for (size_t i = 0; err == COFFER_OK && i < ENCODE_FORMS; i++) {
		size_t len = encode_form(i, d->form, text.data, text.len);
		err = add(d, (struct text){ d->form, len });
	}
	return err;
}

static coffer_err add_unquoted(struct derive *d, struct text value)
{
	struct text text = trim(value);

	if (text.len < 2 || text.data[0] != text.data[text.len - 1] ||
	    (text.data[0] != '"' && text.data[0] != '\''))
		return COFFER_OK;
	return add_all(d, (struct text){ text.data + 1, text.len - 2 });
}

/* Cuts the first line off *rest, without its line end. */
static struct text next_line(struct text *rest)
{
	const uint8_t *end = memchr(rest->data, '\n', rest->len);
	struct text line = { rest->data, end ? (size_t)(end - rest->data) : rest->len };
	size_t taken = line.len + (end ? 1 : 0);

	rest->data += taken;
	rest->len -= taken;
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* A space is what an unquoted variable of a shell puts between lines; it drops the empty ones. */
static coffer_err add_joined(struct derive *d, struct text value, const char *between)
{
	bool words = between[0] == ' ';
	size_t gap = strlen(between), len = 0;

	while (value.len > 0) {
		struct text line = next_line(&value);

		if (words)
			line = trim(line);
		if (words && line.len == 0)
			continue;
		if (line.len > 0)
			memcpy(d->joined + len, line.data, line.len);
		len += line.len;
		memcpy(d->joined + len, between, gap);
		len += gap;
	}
	return add_escaped(d, trim_end((struct text){ d->joined, len }));
}

/* The first and last line of a key in PEM are in every log that speaks of keys. */
static bool is_armour(struct text line)
{
	return (line.len >= 10 && memcmp(line.data, "-----BEGIN", 10) == 0) ||
	       (line.len >= 8 && memcmp(line.data, "-----END", 8) == 0);
}

static coffer_err add_lines(struct derive *d, struct text value)
{
	static const char *const betweens[] = { "\n", "\r\n", " " };
	coffer_err err = COFFER_OK;

	for (size_t i = 0; err == COFFER_OK && i < sizeof(betweens) / sizeof(betweens[0]); i++)
		err = add_joined(d, value, betweens[i]);
	while (err == COFFER_OK && value.len > 0) {
		struct text line = trim(next_line(&value));

		if (line.len >= DERIVE_LINE_MIN && !is_armour(line))
			err = add_escaped(d, line);
	}
	return err;
}

coffer_err derive_patterns(struct patterns *to, const uint8_t *value, size_t len)
{
	struct text text = { value, len }, trimmed = trim_end(text);
	/* A line end of one byte becomes two, and one more line end follows the last line. */
	size_t joined_max = 2 * len + 2;
	bool is_text = escape_is_text(value, len);
	struct derive d = { .to = to, .escapes = is_text || len <= DERIVE_ESCAPED_MAX };
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	if (!derive_is_long_enough(value, len))
		return COFFER_FAILED_PRECONDITION;
	if (len > PATTERNS_BYTES_MAX / ESCAPE_GROWTH / 2)
		return COFFER_RESOURCE_EXHAUSTED;
	d.joined = memory_take(joined_max, 1);
	d.form = memory_take(joined_max, ESCAPE_GROWTH);
	if (!d.joined || !d.form)
		goto out;
	err = add_all(&d, text);
	if (err == COFFER_OK && trimmed.len < len)
		err = add_all(&d, trimmed);
	if (err == COFFER_OK)
		err = add_unquoted(&d, text);
	if (err == COFFER_OK && is_text && memchr(trim(text).data, '\n', trim(text).len))
		err = add_lines(&d, trimmed);
out:
	memory_give(d.joined, joined_max, 1);
	memory_give(d.form, joined_max, ESCAPE_GROWTH);
	return err;
}
