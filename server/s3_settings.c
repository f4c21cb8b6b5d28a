#include "s3_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "core/keys.h"
#include "wipe.h"

#define SECRET_FILE_MAX 1024

/* --- variables ------------------------------------------------------------------------------------------ */

static const struct {
	const char *variable, *setting;
} aliases[] = {
	{ "CI_SECRETS_SQLITE_PATH", "db" },
	{ "CI_SECRETS_S3_BUCKET", "s3-bucket" },
	{ "CI_SECRETS_S3_ENDPOINT", "s3-endpoint" },
	{ "CI_SECRETS_S3_REGION", "s3-region" },
	{ "CI_SECRETS_S3_ACCESS_KEY_ID", "s3-access-key-id" },
	{ "CI_SECRETS_S3_SECRET_KEY", "s3-secret-access-key" },
	{ "CI_SECRETS_S3_SECRET_ACCESS_KEY", "s3-secret-access-key" },
	{ "CI_SECRETS_S3_PREFIX", "s3-prefix" },
	{ "CI_SECRETS_S3_ENCRYPT", "s3-encrypt" },
};

#define ALIASES_LEN (sizeof(aliases) / sizeof(aliases[0]))

const char *s3_settings_alias(size_t i, const char **value)
{
	const char *text;

	*value = NULL;
	if (i >= ALIASES_LEN)
		return NULL;
	text = getenv(aliases[i].variable);
	if (text != NULL && text[0] != '\0')
		*value = text;
	return aliases[i].setting;
}

void s3_settings_erase_variables(void)
{
	static const char *const variables[] = {
		"COFFER_S3_SECRET_ACCESS_KEY",
		"COFFER_S3_SESSION_TOKEN",
		"CI_SECRETS_S3_SECRET_ACCESS_KEY",
		"CI_SECRETS_S3_SECRET_KEY",
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		char *value = getenv(variables[i]);
		if (value == NULL)
			continue;
		wipe(value, strlen(value));
		unsetenv(variables[i]);
	}
}

/* --- checks --------------------------------------------------------------------------------------------- */

static coffer_err wrong(const char *why)
{
	fprintf(stderr, "cofferd: %s\n", why);
	return COFFER_INVALID_ARGUMENT;
}

coffer_err s3_settings_check(const struct config *config)
{
	const struct s3_settings *s3 = &config->s3;
	bool sse_c = s3->encrypt != NULL && strcmp(s3->encrypt, "sse-c") == 0;

	if (s3->bucket == NULL)
		return s3->endpoint != NULL || s3->access_key_id != NULL
			   ? wrong("settings of a bucket, and no --s3-bucket")
			   : COFFER_OK;
	if (config->ephemeral)
		return wrong("--ephemeral keeps nothing, and so goes into no bucket");
	if (s3->secret_access_key != NULL && s3->secret_access_key_file != NULL)
		return wrong("either s3_secret_access_key or s3_secret_access_key_file");
	if ((s3->access_key_id != NULL) !=
	    (s3->secret_access_key != NULL || s3->secret_access_key_file != NULL))
		return wrong("--s3-access-key-id and its secret access key go together");
	if (sse_c != (s3->sse_c_key_file != NULL))
		return wrong("--s3-encrypt sse-c and --s3-sse-c-key-file go together");
	return COFFER_OK;
}

/* --- the text ------------------------------------------------------------------------------------------- */

static coffer_err add(struct secret *out, const char *name, struct slice value)
{
	size_t name_len = strlen(name);
	uint8_t *at = out->data + out->len;

	if (memchr(value.data, '\n', value.len) != NULL || memchr(value.data, '\r', value.len)) {
		log_error("the setting %s of the bucket has more than one line", name);
		return COFFER_INVALID_ARGUMENT;
	}
	if (out->cap - out->len < name_len + 3 + value.len + 1) {
		log_error("the settings of the bucket are too long");
		return COFFER_RESOURCE_EXHAUSTED;
	}
	memcpy(at, name, name_len);
	memcpy(at + name_len, " = ", 3);
	memcpy(at + name_len + 3, value.data, value.len);
	at[name_len + 3 + value.len] = '\n';
	out->len += name_len + 3 + value.len + 1;
	return COFFER_OK;
}

static coffer_err add_text(struct secret *out, const char *name, const char *value)
{
	return value != NULL ? add(out, name, slice_str(value)) : COFFER_OK;
}

static coffer_err add_number(struct secret *out, const char *name, int64_t number)
{
	char text[24];

	if (number == 0)
		return COFFER_OK;
	snprintf(text, sizeof(text), "%" PRId64, number);
	return add(out, name, slice_str(text));
}

/* The line that the file holds, which must be as private as a key. */
static coffer_err add_file(struct secret *out, const char *name, const char *path)
{
	struct secret content = SECRET_EMPTY;
	coffer_err err;
	int fd;

	if (path == NULL)
		return COFFER_OK;
	if ((err = file_open_private(path, &fd)) != COFFER_OK) {
		log_error("cannot use %s", path);
		return err;
	}
	if ((err = secret_read(&content, out->arena, fd, SECRET_FILE_MAX)) != COFFER_OK)
		log_error("cannot read a secret of at most %d bytes from %s", SECRET_FILE_MAX,
			  path);
	else
		err = add(out, name, keys_trim((struct slice){ content.data, content.len }));
	close(fd);
	secret_free(&content);
	return err;
}

static coffer_err add_all(const struct config *config, const char *admin_socket, struct secret *out)
{
	const struct s3_settings *s3 = &config->s3;
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "admin_socket", admin_socket },
		{ "bucket", s3->bucket },
		{ "endpoint", s3->endpoint },
		{ "region", s3->region },
		{ "access_key_id", s3->access_key_id },
		{ "secret_access_key", s3->secret_access_key },
		{ "session_token", s3->session_token },
		{ "prefix", s3->prefix },
		{ "encrypt", s3->encrypt },
		{ "sse_kms_key_id", s3->sse_kms_key_id },
		{ "ca_file", s3->ca_file },
		{ "path_style", s3->path_style },
		{ "single_writer", s3->single_writer ? "yes" : NULL },
	};
	coffer_err err = COFFER_OK;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && err == COFFER_OK; i++)
		err = add_text(out, texts[i].name, texts[i].value);
	if (err != COFFER_OK ||
	    (err = add_file(out, "secret_access_key", s3->secret_access_key_file)) != COFFER_OK ||
	    (err = add_file(out, "sse_c_key", s3->sse_c_key_file)) != COFFER_OK ||
	    (err = add_number(out, "sync_interval_ms", s3->sync_interval_ms)) != COFFER_OK)
		return err;
	return add_number(out, "frame_max", (int64_t)config->value_max + COFFER_FRAME_OVERHEAD);
}

coffer_err s3_settings_text(const struct config *config, const char *admin_socket,
			    struct arena *arena, struct secret *out)
{
	coffer_err err = secret_reserve(out, arena, 4 * ARENA_PAGE);

	if (err == COFFER_OK && (err = add_all(config, admin_socket, out)) != COFFER_OK)
		secret_free(out);
	return err;
}
