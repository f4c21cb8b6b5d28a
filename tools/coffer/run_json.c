#include "run_json.h"

#include "output.h"

json_t *run_json_meta(const struct coffer_bootstrap *about)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:I}", "pipeline", output_json_text(about->pipeline),
			 "repo", output_json_text(about->repo), "ref", output_json_text(about->ref),
			 "sha", output_json_text(about->sha), "pushed_at_ms",
			 (json_int_t)about->pushed_at_ms);
}

json_t *run_json_sentry(const struct coffer_bootstrap *about)
{
	return json_pack("{s:o, s:o}", "dsn", output_json_text(about->sentry_dsn), "trace_id",
			 output_json_text(about->sentry_trace_id));
}

json_t *run_json_extras(const struct coffer_bootstrap *about)
{
	json_t *json = json_object();
	bool ok = json != NULL;

	for (size_t i = 0; ok && i < about->extras_len; i++) {
		json_t *key = output_json_text(about->extras[i].key);
		ok = key && json_object_set_new(json, json_string_value(key),
						output_json_text(about->extras[i].value)) == 0;
		json_decref(key);
	}
	if (!ok) {
		json_decref(json);
		return NULL;
	}
	return json;
}
