#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "frames.h"

/* Requests made ahead where many names are asked for in turn: so many, and so scattered, that no cache
 * but the store's own answers them. */
#define TURNS       65536
#define REQUEST_MAX 4096
#define HELLO_MAX   256

static const struct {
	const char *name;
	target_kind kind;
	bool home; /* the path is a daemon's home */
	size_t number;
} kinds[] = {
	{ "ping-pong", TARGET_PING_PONG, false, 1 },
	{ "memcached", TARGET_MEMCACHED, false, 1 },
	{ "redis", TARGET_REDIS, false, 1 },
	{ "ssh-agent", TARGET_SSH_AGENT, false, 1 },
	{ "coffer", TARGET_COFFER, true, 1 },
	{ "coffer-batch", TARGET_COFFER_BATCH, true, 16 },
	{ "libcoffer", TARGET_LIBCOFFER, true, 1 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

bool target_fail(const struct target *target, const char *what, const char *why)
{
	(void)fprintf(stderr, "coffer-bench: %s: %s: %s\n", target->label, what, why);
	return false;
}

static bool put_text(struct buf *out, const char *format, const char *name)
{
	int len = snprintf((char *)out->data, out->cap, format, name);

	out->len = len > 0 ? (size_t)len : 0;
	return out->len > 0 && out->len < out->cap;
}

static bool put_request(struct buf *out, target_kind kind, size_t first, size_t number)
{
	static const uint8_t list_keys[] = { 0, 0, 0, 1, 11 }; /* SSH_AGENTC_REQUEST_IDENTITIES */
	char name[FRAMES_NAME_SIZE];

	frames_name(first, name);
	switch (kind) {
	case TARGET_MEMCACHED:
		return put_text(out, "get %s\r\n", name);
	case TARGET_REDIS:
		return put_text(out, "*2\r\n$3\r\nGET\r\n$14\r\n%s\r\n", name);
	case TARGET_SSH_AGENT:
		memcpy(out->data, list_keys, sizeof(list_keys));
		out->len = sizeof(list_keys);
		return true;
	case TARGET_COFFER_BATCH:
		return frames_get_many(out, first, number);
	case TARGET_PING_PONG:
	case TARGET_COFFER:
	case TARGET_LIBCOFFER:
		break;
	}
	return frames_get(out, first);
}

/* The i-th of number names in an order that is scattered, and the same in every run. */
static size_t scatter(size_t i, size_t number)
{
	return (size_t)((uint64_t)i * 2654435761u % number);
}

static bool make_requests(struct target *target, size_t number)
{
	uint8_t room[REQUEST_MAX];
	bool turns = target->kind == TARGET_COFFER && number > 1;

	target->request_count = turns ? TURNS : 1;
	for (size_t i = 0; i < target->request_count; i++) {
		struct buf request = { room, 0, sizeof(room) };

		if (!put_request(&request, target->kind, turns ? scatter(i, number) : 0, number))
			return target_fail(target, "request", "does not fit");
		if (i == 0) {
			target->request_len = request.len;
			target->requests = malloc(request.len * target->request_count);
		}
		if (target->requests == NULL)
			return target_fail(target, "requests", "no memory");
		memcpy(target->requests + i * target->request_len, room, target->request_len);
	}
	return true;
}

/* "coffer-bench fill" leaves the token, and nothing else, in the file "token" of the home. */
static bool read_token(struct target *target, const char *home)
{
	char path[sizeof(target->address.sun_path) + 8];
	FILE *file;
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/token", home);
	file = fopen(path, "re");
	if (file != NULL) {
		len = fread(target->token, 1, COFFER_TOKEN_LEN, file);
		(void)fclose(file);
	}
	return len == COFFER_TOKEN_LEN || target_fail(target, path, "holds no token");
}

static bool make_hello(struct target *target)
{
	struct buf hello = { malloc(HELLO_MAX), 0, HELLO_MAX };

	target->hello = hello.data;
	if (hello.data == NULL)
		return target_fail(target, "hello", "no memory");
	if (!frames_hello(&hello, slice_str(target->token)))
		return false;
	target->hello_len = hello.len;
	return true;
}

static bool set_address(struct target *target, const char *path, const char *suffix)
{
	size_t room = sizeof(target->address.sun_path);
	int len = snprintf(target->address.sun_path, room, "%s%s", path, suffix);

	target->address.sun_family = AF_UNIX;
	return (len > 0 && (size_t)len < room) ||
	       target_fail(target, path, "is too long for a socket");
}

/* Takes text, which it cuts up, as KIND:PATH[:NUMBER]. */
static bool make_parts(struct target *target, char *text)
{
	char *path = strchr(text, ':'), *number;
	size_t k = 0;

	if (path == NULL)
		return target_fail(target, text, "is not KIND:PATH");
	*path++ = '\0';
	number = strchr(path, ':');
	if (number != NULL)
		*number++ = '\0';
	while (k < KINDS && strcmp(kinds[k].name, text) != 0)
		k++;
	if (k == KINDS)
		return target_fail(target, text, "is no kind of server");
	target->kind = kinds[k].kind;
	if (!set_address(target, path, kinds[k].home ? "/run/coffer.sock" : ""))
		return false;
	if (kinds[k].home && (!read_token(target, path) || !make_hello(target)))
		return false;
	return make_requests(target, number ? strtoul(number, NULL, 10) : kinds[k].number);
}

bool target_make(struct target *out, const char *text)
{
	size_t label_len = strcspn(text, "=");
	char *parts;
	bool ok;

	*out = (struct target){ .fd = -1 };
	if (text[label_len] != '=' || label_len > TARGET_LABEL_MAX)
		return target_fail(out, text, "is not LABEL=KIND:PATH");
	memcpy(out->label, text, label_len);
	parts = strdup(text + label_len + 1);
	out->want = calloc(1, TARGET_REPLY_MAX);
	out->got = calloc(1, TARGET_REPLY_MAX);
	if (parts != NULL && out->want != NULL && out->got != NULL)
		ok = make_parts(out, parts);
	else
		ok = target_fail(out, "target", "no memory");
	free(parts);
	return ok;
}

void target_free(struct target *target)
{
	free(target->hello);
	free(target->requests);
	free(target->want);
	free(target->got);
	*target = (struct target){ .fd = -1 };
}

bool target_make_all(struct target **out, char *const *texts, size_t count)
{
	struct target *all = calloc(count, sizeof(*all));
	bool ok = all != NULL;

	for (size_t i = 0; i < count && ok; i++)
		ok = target_make(&all[i], texts[i]);
	if (!ok) {
		target_free_all(all, all != NULL ? count : 0);
		all = NULL;
	}
	*out = all;
	return ok;
}

void target_free_all(struct target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		target_free(&targets[i]);
	free(targets);
}

const uint8_t *target_next(struct target *target)
{
	const uint8_t *request = target->requests + target->next * target->request_len;

	target->next = target->next + 1 < target->request_count ? target->next + 1 : 0;
	return request;
}
