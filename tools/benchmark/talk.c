#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec.h"
#include "frame.h"
#include "frames.h"

/* --- the size of a reply ------------------------------------------------------------------------ */

static size_t frame_len(struct slice in)
{
	size_t header, body;

	if (frame_parse(in, FRAME_BODY_MAX, &header, &body) != COFFER_OK)
		return 0;
	return header + body;
}

static size_t memcached_len(struct slice in)
{
	static const char end[] = "END\r\n";
	const uint8_t *at = memmem(in.data, in.len, end, sizeof(end) - 1);

	return at != NULL ? (size_t)(at - in.data) + sizeof(end) - 1 : 0;
}

static size_t redis_len(struct slice in)
{
	const uint8_t *newline = memchr(in.data, '\n', in.len);
	long value;

	if (newline == NULL)
		return 0;
	value = in.data[0] == '$' ? strtol((const char *)in.data + 1, NULL, 10) : -1;
	return (size_t)(newline - in.data) + 1 + (value < 0 ? 0 : (size_t)value + 2);
}

static size_t ssh_agent_len(struct slice in)
{
	const uint8_t *d = in.data;

	return in.len < 4
		   ? 0
		   : 4 + ((size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3]);
}

/* The size of the reply that in begins with, 0 if that cannot be told yet. in is followed by a NUL. */
static size_t reply_size(target_kind kind, struct slice in)
{
	size_t len;

	switch (kind) {
	case TARGET_MEMCACHED:
		len = memcached_len(in);
		break;
	case TARGET_REDIS:
		len = redis_len(in);
		break;
	case TARGET_SSH_AGENT:
		len = ssh_agent_len(in);
		break;
	default:
		len = frame_len(in);
	}
	return len <= in.len ? len : 0;
}

/* --- bytes -------------------------------------------------------------------------------------- */

static bool send_all(struct target *target, const uint8_t *data, size_t len)
{
	ssize_t n = send(target->fd, data, len, MSG_NOSIGNAL);

	if (n == (ssize_t)len)
		return true;
	return target_fail(target, "send", n < 0 ? strerror(errno) : "the socket is full");
}

/* Waits in poll and not in recv: a reader that sleeps in recv is woken by the server's read of the request
 * as well, and on a shared CPU then interrupts the server at its work, the more often the longer that is. */
static bool receive(struct target *target, size_t at, size_t *len)
{
	struct pollfd poller = { .fd = target->fd, .events = POLLIN };
	ssize_t n = poll(&poller, 1, -1);

	if (n > 0)
		n = recv(target->fd, target->got + at, TARGET_REPLY_MAX - 1 - at, MSG_DONTWAIT);
	if (n <= 0)
		return target_fail(target, "recv", n < 0 ? strerror(errno) : "hung up");
	*len = at + (size_t)n;
	return true;
}

static bool receive_all(struct target *target, size_t len)
{
	size_t have = 0;

	while (have < len)
		if (!receive(target, have, &have))
			return false;
	return have == len || target_fail(target, "reply", "is longer than the first one");
}

/* Receives one reply of unknown size. */
static bool receive_reply(struct target *target, size_t *len)
{
	size_t have = 0;

	do {
		if (!receive(target, have, &have))
			return false;
		target->got[have] = '\0';
		*len = reply_size(target->kind, (struct slice){ target->got, have });
	} while (*len == 0);
	return true;
}

/* --- round trips -------------------------------------------------------------------------------- */

static bool open_session(struct target *target)
{
	struct coffer_options options = { .socket = target->address.sun_path,
					  .token = target->token };

	if (coffer_open(&target->session, &options) == COFFER_OK)
		return true;
	return target_fail(target, "coffer_open", coffer_message(target->session));
}

bool talk_try(struct target *target)
{
	target->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (target->fd >= 0 && connect(target->fd, (const struct sockaddr *)&target->address,
				       sizeof(target->address)) == 0)
		return true;
	return false;
}

bool talk_connect(struct target *target)
{
	if (target->kind == TARGET_LIBCOFFER)
		return open_session(target);
	return talk_try(target) || target_fail(target, "connect", strerror(errno));
}

