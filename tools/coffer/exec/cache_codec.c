#include "cache_codec.h"

#include <coffer/limits.h>
#include <coffer/registry.h>
#include <string.h>

static void put_number(struct bytes *out, uint64_t number)
{
	char raw[8];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (char)(number >> 8 * i & 0xFF);
	bytes_append(out, raw, sizeof(raw));
}

static void put_text(struct bytes *out, const void *data, size_t len)
{
	put_number(out, len);
	bytes_append(out, data, len);
}

void cache_codec_encode(struct bytes *out, const struct cache_about *about,
			const struct values *values)
{
	const struct value *value;

	put_number(out, (uint64_t)about->fetched_at_ms);
	put_number(out, (uint64_t)about->expires_at_ms);
	put_number(out, about->all);
	for (value = values->first; value; value = value->hh.next) {
		if (value->why)
			continue;
		put_text(out, value->name, strlen(value->name));
		put_text(out, value->secret.scope, strlen(value->secret.scope));
		put_number(out, value->secret.version);
		put_text(out, value->secret.data, value->secret.len);
	}
}

/* What is left of a content. */
struct content {
	const char *at;
	const char *end;
	bool bad;
};

static const char *get(struct content *in, size_t len)
{
	const char *start = in->at;

	if (in->bad || (size_t)(in->end - in->at) < len) {
		in->bad = true;
		return NULL;
	}
	in->at += len;
	return start;
}

static uint64_t get_number(struct content *in)
{
	const char *raw = get(in, 8);
	uint64_t number = 0;

	for (size_t i = 8; raw && i > 0; i--)
		number = number << 8 | (uint8_t)raw[i - 1];
	return number;
}

static const char *get_text(struct content *in, size_t *len)
{
	*len = (size_t)get_number(in);
	return get(in, *len);
}

/* A short text into a field of size bytes, with a NUL behind it. */
static void get_string(struct content *in, char *out, size_t size)
{
	size_t len;
	const char *text = get_text(in, &len);

	out[0] = '\0';
	if (!text || len >= size) {
		in->bad = true;
		return;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

static bool decode_value(struct content *in, struct values *values)
{
	char name[COFFER_NAME_MAX + 1];
	struct coffer_value secret;
	struct coffer_value about = { 0 };

	get_string(in, name, sizeof(name));
	get_string(in, about.scope, sizeof(about.scope));
	about.version = (uint32_t)get_number(in);
	const char *data = get_text(in, &about.len);
	if (in->bad || coffer_value_copy(&secret, (const uint8_t *)data, about.len) != COFFER_OK)
		return false;
	secret.version = about.version;
	memcpy(secret.scope, about.scope, sizeof(secret.scope));
	return values_move(values, name, &secret);
}

bool cache_codec_decode(const struct bytes *content, struct cache_about *about,
			struct values *values)
{
	struct content in = { content->data, content->data + content->len, false };

	about->fetched_at_ms = (int64_t)get_number(&in);
	about->expires_at_ms = (int64_t)get_number(&in);
	about->all = get_number(&in) != 0;
	while (!in.bad && in.at < in.end)
		if (!decode_value(&in, values))
			return false;
	return !in.bad;
}
