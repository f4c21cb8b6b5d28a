/* uids.h - what each uid holds and does, so that one cannot starve the others. Layer: net.
 *
 * A row exists while its uid has a connection, or was refused in the last second. */
#ifndef NET_UIDS_H
#define NET_UIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

/* Refusals for want of authority in a second before the replies are delayed. */
#define UIDS_REFUSALS 20

struct uid_row {
	uint32_t uid;
	unsigned connections;
	size_t bytes;      /* of the arena, lent to its connections */
	unsigned refusals; /* in the second that began at since_ms */
	int64_t since_ms;
	UT_hash_handle hh;
};

struct uids {
	struct uid_row *rows;
};

/* How many connections the uid has. */
unsigned uids_connections(const struct uids *uids, uint32_t uid);

/* The uid's row with one connection more, or NULL without memory. */
struct uid_row *uids_enter(struct uids *uids, uint32_t uid);
void uids_leave(struct uids *uids, struct uid_row *row, int64_t now_ms);

/* Counts a refusal. True if the uid has had more of them in this second than it may. */
bool uids_refused(struct uid_row *row, int64_t now_ms);

/* Forgets rows without a connection whose second is over. */
void uids_sweep(struct uids *uids, int64_t now_ms);
void uids_destroy(struct uids *uids);

#endif
