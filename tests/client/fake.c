#include "fake.h"

#include "frame.h"
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(condition)                                                              \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* What the client learns of its peer is who called listen(). */
static int listen_at(const char *path, uid_t uid)
{
	uid_t before = geteuid();

	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	REQUIRE(fd >= 0 && strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	REQUIRE(seteuid(uid) == 0);
	REQUIRE(listen(fd, 16) == 0);
	REQUIRE(seteuid(before) == 0);
	return fd;
}

/* Leaves nothing unread, so that the client sees an end and no reset, and counts it. */
static void drain(struct fake_conn *conn)
{
	ssize_t n;

	shutdown(conn->fd, SHUT_WR);
	while ((n = recv(conn->fd, conn->in, sizeof(conn->in), MSG_DONTWAIT)) > 0)
		conn->seen->bytes += (size_t)n;
}

static void serve_all(int listener, int done, fake_serve *serve, size_t variant,
		      struct fake_seen *seen)
{
	struct fake_conn *conn = calloc(1, sizeof(*conn));

	REQUIRE(conn != NULL);
	for (uint32_t i = 0;; i++) {
		memset(conn, 0, sizeof(*conn));
		conn->number = i;
		conn->variant = variant;
		conn->seen = seen;
		conn->out = (struct buf){ conn->out_data, 0, sizeof(conn->out_data) };
		conn->fd = accept(listener, NULL, NULL);
		REQUIRE(conn->fd >= 0);
		seen->connections++;
		serve(conn);
		drain(conn);
		close(conn->fd);
		REQUIRE(write(done, "", 1) == 1);
	}
}

struct fake fake_start(fake_serve *serve, size_t variant)
{
	return fake_start_as(geteuid(), serve, variant);
}

struct fake fake_start_as(uid_t uid, fake_serve *serve, size_t variant)
{
	struct fake fake = { .folder = "/tmp/coffer-client-XXXXXX" };
	int listener, ends[2];

	REQUIRE(mkdtemp(fake.folder) != NULL);
	snprintf(fake.path, sizeof(fake.path), "%s/coffer.sock", fake.folder);
	listener = listen_at(fake.path, uid);
	REQUIRE(pipe(ends) == 0);
	fake.seen = mmap(NULL, sizeof(*fake.seen), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(fake.seen != MAP_FAILED);
	fflush(NULL);
	fake.pid = fork();
	REQUIRE(fake.pid >= 0);
	if (fake.pid == 0) {
		/* A test that fails does not come to fake_stop. */
		REQUIRE(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		signal(SIGPIPE, SIG_IGN);
		close(ends[0]);
		serve_all(listener, ends[1], serve, variant, fake.seen);
	}
	close(listener);
	close(ends[1]);
	fake.done = ends[0];
	return fake;
}

void fake_wait(struct fake *fake, size_t n)
{
	char byte;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(read(fake->done, &byte, 1), 1);
}

void fake_stop(struct fake *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	close(fake->done);
	munmap(fake->seen, sizeof(*fake->seen));
	unlink(fake->path);
	rmdir(fake->folder);
}

struct coffer_options fake_options(const struct fake *fake)
{
	return (struct coffer_options){ .socket = fake->path,
					.token = FAKE_TOKEN,
					.timeout_ms = FAKE_PATIENT_MS };
}

struct coffer_session *fake_open(const struct fake *fake)
{
	struct coffer_options options = fake_options(fake);
	struct coffer_session *session;

	if (coffer_open(&session, &options) != COFFER_OK)
		fail_msg("%s", coffer_message(session));
	return session;
}

struct coffer_admin *fake_open_admin(const struct fake *fake)
{
	struct coffer_admin *admin;

	if (coffer_admin_open(&admin, fake->path, FAKE_PATIENT_MS) != COFFER_OK)
		fail_msg("%s", coffer_admin_message(admin));
	return admin;
}

bool fake_read(struct fake_conn *conn)
{
	coffer_v1_Request request;
	size_t header, len;

	memmove(conn->in, conn->in + conn->in_used, conn->in_len - conn->in_used);
	conn->in_len -= conn->in_used;
	conn->in_used = 0;
	while (frame_parse((struct slice){ conn->in, conn->in_len }, sizeof(conn->in), &header,
			   &len) != COFFER_OK ||
	       conn->in_len < header + len) {
		ssize_t n =
		    recv(conn->fd, conn->in + conn->in_len, sizeof(conn->in) - conn->in_len, 0);
		if (n <= 0)
			return false;
		conn->in_len += (size_t)n;
		conn->seen->bytes += (size_t)n;
	}
	conn->in_used = header + len;
	REQUIRE(codec_decode((struct slice){ conn->in + header, len }, coffer_v1_Request_fields,
			     &request, sizeof(request)) == COFFER_OK);
	conn->id = request.id;
	conn->body = request.body;
	snprintf(conn->method, sizeof(conn->method), "%.*s", SLICE_ARG(request.method));
	conn->seen->requests++;
	return true;
}

void fake_begin(struct fake_conn *conn)
{
	REQUIRE(codec_reply_begin(&conn->out, &conn->mark) == COFFER_OK);
}

void fake_end(struct fake_conn *conn)
{
	REQUIRE(codec_reply_end(&conn->out, conn->mark, conn->id, COFFER_OK, SLICE_EMPTY) ==
		COFFER_OK);
}

void fake_refuse(struct fake_conn *conn, uint32_t id, coffer_err code, const char *message)
{
	fake_begin(conn);
	REQUIRE(codec_reply_end(&conn->out, conn->mark, id, code, slice_str(message)) == COFFER_OK);
}

void fake_answer(struct fake_conn *conn, const pb_msgdesc_t *desc, const void *msg)
{
	fake_begin(conn);
	REQUIRE(codec_append(&conn->out, desc, msg) == COFFER_OK);
	fake_end(conn);
}

void fake_answer_hello(struct fake_conn *conn)
{
	coffer_v1_HelloResponse hello = {
		.protocol = COFFER_PROTOCOL_VERSION,
		.server = SLICE_LITERAL("fake/1"),
		.frame_max = COFFER_VALUE_MAX_DEFAULT + COFFER_FRAME_OVERHEAD,
		.value_max = COFFER_VALUE_MAX_DEFAULT,
		.run_id = SLICE_LITERAL(FAKE_RUN_ID),
		.expires_at_ms = 1234567890123,
	};

	fake_begin(conn);
	REQUIRE(codec_append(&conn->out, coffer_v1_HelloResponse_fields, &hello) == COFFER_OK);
	REQUIRE(codec_append_bytes(&conn->out, coffer_v1_HelloResponse_scopes_tag,
				   SLICE_LITERAL("pipeline/app")) == COFFER_OK);
	REQUIRE(codec_append_bytes(&conn->out, coffer_v1_HelloResponse_scopes_tag,
				   SLICE_LITERAL("global")) == COFFER_OK);
	fake_end(conn);
}

void fake_answer_secret(struct fake_conn *conn, struct slice value)
{
	coffer_v1_GetSecretResponse secret = { .value = value,
					       .version = 7,
					       .scope = SLICE_LITERAL("global") };

	fake_answer(conn, coffer_v1_GetSecretResponse_fields, &secret);
}

void fake_put_secret(struct fake_conn *conn, uint32_t tag, const char *name, const char *value)
{
	coffer_v1_Secret secret = { slice_str(name), slice_str(value), 3, SLICE_LITERAL("global") };

	REQUIRE(codec_append_message(&conn->out, tag, coffer_v1_Secret_fields, &secret) ==
		COFFER_OK);
}

void fake_put_info(struct fake_conn *conn, uint32_t tag, const char *name, uint32_t version)
{
	coffer_v1_SecretInfo info = { .scope = SLICE_LITERAL("global"),
				      .name = slice_str(name),
				      .version = version,
				      .updated_at_ms = 1000 + version };

	REQUIRE(codec_append_message(&conn->out, tag, coffer_v1_SecretInfo_fields, &info) ==
		COFFER_OK);
}

bool fake_write(struct fake_conn *conn, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

bool fake_send(struct fake_conn *conn)
{
	bool sent = fake_write(conn, conn->out.data, conn->out.len);

	conn->out.len = 0;
	return sent;
}

void fake_greet(struct fake_conn *conn)
{
	if (!fake_read(conn))
		return;
	REQUIRE(strcmp(conn->method, "Hello") == 0);
	fake_answer_hello(conn);
	(void)fake_send(conn);
}

void fake_serve_methods(struct fake_conn *conn, const struct fake_method *methods, size_t count)
{
	while (fake_read(conn)) {
		bool ok = false;
		for (size_t i = 0; i < count; i++)
			if (strcmp(conn->method, methods[i].method) == 0)
				ok = methods[i].answer(conn);
		if (!ok) {
			conn->out.len = 0;
			fake_refuse(conn, conn->id, COFFER_UNIMPLEMENTED, "not as expected");
		}
		(void)fake_send(conn);
	}
}

void fake_serve_secrets(struct fake_conn *conn,
			void (*answer)(struct fake_conn *conn, struct slice name))
{
	coffer_v1_GetSecretRequest request;

	fake_greet(conn);
	while (fake_read(conn)) {
		REQUIRE(strcmp(conn->method, "GetSecret") == 0);
		REQUIRE(codec_decode(conn->body, coffer_v1_GetSecretRequest_fields, &request,
				     sizeof(request)) == COFFER_OK);
		answer(conn, request.name);
		(void)fake_send(conn);
	}
}
