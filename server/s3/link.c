#include "s3/link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "codec.h"
#include "frame.h"

/* Of a request's frame, what is not its body. */
#define ENVELOPE_MAX 64

#define IN_FIRST      (64u * 1024)
#define RETRY_FIRST_S 0.01
#define RETRY_MAX_S   1.0

bool link_is_up(const struct link *link)
{
	return link->fd >= 0;
}

static bool grow(struct buf *buf, size_t cap)
{
	uint8_t *data;

	if (cap <= buf->cap)
		return true;
	if ((data = realloc(buf->data, cap)) == NULL)
		return false;
	buf->data = data;
	buf->cap = cap;
	return true;
}

static void retry_later(struct link *link)
{
	double pause = RETRY_FIRST_S;

	for (unsigned i = 0; i < link->failures && pause < RETRY_MAX_S; i++)
		pause *= 2;
	link->failures++;
	ev_timer_stop(link->loop, &link->retry);
	ev_timer_set(&link->retry, pause < RETRY_MAX_S ? pause : RETRY_MAX_S, 0);
	ev_timer_start(link->loop, &link->retry);
}

static void disconnect(struct link *link)
{
	ev_io_stop(link->loop, &link->readable);
	ev_io_stop(link->loop, &link->writable);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->in.len = link->out.len = 0;
	for (size_t i = 0; i < LINK_CALLS_MAX; i++)
		link->calls[i].id = 0;
}

/* why: NULL for the end of the stream. */
static void lose(struct link *link, const char *why)
{
	if (why != NULL)
		log_warn("coffer-s3: the daemon's connection was lost: %s", why);
	else
		log_debug("coffer-s3: the daemon has closed the connection");
	disconnect(link);
	retry_later(link);
	link->options.on_down(link->options.user);
}

static void take_reply(struct link *link, const coffer_v1_Response *response)
{
	for (size_t i = 0; i < LINK_CALLS_MAX; i++) {
		struct link_call call = link->calls[i];
		if (call.id != response->id)
			continue;
		link->failures = 0;
		link->calls[i].id = 0;
		if (response->code == coffer_v1_Code_OK)
			call.on_reply(call.user, COFFER_OK, response->body);
		else
			call.on_reply(call.user,
				      (int)response->code <= COFFER_DATA_LOSS
					  ? (coffer_err)response->code
					  : COFFER_INTERNAL,
				      response->message);
		return;
	}
}

/* Takes the replies that are whole. False if there is no following the stream any further. */
static bool take_replies(struct link *link)
{
	size_t done = 0, header, len;

	while (link_is_up(link)) {
		struct slice rest = { link->in.data + done, link->in.len - done };
		coffer_v1_Response response;
		coffer_err err = frame_parse(rest, FRAME_BODY_MAX, &header, &len);

		if (err == COFFER_INVALID_ARGUMENT)
			return false;
		if (err != COFFER_OK || rest.len < header + len)
			break;
		if (codec_decode((struct slice){ rest.data + header, len },
				 coffer_v1_Response_fields, &response,
				 sizeof(response)) != COFFER_OK ||
		    response.id == 0)
			return false;
		done += header + len;
		take_reply(link, &response);
	}
	if (!link_is_up(link))
		return true;
	memmove(link->in.data, link->in.data + done, link->in.len - done);
	link->in.len -= done;
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct link *link = io->data;
	ssize_t n;

	(void)loop;
	(void)events;
	if (link->in.len == link->in.cap && !grow(&link->in, link->in.cap * 2)) {
		lose(link, "out of memory");
		return;
	}
	n = recv(link->fd, link->in.data + link->in.len, link->in.cap - link->in.len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lose(link, n < 0 ? strerror(errno) : NULL);
		return;
	}
	link->in.len += (size_t)n;
	if (!take_replies(link))
		lose(link, "it sent what is no reply");
}

static void send_some(struct link *link)
{
	ssize_t n = send(link->fd, link->out.data, link->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* Why it failed, the other direction tells, behind the daemon's last words. */
	if (n > 0) {
		memmove(link->out.data, link->out.data + n, link->out.len - (size_t)n);
		link->out.len -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		link->out.len = 0;
	}
	if (link->out.len > 0)
		ev_io_start(link->loop, &link->writable);
	else
		ev_io_stop(link->loop, &link->writable);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	send_some(io->data);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct link *link = timer->data;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)events;
	memcpy(address.sun_path, link->options.path, strlen(link->options.path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		log_debug("coffer-s3: cannot connect to %s: %m", link->options.path);
		if (fd >= 0)
			close(fd);
		retry_later(link);
		return;
	}
	link->fd = fd;
	ev_io_set(&link->readable, fd, EV_READ);
	ev_io_set(&link->writable, fd, EV_WRITE);
	ev_io_start(loop, &link->readable);
	link->options.on_up(link->options.user);
}

coffer_err link_open(struct link *out, struct ev_loop *loop, const struct link_options *options)
{
	*out = (struct link){ .loop = loop, .options = *options, .fd = -1 };
	ev_init(&out->readable, on_readable);
	ev_init(&out->writable, on_writable);
	ev_init(&out->retry, on_retry);
	out->readable.data = out->writable.data = out->retry.data = out;
	if (strlen(options->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		log_error("the path of the daemon's socket is too long: %s", options->path);
		return COFFER_INVALID_ARGUMENT;
	}
	if (!grow(&out->in, IN_FIRST) || !grow(&out->body, options->frame_max - ENVELOPE_MAX)) {
		log_error("out of memory");
		return COFFER_RESOURCE_EXHAUSTED;
	}
	ev_timer_start(loop, &out->retry);
	return COFFER_OK;
}

void link_close(struct link *link)
{
	if (link->loop == NULL)
		return;
	disconnect(link);
	ev_timer_stop(link->loop, &link->retry);
	free(link->in.data);
	free(link->out.data);
	free(link->body.data);
	*link = (struct link){ .fd = -1 };
}

struct buf *link_body(struct link *link)
{
	link->body.len = 0;
	return &link->body;
}

static struct link_call *free_call(struct link *link)
{
	for (size_t i = 0; i < LINK_CALLS_MAX; i++)
		if (link->calls[i].id == 0)
			return &link->calls[i];
	return NULL;
}

bool link_ask(struct link *link, const char *method, link_on_reply on_reply, void *user)
{
	struct slice body = { link->body.data, link->body.len };
	struct link_call *call = free_call(link);

	if (!link_is_up(link) || call == NULL)
		return false;
	if (++link->last_id == 0)
		link->last_id = 1;
	if (!grow(&link->out, link->out.len + body.len + ENVELOPE_MAX + FRAME_HEADER_MAX) ||
	    codec_append_request(&link->out, link->last_id, slice_str(method), body) != COFFER_OK)
		return false;
	*call = (struct link_call){ .id = link->last_id, .on_reply = on_reply, .user = user };
	send_some(link);
	return true;
}
