/* s3_settings.h - the settings of a bucket: what they are, where else they come from, and how coffer-s3 is told them.
 * Layer: main. */
#ifndef S3_SETTINGS_H
#define S3_SETTINGS_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

struct config;

/* A part of struct config: strings are owned, NULL where nothing was set. No bucket: none of it counts. */
struct s3_settings {
	char *bucket;
	char *endpoint;
	char *region;
	char *access_key_id;
	char *secret_access_key; /* this and the token by variable or settings file alone */
	char *secret_access_key_file;
	char *session_token;
	char *prefix;
	char *encrypt;
	char *sse_kms_key_id;
	char *sse_c_key_file;
	char *ca_file;
	char *path_style; /* yes, no */
	char *helper;     /* coffer-s3's path */
	bool single_writer;
	int64_t sync_interval_ms; /* 0: coffer-s3's own */
};

/* Variables of another name, for who comes from there: they count less than COFFER_'s. The name of the setting that
 * the i-th one stands for and its value; NULL behind the last one, and value is NULL where it is not set. */
const char *s3_settings_alias(size_t i, const char **value);

/* Erases the variables that hold secrets where /proc/PID/environ shows them. */
void s3_settings_erase_variables(void);

/* Whether they go together. COFFER_INVALID_ARGUMENT, with what is wrong printed on stderr. */
COFFER_MUST_USE coffer_err s3_settings_check(const struct config *config);

/* The lines that coffer-s3 reads (server/s3/settings.h), with what the files hold that are named: a secret. *out goes to
 * secret_free. Failures are logged. */
COFFER_MUST_USE coffer_err s3_settings_text(const struct config *config, const char *admin_socket,
					    struct arena *arena, struct secret *out);

#endif
