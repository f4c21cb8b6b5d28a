/* run_json.h - what a run is about, as JSON; shared by bootstrap and the run verbs.
 * Layer: tools. */
#ifndef RUN_JSON_H
#define RUN_JSON_H

#include <coffer/client.h>
#include <jansson.h>

/* {pipeline, repo, ref, sha, pushed_at_ms}. NULL if there is no memory, here and below. */
json_t *run_json_meta(const struct coffer_bootstrap *about);
/* {dsn, trace_id}. */
json_t *run_json_sentry(const struct coffer_bootstrap *about);
/* An object of the extras. */
json_t *run_json_extras(const struct coffer_bootstrap *about);

#endif
