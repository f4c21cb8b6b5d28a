/* secret_json.h - what operators are told of a secret's version, as JSON; shared by ls and history.
 * Layer: tools. */
#ifndef SECRET_JSON_H
#define SECRET_JSON_H

#include <coffer/admin.h>
#include <jansson.h>

/* {scope, name, version, updated_at_ms, expires_at_ms, note, source}. NULL if there is no memory. */
json_t *secret_json(const struct coffer_info *info);

#endif
