/* fake.h - a daemon that says what a test scripts, right or wrong: a child process on a socket of its own. */
#ifndef FAKE_H
#define FAKE_H

#include <coffer/client.h>
#include <coffer/admin.h>
#include <sys/types.h>

#include "codec.h"

#define FAKE_TOKEN  "abcdefghijklmnopqrstuvwxyz012345"
#define FAKE_RUN_ID "01932f3a-0000-7000-8000-000000000001"

/* Generous where a reply comes; short where the test wants the deadline to pass. */
#define FAKE_PATIENT_MS 60000
#define FAKE_HASTY_MS   100

/* What the child counts, in memory that both see. */
struct fake_seen {
	uint32_t connections;
	uint32_t requests;
	size_t bytes; /* received */
};

/* One accepted connection, in the child. */
struct fake_conn {
	int fd;
	uint32_t number; /* from 0 on */
	size_t variant;
	struct fake_seen *seen;
	uint8_t in[1 << 18];
	size_t in_len, in_used;
	uint32_t id; /* of the last request, with its method and body */
	char method[32];
	struct slice body;
	uint8_t out_data[1 << 21];
	struct buf out; /* replies that are being built */
	size_t mark;
};

/* Serves one connection; the connection is closed when it returns. */
typedef void fake_serve(struct fake_conn *conn);

struct fake {
	char folder[64];
	char path[128];
	pid_t pid;
	int done; /* a byte comes from it after each connection */
	struct fake_seen *seen;
};

/* Starts a daemon that serves connections one after the other; variant is for serve. */
struct fake fake_start(fake_serve *serve, size_t variant);

/* The same under another uid's name, which only the superuser can do. */
struct fake fake_start_as(uid_t uid, fake_serve *serve, size_t variant);

/* Waits until the n-th connection (from 1 on) since the last wait has been served and closed. */
void fake_wait(struct fake *fake, size_t n);

/* Ends the child and removes the folder. */
void fake_stop(struct fake *fake);

/* Options with the fake's socket, the token and FAKE_PATIENT_MS. */
struct coffer_options fake_options(const struct fake *fake);

/* Opens a session or fails the test. */
struct coffer_session *fake_open(const struct fake *fake);
struct coffer_admin *fake_open_admin(const struct fake *fake);

/* --- in the child --------------------------------------------------------------------------------------- */

/* Reads the next request; false when the client has closed. */
bool fake_read(struct fake_conn *conn);

/* Builds a reply to the last request in conn->out: append the body between the two. */
void fake_begin(struct fake_conn *conn);
void fake_end(struct fake_conn *conn);

/* Builds an error reply. */
void fake_refuse(struct fake_conn *conn, uint32_t id, coffer_err code, const char *message);

/* Builds a whole reply from one message. */
void fake_answer(struct fake_conn *conn, const pb_msgdesc_t *desc, const void *msg);

/* Builds replies of a well-behaved daemon. */
void fake_answer_hello(struct fake_conn *conn);
void fake_answer_secret(struct fake_conn *conn, struct slice value);

/* Appends an element of a repeated Secret or SecretInfo field. */
void fake_put_secret(struct fake_conn *conn, uint32_t tag, const char *name, const char *value);
void fake_put_info(struct fake_conn *conn, uint32_t tag, const char *name, uint32_t version);

/* Sends bytes, or what was built, and empties it. False when the client has closed. */
bool fake_write(struct fake_conn *conn, const uint8_t *bytes, size_t len);
bool fake_send(struct fake_conn *conn);

/* Reads Hello and answers it well. */
void fake_greet(struct fake_conn *conn);

/* Serves the whole connection. answer builds a reply, or returns false if the request is not as it should be, which is
 * refused, as is any other method. */
struct fake_method {
	const char *method;
	bool (*answer)(struct fake_conn *conn);
};
void fake_serve_methods(struct fake_conn *conn, const struct fake_method *methods, size_t count);

/* Greets and serves GetSecret alone: answer builds the reply for the name. */
void fake_serve_secrets(struct fake_conn *conn,
			void (*answer)(struct fake_conn *conn, struct slice name));

#endif