void talk_close(struct target *target)
{
	coffer_close(target->session);
	target->session = NULL;
	if (target->fd >= 0)
		(void)close(target->fd);
	target->fd = -1;
}

bool talk_greet(struct target *target)
{
	if (target->hello_len == 0 || target->kind == TARGET_LIBCOFFER)
		return true;
	return send_all(target, target->hello, target->hello_len) &&
	       receive_all(target, target->hello_reply_len);
}

static bool ask_library(struct target *target)
{
	char name[FRAMES_NAME_SIZE];
	struct coffer_value value;

	frames_name(0, name);
	if (coffer_get(target->session, name, &value) != COFFER_OK)
		return target_fail(target, "coffer_get", coffer_message(target->session));
	coffer_value_free(&value);
	return true;
}

bool talk_ask(struct target *target)
{
	if (target->kind == TARGET_LIBCOFFER)
		return ask_library(target);
	return send_all(target, target_next(target), target->request_len) &&
	       receive_all(target, target->reply_len);
}

static bool ask_with_hello(struct target *target)
{
	uint8_t both[4096];
	size_t hello_len = target->hello_len, request_len = target->request_len;

	if (hello_len + request_len > sizeof(both))
		return target_fail(target, "hello and request", "do not fit");
	memcpy(both, target->hello, hello_len);
	memcpy(both + hello_len, target_next(target), request_len);
	if (!send_all(target, both, hello_len + request_len) ||
	    !receive_all(target, target->hello_reply_len + target->reply_len))
		return false;
	memmove(target->got, target->got + target->hello_reply_len, target->reply_len);
	return true;
}

bool talk_visit(struct target *target)
{
	bool ok = talk_connect(target);

	if (ok && target->hello_len > 0 && target->kind != TARGET_LIBCOFFER)
		ok = ask_with_hello(target);
	else if (ok)
		ok = talk_ask(target);
	talk_close(target);
	return ok;
}

bool talk_check(const struct target *target)
{
	if (target->kind == TARGET_LIBCOFFER ||
	    memcmp(target->want, target->got, target->reply_len) == 0)
		return true;
	return target_fail(target, "reply", "is not what it was at first");
}

/* --- learning ----------------------------------------------------------------------------------- */

/* Whether the newest reply, of len bytes, is a frame whose code is OK. */
static bool check_code(const struct target *target, size_t len)
{
	coffer_v1_Response reply;
	size_t header = 0, body = 0;
	coffer_err err = frame_parse((struct slice){ target->got, len }, len, &header, &body);

	if (err == COFFER_OK)
		err = codec_decode((struct slice){ target->got + header, body },
				   coffer_v1_Response_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = (coffer_err)reply.code;
	return err == COFFER_OK || target_fail(target, "reply", coffer_err_name(err));
}

static bool learn_hello(struct target *target)
{
	if (target->hello_len == 0)
		return true;
	return send_all(target, target->hello, target->hello_len) &&
	       receive_reply(target, &target->hello_reply_len) &&
	       check_code(target, target->hello_reply_len);
}

/* Against a daemon and a ping-pong of different sizes every ratio would be wrong. */
static bool check_size(const struct target *target)
{
	uint8_t room[512];
	struct buf reply = { room, 0, sizeof(room) };

	if (target->kind == TARGET_LIBCOFFER)
		return true;
	if (target->kind != TARGET_COFFER && target->kind != TARGET_PING_PONG)
		return target->reply_len >= FRAMES_VALUE_LEN || target->kind == TARGET_SSH_AGENT ||
		       target_fail(target, "reply", "holds no value");
	return frames_get_reply(&reply) &&
	       (reply.len == target->reply_len || target_fail(target, "reply", "has another size"));
}

bool talk_first(struct target *target)
{
	if (target->kind == TARGET_LIBCOFFER)
		return ask_library(target);
	if (!learn_hello(target) || !send_all(target, target_next(target), target->request_len) ||
	    !receive_reply(target, &target->reply_len))
		return false;
	memcpy(target->want, target->got, target->reply_len);
	if (target->kind == TARGET_COFFER || target->kind == TARGET_COFFER_BATCH)
		return check_code(target, target->reply_len);
	return true;
}

bool talk_learn(struct target *target)
{
	return talk_connect(target) && talk_first(target) && check_size(target);
}
