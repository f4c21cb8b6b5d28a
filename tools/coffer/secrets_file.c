#include "secrets_file.h"

#include "exec/envfile.h"
#include "input.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* What is larger is no file of secrets. */
#define FILE_MAX ((size_t)64 << 20)

bool secrets_format_find(const char *name, secrets_format *format)
{
	static const char *const names[] = { "dotenv", "json", "shell" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*format = (secrets_format)i;
			return true;
		}
	}
	return false;
}

void secrets_file_free(struct secrets_file *file)
{
	for (size_t i = 0; file->decoded && i < file->len; i++)
		bytes_free(&file->decoded[i]);
	free(file->decoded);
	free(file->items);
	bytes_free(&file->text);
	bytes_free(&file->lines);
	json_decref(file->json);
	*file = (struct secrets_file){ 0 };
}

/* Room for that many items, of which there are none yet. */
static cli_exit reserve(const struct cli *cli, struct secrets_file *file, size_t count)
{
	file->items = calloc(count + 1, sizeof(*file->items));
	file->decoded = calloc(count + 1, sizeof(*file->decoded));
	return file->items && file->decoded ? CLI_DONE : cli_refuse(cli, "out of memory");
}

static cli_exit read_dotenv(const struct cli *cli, const char *path, struct secrets_file *file)
{
	struct bytes whole;
	cli_exit status = input_file_up_to(cli, path, FILE_MAX, &whole);
	const char *why = NULL;
	unsigned line;

	if (status != CLI_DONE)
		return status;
	why = envfile_parse_lines(whole.data, whole.len, &file->text, &file->lines, &line);
	bytes_free(&whole);
	if (why)
		return cli_refuse(cli, "%s:%u: %s", path, line, why);
	if (file->text.failed || file->lines.failed)
		return cli_refuse(cli, "out of memory");
	if ((status = reserve(cli, file, file->lines.len / sizeof(unsigned))) != CLI_DONE)
		return status;
	for (char *at = NULL; (at = (char *)envfile_next(&file->text, at));) {
		struct secrets_entry *entry = &file->items[file->len];
		size_t name_len = strcspn(at, "=");
		memcpy(&entry->place, file->lines.data + file->len * sizeof(unsigned),
		       sizeof(unsigned));
		entry->name = at;
		entry->data = (const uint8_t *)at + name_len + 1;
		entry->len = strlen((const char *)entry->data);
		at[name_len] = '\0';
		at = (char *)entry->data;
		file->len++;
	}
	return CLI_DONE;
}

/* The bytes of {"base64": "..."}; false if it is not of that form. */
static bool decode(json_t *value, struct bytes *out)
{
	const char *text = json_string_value(json_object_get(value, "base64"));
	size_t len = text ? strlen(text) : 0;

	if (!text || json_object_size(value) != 1 || !bytes_reserve(out, len + 1))
		return false;
	return sodium_base642bin((unsigned char *)out->data, out->cap, text, len, NULL, &out->len,
				 NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

static cli_exit load(const struct cli *cli, const char *path, struct secrets_file *file)
{
	json_error_t error;
	cli_exit status = input_file_up_to(cli, path, FILE_MAX, &file->text);

	if (status != CLI_DONE)
		return status;
	/* jansson's own text may repeat what stands there. */
	file->json = json_loadb(file->text.data, file->text.len,
				JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!file->json && json_error_code(&error) == json_error_duplicate_key)
		return cli_refuse(cli, "%s:%d: a name stands there twice", path, error.line);
	if (!file->json)
		return cli_refuse(cli, "%s:%d: is not JSON", path, error.line);
	if (!json_is_object(file->json))
		return cli_refuse(cli, "%s: is not a JSON object", path);
	return reserve(cli, file, json_object_size(file->json));
}

static cli_exit read_json(const struct cli *cli, const char *path, struct secrets_file *file)
{
	cli_exit status = load(cli, path, file);
	const char *name;
	json_t *value;

	if (status != CLI_DONE)
		return status;
	json_object_foreach(file->json, name, value)
	{
		struct bytes *bytes = &file->decoded[file->len];
		struct secrets_entry *entry = &file->items[file->len++];
		entry->name = name;
		entry->place = (unsigned)file->len;
		if (json_is_string(value)) {
			entry->data = (const uint8_t *)json_string_value(value);
			entry->len = json_string_length(value);
		} else if (decode(value, bytes)) {
			entry->data = (const uint8_t *)bytes->data;
			entry->len = bytes->len;
		} else {
			status = cli_refuse(cli,
					    "%s: member %u is neither a string nor "
					    "{\"base64\": \"...\"}",
					    path, entry->place);
		}
	}
	return status;
}

/* As the daemon has it, so that all wrong ones are told before anything is written. */
static bool is_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char reserved[] = "__coffer_";
	size_t len = strlen(name);

	if (len == 0 || len > COFFER_NAME_MAX || !strchr(letters, name[0]) ||
	    strncmp(name, reserved, strlen(reserved)) == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr(letters, name[i]) && !strchr("0123456789.-", name[i]))
			return false;
	return true;
}

static int compare_entries(const void *a, const void *b)
{
	const struct secrets_entry *const *left = a, *const *right = b;
	int order = strcmp((*left)->name, (*right)->name);

	if (order != 0)
		return order;
	return (*left)->place < (*right)->place ? -1 : (*left)->place > (*right)->place;
}

static cli_exit check_twice(const struct cli *cli, const char *path,
			    const struct secrets_file *file)
{
	const struct secrets_entry **sorted = calloc(file->len + 1, sizeof(const void *));
	cli_exit status = CLI_DONE;

	if (!sorted)
		return cli_refuse(cli, "out of memory");
	for (size_t i = 0; i < file->len; i++)
		sorted[i] = &file->items[i];
	qsort(sorted, file->len, sizeof(const void *), compare_entries);
	for (size_t i = 1; i < file->len; i++)
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0 && is_name(sorted[i]->name))
			status =
			    cli_refuse(cli, "%s:%u: '%s' stands in line %u as well", path,
				       sorted[i]->place, sorted[i]->name, sorted[i - 1]->place);
	free(sorted);
	return status;
}

static cli_exit check_names(const struct cli *cli, const char *path, secrets_format format,
			    const struct secrets_file *file)
{
	cli_exit status = CLI_DONE;

	for (size_t i = 0; i < file->len; i++) {
		unsigned place = file->items[i].place;
		if (is_name(file->items[i].name))
			continue;
		if (format == SECRETS_JSON)
			status = cli_refuse(cli, "%s: member %u has no secret's name", path, place);
		else
			status = cli_refuse(cli, "%s:%u: has no secret's name", path, place);
	}
	if (format == SECRETS_DOTENV && check_twice(cli, path, file) != CLI_DONE)
		status = CLI_REFUSED;
	return status;
}

cli_exit secrets_file_read(const struct cli *cli, const char *path, secrets_format format,
			   struct secrets_file *out)
{
	cli_exit status;

	*out = (struct secrets_file){ 0 };
	status = format == SECRETS_JSON ? read_json(cli, path, out) : read_dotenv(cli, path, out);
	if (out->len > 0 && check_names(cli, path, format, out) != CLI_DONE)
		status = CLI_REFUSED;
	if (status != CLI_DONE)
		secrets_file_free(out);
	return status;
}
