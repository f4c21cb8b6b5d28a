/* peer.h - who is at the other end of a Unix socket. Layer: net. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PEER_GROUPS_MAX 64

struct peer {
	uint32_t uid;
	uint32_t gid;
	int32_t pid;
	gid_t groups[PEER_GROUPS_MAX]; /* supplementary ones; of a peer with more, none are seen */
	size_t groups_len;
};

/* The peer's credentials as they were when it connected (SO_PEERCRED, SO_PEERGROUPS).
 * COFFER_UNAVAILABLE if the kernel does not tell. */
COFFER_MUST_USE coffer_err peer_identify(int fd, bool with_groups, struct peer *out);

#endif
