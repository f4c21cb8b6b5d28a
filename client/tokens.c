#include <coffer/client.h>

#include "file.h"
#include "names.h"
#include "settings.h"
#include "wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A token, a newline, and one byte more to tell a longer file. */
#define FILE_MAX (COFFER_TOKEN_LEN + 2)

static const char *const variables[] = { "COFFER_TOKEN", "COFFER_TOKEN_FILE", "SECRETS_API_TOKEN" };

const char *coffer_token_variable(size_t i)
{
	return i < sizeof(variables) / sizeof(variables[0]) ? variables[i] : NULL;
}

__attribute__((format(printf, 3, 4))) static coffer_err fail(struct coffer_tokens *tokens,
							     coffer_err err, const char *format,
							     ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(tokens->message, sizeof(tokens->message), format, args);
	va_end(args);
	return err;
}

static coffer_err add(struct coffer_tokens *tokens, struct slice text, const char *from)
{
	char *copy = malloc(text.len + 1);

	if (copy == NULL)
		return fail(tokens, COFFER_RESOURCE_EXHAUSTED, "no memory for the token");
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	tokens->items[tokens->len].text = copy;
	tokens->items[tokens->len++].from = from;
	return COFFER_OK;
}

static coffer_err add_text(struct coffer_tokens *tokens, const char *text, const char *from)
{
	return text != NULL ? add(tokens, slice_str(text), from) : COFFER_OK;
}

static coffer_err add_content(struct coffer_tokens *tokens, const char *path, int fd)
{
	char content[FILE_MAX];
	ssize_t n = file_read(fd, content, sizeof(content));
	struct slice token = { (const uint8_t *)content, n > 0 ? (size_t)n : 0 };
	coffer_err err;

	if (token.len > 0 && content[token.len - 1] == '\n')
		token.len--;
	if (n < 0)
		err = fail(tokens, COFFER_INVALID_ARGUMENT, "cannot read the token file %s: %s",
			   path, strerror(errno));
	else if (!names_is_token(token))
		err = fail(tokens, COFFER_INVALID_ARGUMENT,
			   "the file %s does not hold a token of %d letters and digits", path,
			   COFFER_TOKEN_LEN);
	else
		err = add(tokens, token, "COFFER_TOKEN_FILE");
	wipe(content, sizeof(content));
	return err;
}

static coffer_err add_file(struct coffer_tokens *tokens, const char *path)
{
	coffer_err err;
	int fd;

	if (path == NULL || tokens->len > 0)
		return COFFER_OK;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(tokens, COFFER_INVALID_ARGUMENT, "cannot open the token file %s: %s",
			    path, strerror(errno));
	err = add_content(tokens, path, fd);
	close(fd);
	return err;
}

coffer_err coffer_tokens_find(struct coffer_tokens *out, const char *option)
{
	coffer_err err;

	out->len = 0;
	out->message[0] = '\0';
	if ((err = add_text(out, option != NULL && option[0] != '\0' ? option : NULL, NULL)) !=
		COFFER_OK ||
	    (err = add_text(out, settings_get(NULL, "COFFER_TOKEN"), "COFFER_TOKEN")) !=
		COFFER_OK ||
	    (err = add_file(out, settings_get(NULL, "COFFER_TOKEN_FILE"))) != COFFER_OK ||
	    (err = add_text(out, settings_get(NULL, "SECRETS_API_TOKEN"), "SECRETS_API_TOKEN")) !=
		COFFER_OK)
		coffer_tokens_free(out);
	return err;
}

void coffer_tokens_free(struct coffer_tokens *tokens)
{
	for (size_t i = 0; i < tokens->len; i++) {
		wipe(tokens->items[i].text, strlen(tokens->items[i].text));
		free(tokens->items[i].text);
	}
	tokens->len = 0;
}
