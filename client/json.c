#include "json.h"

#include "names.h"

static const char ends_early[] = "the text ends too early";

static coffer_err fail(struct json *json, const char *why)
{
	json->why = json->at == json->text.len ? ends_early : why;
	return COFFER_INVALID_ARGUMENT;
}

/* The byte behind the ones read, or, where there is none, a NUL, which stands nowhere in JSON. */
static uint8_t peek(const struct json *json)
{
	return json->at < json->text.len ? json->text.data[json->at] : '\0';
}

static void skip_space(struct json *json)
{
	uint8_t c = peek(json);

	while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		json->at++;
		c = peek(json);
	}
}

static bool in_object(const struct json *json)
{
	unsigned level = json->depth - 1;

	return json->depth > 0 && (json->objects[level / 8] >> level % 8 & 1) != 0;
}

void json_begin(struct json *json, struct slice text)
{
	*json = (struct json){ .text = text, .expects = JSON_EXPECTS_VALUE };
}

static coffer_err enter(struct json *json, bool object)
{
	uint8_t bit = (uint8_t)(1u << json->depth % 8);
	uint8_t *bits = &json->objects[json->depth / 8];

	if (json->depth == JSON_DEPTH_MAX)
		return fail(json, "it is nested too deep");
	*bits = object ? *bits | bit : *bits & (uint8_t)~bit;
	json->depth++;
	json->at++;
	json->expects = object ? JSON_EXPECTS_FIRST_KEY : JSON_EXPECTS_FIRST_VALUE;
	return COFFER_OK;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number behind "\u" at p, where len bytes are left; -1 if there is none. */
static int read_unit(const uint8_t *p, size_t len)
{
	int unit = 0;

	if (len < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* The character that the escape at p stands for, and its length in *used; -1 if it is none. */
static int32_t read_escape(const uint8_t *p, size_t len, size_t *used)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter = len >= 2 && p[1] != '\0' ? strchr(letters, p[1]) : NULL;
	int unit, second;

	*used = 2;
	if (letter != NULL)
		return meanings[letter - letters];
	*used = 6;
	unit = read_unit(p, len);
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	*used = 12;
	second = len > 6 ? read_unit(p + 6, len - 6) : -1;
	if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff)
		return -1;
	return 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
}

/* Reads one character of a string, or says why it is none. */
static coffer_err read_character(struct json *json)
{
	const uint8_t *p = json->text.data + json->at;
	size_t len = json->text.len - json->at, used;

	if (p[0] == '\\') {
		if (read_escape(p, len, &used) < 0)
			return fail(json, "a string has a wrong escape");
	} else if (p[0] < 0x20) {
		return fail(json, "a string has a control character");
	} else if ((used = names_utf8((struct slice){ p, len })) == 0) {
		return fail(json, "a string is not UTF-8");
	}
	json->at += used;
	return COFFER_OK;
}

static coffer_err read_string(struct json *json)
{
	coffer_err err = COFFER_OK;

	json->at++;
	while (err == COFFER_OK && json->at < json->text.len && peek(json) != '"')
		err = read_character(json);
	if (err == COFFER_OK && peek(json) != '"')
		return fail(json, ends_early);
	json->at += err == COFFER_OK;
	return err;
}

static bool read_digits(struct json *json)
{
	size_t start = json->at;

	while (peek(json) >= '0' && peek(json) <= '9')
		json->at++;
	return json->at > start;
}

static coffer_err read_number(struct json *json)
{
	bool good;

	json->at += peek(json) == '-';
	if (peek(json) == '0') {
		json->at++;
		good = true;
	} else {
		good = read_digits(json);
	}
	if (good && peek(json) == '.') {
		json->at++;
		good = read_digits(json);
	}
	if (good && (peek(json) | 0x20) == 'e') {
		json->at++;
		json->at += peek(json) == '+' || peek(json) == '-';
		good = read_digits(json);
	}
	return good ? COFFER_OK : fail(json, "a number is not of its form");
}

static coffer_err read_word(struct json *json, json_kind *kind)
{
	static const struct {
		struct slice word;
		json_kind kind;
	} words[] = {
		{ { (const uint8_t *)"true", 4 }, JSON_TRUE },
		{ { (const uint8_t *)"false", 5 }, JSON_FALSE },
		{ { (const uint8_t *)"null", 4 }, JSON_NULL },
	};
	struct slice rest = { json->text.data + json->at, json->text.len - json->at };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct slice word = words[i].word;
		if (rest.len < word.len || memcmp(rest.data, word.data, word.len) != 0)
			continue;
		json->at += word.len;
		*kind = words[i].kind;
		return COFFER_OK;
	}
	return fail(json, "there is no value where one must be");
}

