#include "secret_json.h"

#include "output.h"

static json_t *text_or_null(const char *text)
{
	return text ? output_json_text(text) : json_null();
}

json_t *secret_json(const struct coffer_info *info)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "scope",
			 output_json_text(info->scope), "name", output_json_text(info->name),
			 "version", (json_int_t)info->version, "updated_at_ms",
			 (json_int_t)info->updated_at_ms, "expires_at_ms",
			 (json_int_t)info->expires_at_ms, "note", text_or_null(info->note),
			 "source", text_or_null(info->source));
}
