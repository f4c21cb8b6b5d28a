/* session.h - one connection's authority. Layer: rpc. Owned and embedded by net's connection. */
#ifndef RPC_SESSION_H
#define RPC_SESSION_H

#include <stdbool.h>
#include <stdint.h>

struct grant;
struct mirror_ticket;

typedef enum rpc_service { SERVICE_RUNNER, SERVICE_OPERATOR } rpc_service;

struct session {
	rpc_service service; /* by the socket that it came in on */
	bool operator;       /* the peer may operate; on SERVICE_OPERATOR only */
	uint32_t uid;        /* of the peer when it connected */
	uint32_t gid;
	int32_t pid;
	struct grant *grant;          /* what Hello bound; NULL before */
	char *via;                    /* what Hello carried; heap, NULL if nothing */
	struct mirror_ticket *ticket; /* its write that waits for the bucket, or NULL */
	uint64_t list;                /* the look at the bucket that its Sync waits for; 0: none */
};

#endif
