#include "net/peer.h"

#include <sys/socket.h>

coffer_err peer_identify(int fd, bool with_groups, struct peer *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	out->groups_len = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return COFFER_UNAVAILABLE;
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->pid = cred.pid;
	if (!with_groups)
		return COFFER_OK;
	len = sizeof(out->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out->groups, &len) == 0)
		out->groups_len = len / sizeof(out->groups[0]);
	return COFFER_OK;
}
