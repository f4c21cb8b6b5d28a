#include "throughput.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sample.h"
#include "talk.h"

#define EVENTS 64

struct conn {
	int fd;
	size_t have; /* bytes of the reply under way */
};

/* All connections of one target, and one slice's progress. */
struct fleet {
	struct target *target;
	struct conn *conns;
	size_t len;
	int epoll;
	size_t sent;
	size_t answered;
};

static bool send_next(struct fleet *fleet, struct conn *conn)
{
	size_t len = fleet->target->request_len;

	conn->have = 0;
	fleet->sent++;
	return send(conn->fd, target_next(fleet->target), len, MSG_NOSIGNAL) == (ssize_t)len ||
	       target_fail(fleet->target, "send", strerror(errno));
}

/* Receives what is there; behind a whole reply sends the next request, if count is not reached. */
static bool receive(struct fleet *fleet, struct conn *conn, size_t count)
{
	struct target *target = fleet->target;
	ssize_t n =
	    recv(conn->fd, target->got + conn->have, target->reply_len - conn->have, MSG_DONTWAIT);

	if (n <= 0)
		return target_fail(target, "recv", n < 0 ? strerror(errno) : "hung up");
	conn->have += (size_t)n;
	if (conn->have < target->reply_len)
		return true;
	fleet->answered++;
	if (!talk_check(target))
		return false;
	return fleet->sent == count || send_next(fleet, conn);
}

static bool slice_run(struct fleet *fleet, size_t count, struct sample *sample)
{
	struct epoll_event events[EVENTS];
	uint64_t start = sample_now_ns();

	fleet->sent = fleet->answered = 0;
	for (size_t i = 0; i < fleet->len && fleet->sent < count; i++)
		if (!send_next(fleet, &fleet->conns[i]))
			return false;
	assert(count > 0);
	while (fleet->answered < count) {
		int n = epoll_wait(fleet->epoll, events, EVENTS, -1);

		if (n < 0)
			return target_fail(fleet->target, "epoll_wait", strerror(errno));
		for (int i = 0; i < n; i++)
			if (!receive(fleet, &fleet->conns[events[i].data.u64], count))
				return false;
	}
	sample_add(sample, (sample_now_ns() - start) / count);
	return true;
}

/* The connection that talk_learn opened is closed first, so that there are exactly len. */
static bool fleet_open(struct fleet *fleet, struct target *target, size_t len)
{
	*fleet = (struct fleet){ .target = target, .epoll = -1 };
	if (!talk_learn(target))
		return false;
	talk_close(target);
	fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
	fleet->conns = calloc(len, sizeof(*fleet->conns));
	if (fleet->epoll < 0 || fleet->conns == NULL)
		return target_fail(target, "connections", strerror(errno));
	for (size_t i = 0; i < len; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };

		if (!talk_connect(target) || !talk_greet(target))
			return false;
		fleet->conns[i].fd = target->fd;
		fleet->len++;
		target->fd = -1;
		if (epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, fleet->conns[i].fd, &event) != 0)
			return target_fail(target, "epoll_ctl", strerror(errno));
	}
	return true;
}

static void fleet_close(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->len; i++)
		(void)close(fleet->conns[i].fd);
	free(fleet->conns);
	if (fleet->epoll >= 0)
		(void)close(fleet->epoll);
}

static bool round_run(const struct latency_plan *plan, struct fleet *fleets, struct sample *samples,
		      size_t len)
{
	for (size_t s = 0; s < plan->slices; s++)
		for (size_t i = 0; i < len; i++)
			if (!slice_run(&fleets[i], plan->count, &samples[i]))
				return false;
	return true;
}

bool throughput_measure(const struct latency_plan *plan, size_t connections, struct target *targets,
			size_t targets_len)
{
	struct fleet *fleets = calloc(targets_len, sizeof(*fleets));
	struct sample *samples = calloc(targets_len, sizeof(*samples));
	size_t made = 0;
	bool ok = fleets != NULL && samples != NULL;

	for (; made < targets_len && ok; made++)
		ok = sample_make(&samples[made], plan->slices) &&
		     fleet_open(&fleets[made], &targets[made], connections);
	for (size_t round = 0; round < plan->rounds && ok; round++) {
		ok = round_run(plan, fleets, samples, targets_len);
		for (size_t i = 0; i < targets_len && ok; i++)
			sample_print(&samples[i], round, targets[i].label);
	}
	for (size_t i = 0; i < made; i++) {
		sample_free(&samples[i]);
		fleet_close(&fleets[i]);
		talk_close(&targets[i]);
	}
	free(samples);
	free(fleets);
	return ok;
}
