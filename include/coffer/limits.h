/* coffer/limits.h - maxima of names, values and messages, all in bytes and without a terminating NUL
 * unless stated. The daemon refuses what is larger with INVALID_ARGUMENT or RESOURCE_EXHAUSTED. */
#ifndef COFFER_LIMITS_H
#define COFFER_LIMITS_H

/* The protocol version that Hello carries. */
#define COFFER_PROTOCOL_VERSION 1

/* A secret's name: [A-Za-z_][A-Za-z0-9_.-]{0,127} */
#define COFFER_NAME_MAX 128

/* A scope in full, "pipeline/<id>". */
#define COFFER_SCOPE_MAX 255

/* A token: exactly this many of [A-Za-z0-9], from the system's random generator (about 190 bits). */
#define COFFER_TOKEN_LEN 32

/* A run or grant id in its text form: a UUID (RFC 9562, version 7). */
#define COFFER_ID_LEN 36

/* A secret's value: the default maximum and the highest that a daemon can be configured to. */
#define COFFER_VALUE_MAX_DEFAULT 65536
#define COFFER_VALUE_MAX_CEILING 1048576

/* A frame may be this much larger than the largest value. */
#define COFFER_FRAME_OVERHEAD 4096

/* Names in one GetSecrets, secrets in one PutSecret or CreateRun. */
#define COFFER_BATCH_MAX 64

/* The text of an error reply. Large enough to name a whole batch of missing secrets. */
#define COFFER_MESSAGE_MAX 8704

/* Free text of a run: pipeline, repository, ref, commit, Sentry DSN and trace, key of an extra. */
#define COFFER_TEXT_MAX 1024

/* A folder in a run's bootstrap data, and the value of an extra. */
#define COFFER_PATH_MAX 4096

/* Extras of one run; scopes of one grant; name globs of one grant. */
#define COFFER_EXTRAS_MAX 64
#define COFFER_SCOPES_MAX 8
#define COFFER_ALLOW_MAX  32

/* The nonce by which a lost Bootstrap reply can be claimed again. */
#define COFFER_NONCE_LEN 16

/* A bootstrap file: all that a run of the filesystem transport is handed over. */
#define COFFER_BOOTSTRAP_FILE_MAX (16 << 20)

/* Versions of one secret that are kept, unless configured otherwise. */
#define COFFER_VERSIONS_KEPT 10

#endif
