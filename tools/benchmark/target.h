/* target.h - one server under measurement: where it is and what it is asked. Layer: benchmark. */
#ifndef BENCHMARK_TARGET_H
#define BENCHMARK_TARGET_H

#include <coffer/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

typedef enum target_kind {
	TARGET_PING_PONG,    /* answers frames of GetSecret's sizes */
	TARGET_MEMCACHED,    /* get */
	TARGET_REDIS,        /* GET */
	TARGET_SSH_AGENT,    /* list of keys */
	TARGET_COFFER,       /* GetSecret, of one name or of many in turn */
	TARGET_COFFER_BATCH, /* GetSecrets */
	TARGET_LIBCOFFER,    /* coffer_get */
} target_kind;

#define TARGET_LABEL_MAX 31
#define TARGET_REPLY_MAX 65536

struct target {
	char label[TARGET_LABEL_MAX + 1];
	target_kind kind;
	struct sockaddr_un address;
	char token[COFFER_TOKEN_LEN + 1]; /* "" where there is none */
	int fd;                           /* -1: not connected */
	struct coffer_session *session;   /* TARGET_LIBCOFFER's connection */

	uint8_t *hello; /* sent once a connection; may have length 0 */
	size_t hello_len;
	uint8_t *requests; /* request_count of request_len bytes each, sent in turn */
	size_t request_len;
	size_t request_count;
	size_t next;

	uint8_t *want; /* TARGET_REPLY_MAX bytes: the reply that talk_learn saw, of reply_len */
	uint8_t *got;  /* as many: the newest bytes received */
	size_t hello_reply_len;
	size_t reply_len;
};

/* Makes a target from "LABEL=KIND:PATH" or "LABEL=KIND:PATH:NUMBER". KIND is ping-pong, memcached, redis,
 * ssh-agent, coffer, coffer-batch or libcoffer; PATH a socket or, for the last three, the home of a daemon
 * that "coffer-bench fill" has filled. NUMBER is how many names to ask for, in turn (coffer, default 1) or
 * at once (coffer-batch, default 16). False, with a line on stderr, if text has not that form, the home has
 * no token, or there is no memory; *out is to be freed in any case. */
bool target_make(struct target *out, const char *text);
void target_free(struct target *target); /* not connected any more */

/* Makes count targets (count > 0) as one array, which the caller frees. On failure *out is NULL. */
bool target_make_all(struct target **out, char *const *texts, size_t count);
void target_free_all(struct target *targets, size_t count);

/* The request whose turn it is, of request_len bytes. */
const uint8_t *target_next(struct target *target);

/* Prints "coffer-bench: <label>: <what>: <why>" on stderr and returns false. */
bool target_fail(const struct target *target, const char *what, const char *why);

#endif
