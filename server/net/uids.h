/* uids.h - what each uid holds and does, so that one cannot starve the others. Layer: net.
 *
 * A row exists while its uid has a connection, was refused in the last second, or has made the audit log grow by more
 * than it may in the time since then. */
#ifndef NET_UIDS_H
#define NET_UIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

/* Refusals for want of authority in a second before the replies are delayed. */
#define UIDS_REFUSALS 20

/* Bytes of audit records that a uid may make at once, whatever the rate. */
#define UIDS_RECORDED_MAX (1024u * 1024)

struct uid_row {
	uint32_t uid;
	unsigned connections;
	size_t bytes;      /* of the arena, lent to its connections */
	unsigned refusals; /* in the second that began at since_ms */
	int64_t since_ms;
	uint64_t
	    recorded; /* thousandths of bytes of audit records that were made at drained_ms, less the rate's */
	int64_t drained_ms;
	UT_hash_handle hh;
};

struct uids {
	struct uid_row *rows;
	uint64_t rate; /* bytes of audit records of one uid in a second, for long; 0: any */
};

/* How many connections the uid has. */
unsigned uids_connections(const struct uids *uids, uint32_t uid);

/* The uid's row with one connection more, or NULL without memory. */
struct uid_row *uids_enter(struct uids *uids, uint32_t uid);
void uids_leave(struct uids *uids, struct uid_row *row, int64_t now_ms);

/* Counts a refusal. True if the uid has had more of them in this second than it may. */
bool uids_refused(struct uid_row *row, int64_t now_ms);

/* Counts so many bytes of audit records, which may be none. True if the uid has made more than it may. */
bool uids_recorded(const struct uids *uids, struct uid_row *row, uint64_t bytes, int64_t now_ms);

/* Forgets rows that need not be there any more. */
void uids_sweep(struct uids *uids, int64_t now_ms);
void uids_destroy(struct uids *uids);

#endif
