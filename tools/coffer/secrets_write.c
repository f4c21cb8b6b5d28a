/* How export writes: what import, or a shell, reads back to the same bytes. */
#include "secrets_file.h"

#include "output.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Whether the bytes are UTF-8 without a NUL. */
static bool is_text(const struct coffer_value *value)
{
	json_t *text = NULL;

	if (value->len == 0)
		return true;
	if (!memchr(value->data, '\0', value->len))
		text = json_stringn((const char *)value->data, value->len);
	json_decref(text);
	return text != NULL;
}

static bool is_variable(const char *name)
{
	return !strpbrk(name, ".-");
}

static cli_exit check(const struct cli *cli, const struct coffer_secrets *secrets,
		      secrets_format format)
{
	cli_exit status = CLI_DONE;

	for (size_t i = 0; i < secrets->len; i++) {
		const struct coffer_secret *secret = &secrets->items[i];
		if (format == SECRETS_SHELL && !is_variable(secret->name))
			status =
			    cli_refuse(cli, "'%s' cannot be a variable of a shell", secret->name);
		if (!is_text(&secret->value))
			status = cli_refuse(cli, "the value of '%s' is not text; use --format json",
					    secret->name);
	}
	return status;
}

/* In single quotes every byte stands for itself; double ones are for values that hold such a quote. */
static void quote_dotenv(struct bytes *out, const char *text)
{
	if (!strchr(text, '\'')) {
		bytes_append(out, "'", 1);
		bytes_append(out, text, strlen(text));
		bytes_append(out, "'", 1);
		return;
	}
	bytes_append(out, "\"", 1);
	for (size_t len; *text; text += len) {
		if (strchr("\"\\$", *text))
			bytes_append(out, "\\", 1);
		len = 1 + strcspn(text + 1, "\"\\$");
		bytes_append(out, text, len);
	}
	bytes_append(out, "\"", 1);
}

static void write_lines(const struct coffer_secrets *secrets, bool shell, struct bytes *out)
{
	for (size_t i = 0; i < secrets->len; i++) {
		const struct coffer_secret *secret = &secrets->items[i];
		const char *text = secret->value.len > 0 ? (const char *)secret->value.data : "";
		bytes_append(out, "export ", shell ? strlen("export ") : 0);
		bytes_append(out, secret->name, strlen(secret->name));
		bytes_append(out, "=", 1);
		if (shell)
			bytes_quote(out, text);
		else
			quote_dotenv(out, text);
		bytes_append(out, "\n", 1);
	}
}

static json_t *encode(const struct coffer_value *value)
{
	size_t size = sodium_base64_ENCODED_LEN(value->len, sodium_base64_VARIANT_ORIGINAL);
	struct bytes text = { 0 };
	json_t *json = NULL;

	if (bytes_reserve(&text, size))
		json = json_pack("{s:s}", "base64",
				 sodium_bin2base64(text.data, size, value->data, value->len,
						   sodium_base64_VARIANT_ORIGINAL));
	bytes_free(&text);
	return json;
}

static void write_json(const struct coffer_secrets *secrets, struct bytes *out)
{
	json_t *json = json_object();
	bool ok = json != NULL;

	for (size_t i = 0; ok && i < secrets->len; i++) {
		const struct coffer_value *value = &secrets->items[i].value;
		json_t *item =
		    is_text(value)
			? json_stringn(value->len > 0 ? (const char *)value->data : "", value->len)
			: encode(value);
		ok = json_object_set_new(json, secrets->items[i].name, item) == 0;
	}
	if (!ok) {
		json_decref(json);
		json = NULL;
	}
	output_append_json(out, json);
	bytes_append(out, "\n", 1);
}

cli_exit secrets_file_write(const struct cli *cli, const struct coffer_secrets *secrets,
			    secrets_format format, struct bytes *out)
{
	if (format == SECRETS_JSON)
		write_json(secrets, out);
	else if (check(cli, secrets, format) != CLI_DONE)
		return CLI_REFUSED;
	else
		write_lines(secrets, format == SECRETS_SHELL, out);
	return out->failed ? cli_refuse(cli, "out of memory") : CLI_DONE;
}
