#include "hello.h"

#include "call.h"
#include "names.h"
#include "wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A token, a newline, and one byte more to tell a longer file. */
#define TOKEN_FILE_MAX (COFFER_TOKEN_LEN + 2)

/* The frame, and behind it the message while it is encoded. */
#define PAGES_LEN ((size_t)2 * HELLO_ROOM)

struct token {
	char text[TOKEN_FILE_MAX];
	size_t len;
};

/* NULL if neither is set; empty is as good as unset. */
static const char *setting(const char *option, const char *variable)
{
	const char *value = option != NULL && option[0] != '\0' ? option : secure_getenv(variable);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *hello_socket(const struct coffer_options *options)
{
	return setting(options != NULL ? options->socket : NULL, "COFFER_SOCKET");
}

static ssize_t read_some(int fd, struct token *token)
{
	ssize_t n;

	do
		n = read(fd, token->text + token->len, sizeof(token->text) - token->len);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		token->len += (size_t)n;
	return n;
}

static coffer_err read_token_file(struct token *token, const char *path, struct transport *t)
{
	coffer_err err = COFFER_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = -1;

	if (fd < 0)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "cannot open the token file %s: %s", path, strerror(errno));
	while ((n = read_some(fd, token)) > 0)
		;
	if (n < 0)
		err = transport_fail(t, COFFER_INVALID_ARGUMENT,
				     "cannot read the token file %s: %s", path, strerror(errno));
	close(fd);
	if (token->len > 0 && token->text[token->len - 1] == '\n')
		token->len--;
	if (err == COFFER_OK &&
	    !names_is_token((struct slice){ (uint8_t *)token->text, token->len }))
		err = transport_fail(t, COFFER_INVALID_ARGUMENT,
				     "the file %s does not hold a token of %d letters and digits",
				     path, COFFER_TOKEN_LEN);
	return err;
}

/* Finds the token. *file is its memory if it comes from a file. */
static coffer_err find_token(struct slice *token, struct token *file, const char *option,
			     struct transport *t)
{
	const char *text = setting(option, "COFFER_TOKEN"), *path;
	coffer_err err;

	*token = slice_str(text);
	if (text != NULL && names_is_token(*token))
		return COFFER_OK;
	if (text != NULL)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "the token%s is not %d letters and digits",
				      text == option ? "" : " in COFFER_TOKEN", COFFER_TOKEN_LEN);
	path = setting(NULL, "COFFER_TOKEN_FILE");
	if (path == NULL)
		return transport_fail(
		    t, COFFER_INVALID_ARGUMENT,
		    "no token: neither COFFER_TOKEN nor COFFER_TOKEN_FILE is set");
	err = read_token_file(file, path, t);
	*token = (struct slice){ (uint8_t *)file->text, file->len };
	return err;
}

static coffer_err check_text(const char *what, struct slice text, struct transport *t)
{
	const char *why;

	if (names_check_text(text, COFFER_TEXT_MAX, &why) == COFFER_OK)
		return COFFER_OK;
	return transport_fail(t, COFFER_INVALID_ARGUMENT, "%s %s", what, why);
}

static coffer_err check_settings(const coffer_v1_HelloRequest *request, struct transport *t)
{
	coffer_err err;

	if ((err = check_text("the client's name", request->client, t)) != COFFER_OK ||
	    (err = check_text("the run id", request->run_id, t)) != COFFER_OK ||
	    (err = check_text("the name of whom the client speaks for", request->via, t)) !=
		COFFER_OK)
		return err;
	return COFFER_OK;
}

/* Locking fails where the limit for it is low: then the token is as safe as the rest of the process. */
static uint8_t *map_pages(void)
{
	void *pages =
	    mmap(NULL, PAGES_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	(void)mlock(pages, PAGES_LEN);
	(void)madvise(pages, PAGES_LEN, MADV_DONTDUMP);
	(void)madvise(pages, PAGES_LEN, MADV_WIPEONFORK);
	return pages;
}

static coffer_err encode(struct slice *out, const coffer_v1_HelloRequest *request,
			 struct transport *t)
{
	uint8_t *pages = map_pages();
	struct buf frame = { pages, 0, HELLO_ROOM }, body = { NULL, 0, HELLO_ROOM };
	coffer_err err;

	if (pages == NULL)
		return transport_fail(t, COFFER_RESOURCE_EXHAUSTED, "no memory for the token");
	body.data = pages + HELLO_ROOM;
	err = codec_append(&body, coffer_v1_HelloRequest_fields, request);
	if (err == COFFER_OK)
		err = codec_append_request(&frame, CALL_GREETING_ID, SLICE_LITERAL("Hello"),
					   (struct slice){ body.data, body.len });
	wipe(body.data, HELLO_ROOM);
	*out = (struct slice){ pages, frame.len };
	if (err == COFFER_OK)
		return COFFER_OK;
	hello_free(out);
	return transport_fail(t, err, "what Hello says is too long");
}

coffer_err hello_make(struct slice *out, const struct coffer_options *options, struct transport *t)
{
	static const struct coffer_options defaults = { 0 };
	const struct coffer_options *o = options != NULL ? options : &defaults;
	coffer_v1_HelloRequest request = {
		.protocol = COFFER_PROTOCOL_VERSION,
		.client = slice_str(o->client != NULL && o->client[0] != '\0'
					? o->client
					: "libcoffer/" COFFER_VERSION),
		.run_id = slice_str(setting(o->run_id, "COFFER_RUN_ID")),
		.via = slice_str(o->via),
	};
	struct token file = { .len = 0 };
	coffer_err err;

	*out = SLICE_EMPTY;
	if ((err = check_settings(&request, t)) == COFFER_OK &&
	    (err = find_token(&request.token, &file, o->token, t)) == COFFER_OK)
		err = encode(out, &request, t);
	wipe(&file, sizeof(file));
	return err;
}

void hello_free(struct slice *hello)
{
	uint8_t *pages = (uint8_t *)(uintptr_t)hello->data;

	if (pages != NULL) {
		wipe(pages, PAGES_LEN);
		(void)munmap(pages, PAGES_LEN);
	}
	*hello = SLICE_EMPTY;
}
