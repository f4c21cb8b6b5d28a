#include "core/bonds.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "core/core.h"
#include "core/grants.h"

#define EVENTS_AT_ONCE 32

coffer_err bonds_open(struct bonds *bonds)
{
	struct rlimit files;

	*bonds = (struct bonds){ .max = BONDS_MAX };
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 4 < BONDS_MAX)
		bonds->max = (unsigned)(files.rlim_cur / 4);
	bonds->set = epoll_create1(EPOLL_CLOEXEC);
	bonds->open = bonds->set >= 0;
	return bonds->open ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

/* A pidfd leaves the set when it is closed: nobody else has it. */
static void let_go(struct bond *bond)
{
	if (bond->pidfd >= 0)
		close(bond->pidfd);
	bond->pidfd = -1;
}

static void drop(struct bonds *bonds, struct bond *bond)
{
	DL_DELETE(bonds->all, bond);
	bonds->len--;
	let_go(bond);
	free(bond);
}

void bonds_close(struct bonds *bonds)
{
	while (bonds->all != NULL)
		drop(bonds, bonds->all);
	if (bonds->open)
		close(bonds->set);
	bonds->open = false;
}

static struct bond *find(const struct bonds *bonds, struct slice id)
{
	struct bond *bond = bonds->all;

	while (bond != NULL && !slice_equal(slice_str(bond->id), id))
		bond = bond->next;
	return bond;
}

/* Takes pidfd over, also on failure. */
static coffer_err add(struct bonds *bonds, const char *id, int32_t pid, int pidfd)
{
	struct bond *bond = calloc(1, sizeof(*bond));
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = bond } };

	if (bond == NULL ||
	    (pidfd >= 0 && epoll_ctl(bonds->set, EPOLL_CTL_ADD, pidfd, &event) != 0)) {
		if (pidfd >= 0)
			close(pidfd);
		free(bond);
		return COFFER_RESOURCE_EXHAUSTED;
	}
	memcpy(bond->id, id, sizeof(bond->id));
	bond->pid = pid;
	bond->pidfd = pidfd;
	DL_APPEND(bonds->all, bond);
	bonds->len++;
	return COFFER_OK;
}

coffer_err bonds_tie(struct core *core, const char id[COFFER_ID_LEN + 1], int32_t pid,
		     uint8_t mark[PIDFD_MARK_LEN])
{
	struct pidfd_mark held;
	coffer_err err;
	int pidfd;

	assert(core->binding[0] == '\0');
	if (core->bonds.len >= core->bonds.max)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = pidfd_hold(pid, &held, &pidfd)) != COFFER_OK ||
	    (err = add(&core->bonds, id, pid, pidfd)) != COFFER_OK)
		return err;
	pidfd_mark_write(&held, mark);
	memcpy(core->binding, id, sizeof(core->binding));
	return COFFER_OK;
}

coffer_err bonds_tie_again(struct core *core, const char id[COFFER_ID_LEN + 1], struct slice mark)
{
	struct pidfd_mark held;
	int pidfd = -1;

	if (!pidfd_mark_read(mark, &held) || core->bonds.len >= core->bonds.max ||
	    pidfd_hold_marked(&held, &pidfd) != COFFER_OK)
		pidfd = -1;
	return add(&core->bonds, id, held.pid, pidfd);
}

bool bonds_hold(const struct core *core, struct slice id)
{
	const struct bond *bond = find(&core->bonds, id);

	return bond != NULL && bond->pidfd >= 0;
}

void bonds_untie(struct core *core, struct slice id)
{
	struct bond *bond = find(&core->bonds, id);

	if (bond != NULL)
		drop(&core->bonds, bond);
}

void bonds_follow(struct core *core)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n;

	while ((n = epoll_wait(core->bonds.set, events, EVENTS_AT_ONCE, 0)) > 0) {
		for (int i = 0; i < n; i++) {
			struct bond *bond = events[i].data.ptr;
			log_info("process %d has exited, to which run %s was bound", (int)bond->pid,
				 bond->id);
			let_go(bond);
			grants_mark_ended(core, slice_str(bond->id), GRANT_REVOKED);
		}
		core->events++;
	}
}

const struct bond *bonds_broken(const struct core *core)
{
	const struct bond *bond = core->bonds.all;

	while (bond != NULL && bond->pidfd >= 0)
		bond = bond->next;
	return bond;
}
