#include "audit_print.h"

#include <jansson.h>

/* Appends before and the text of a field, if the record has it. */
static void add(struct bytes *out, const json_t *record, const char *field, const char *before)
{
	const json_t *value = json_object_get(record, field);

	if (json_is_string(value)) {
		bytes_print(out, "%s", before);
		bytes_clean(out, json_string_value(value));
	} else if (json_is_integer(value)) {
		bytes_print(out, "%s%" JSON_INTEGER_FORMAT, before, json_integer_value(value));
	}
}

static void add_secret(struct bytes *out, const json_t *secret)
{
	add(out, secret, "scope", " ");
	add(out, secret, "name", json_object_get(secret, "scope") ? "/" : " ");
	add(out, secret, "version", "@");
}

/* "TIME OP OUTCOME run=ID uid=0 pid=1 via=X scope/name@version (reason)" */
static void add_record(struct bytes *out, const json_t *record)
{
	static const struct {
		const char *field;
		const char *before;
	} who[] = {
		{ "time", "" },         { "op", " " },      { "outcome", " " }, { "run", " run=" },
		{ "grant", " grant=" }, { "uid", " uid=" }, { "pid", " pid=" }, { "via", " via=" },
	};
	size_t i;
	json_t *secret;

	for (i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		add(out, record, who[i].field, who[i].before);
	add_secret(out, record);
	json_array_foreach(json_object_get(record, "secrets"), i, secret) add_secret(out, secret);
	if (json_object_get(record, "reason")) {
		add(out, record, "reason", " (");
		bytes_append(out, ")", 1);
	}
	bytes_append(out, "\n", 1);
}

void audit_print(struct bytes *out, const char *line, size_t len)
{
	json_t *record = json_loadb(line, len, 0, NULL);

	/* What is no record is shown as such and not left out: verify tells what is wrong with
	 * it. */
	if (json_is_object(record))
		add_record(out, record);
	else
		bytes_print(out, "- (a line that is no record)\n");
	json_decref(record);
}