static coffer_err read_value(struct json *json, json_kind *kind)
{
	uint8_t c = peek(json);

	json->expects = JSON_EXPECTS_COMMA;
	if (c == '{' || c == '[') {
		*kind = c == '{' ? JSON_OBJECT : JSON_ARRAY;
		return enter(json, c == '{');
	}
	if (c == '"') {
		*kind = JSON_STRING;
		return read_string(json);
	}
	if (c == '-' || (c >= '0' && c <= '9')) {
		*kind = JSON_NUMBER;
		return read_number(json);
	}
	return read_word(json, kind);
}

/* The key is what stands before *end; the colon is read with it. */
static coffer_err read_key(struct json *json, size_t *end)
{
	coffer_err err;

	if (peek(json) != '"')
		return fail(json, "there is no key in quotes where one must be");
	if ((err = read_string(json)) != COFFER_OK)
		return err;
	*end = json->at;
	skip_space(json);
	if (peek(json) != ':')
		return fail(json, "there is no ':' behind a key");
	json->at++;
	json->expects = JSON_EXPECTS_VALUE;
	return COFFER_OK;
}

static coffer_err leave(struct json *json, json_kind *kind)
{
	*kind = in_object(json) ? JSON_OBJECT_END : JSON_ARRAY_END;
	json->at++;
	json->depth--;
	json->expects = JSON_EXPECTS_COMMA;
	return COFFER_OK;
}

/* Whether the bracket here closes what it stands in, and may. */
static bool closes(const struct json *json)
{
	if (in_object(json))
		return peek(json) == '}' && (json->expects == JSON_EXPECTS_COMMA ||
					     json->expects == JSON_EXPECTS_FIRST_KEY);
	return peek(json) == ']' && json->depth > 0 &&
	       (json->expects == JSON_EXPECTS_COMMA || json->expects == JSON_EXPECTS_FIRST_VALUE);
}

/* Between two members; afterwards the second is expected. */
static coffer_err read_comma(struct json *json)
{
	if (json->depth == 0)
		return fail(json, "there is something behind the value");
	if (peek(json) != ',')
		return fail(json, in_object(json) ? "there is no ',' or '}' where one must be"
						  : "there is no ',' or ']' where one must be");
	json->at++;
	skip_space(json);
	json->expects = in_object(json) ? JSON_EXPECTS_KEY : JSON_EXPECTS_VALUE;
	return COFFER_OK;
}

coffer_err json_next(struct json *json, struct json_token *token)
{
	coffer_err err = COFFER_OK;
	size_t start, end = 0;

	*token = (struct json_token){ .kind = JSON_END };
	skip_space(json);
	if (json->at == json->text.len)
		return json->expects == JSON_EXPECTS_COMMA && json->depth == 0
			   ? COFFER_OK
			   : fail(json, ends_early);
	if (json->expects == JSON_EXPECTS_COMMA && !closes(json))
		err = read_comma(json);
	start = json->at;
	if (err != COFFER_OK)
		return err;
	if (closes(json)) {
		err = leave(json, &token->kind);
	} else if (json->expects == JSON_EXPECTS_KEY || json->expects == JSON_EXPECTS_FIRST_KEY) {
		token->kind = JSON_KEY;
		err = read_key(json, &end);
	} else {
		err = read_value(json, &token->kind);
	}
	if (err == COFFER_OK)
		token->text =
		    (struct slice){ json->text.data + start, (end > 0 ? end : json->at) - start };
	return err;
}

coffer_err json_next_whole(struct json *json, struct json_token *token)
{
	unsigned depth = json->depth;
	struct json_token inner;
	coffer_err err = json_next(json, token);

	if (err != COFFER_OK || (token->kind != JSON_OBJECT && token->kind != JSON_ARRAY))
		return err;
	while (err == COFFER_OK && json->depth > depth)
		err = json_next(json, &inner);
	token->text.len = (size_t)(json->text.data + json->at - token->text.data);
	return err;
}

/* UTF-8 of a character at out; returns its length. */
static size_t put_character(uint32_t c, uint8_t *out)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)(leads[len] | c);
	return len;
}

size_t json_decode(struct slice string, uint8_t *out)
{
	const uint8_t *p = string.data + 1, *end = string.data + string.len - 1;
	size_t len = 0, used;

	while (p < end) {
		if (*p != '\\') {
			out[len++] = *p++;
			continue;
		}
		len += put_character((uint32_t)read_escape(p, (size_t)(end - p), &used), out + len);
		p += used;
	}
	return len;
}

void json_place(struct slice text, size_t at, size_t *line, size_t *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at && i < text.len; i++) {
		if (text.data[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((text.data[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}
