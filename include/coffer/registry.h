/* coffer/registry.h - names resolved to values, from more than one place.
 *
 * A registry asks, in this order: what was declared under the name; the fallback, if there is one; nobody,
 * which is COFFER_NOT_FOUND. A declared source that fails is the answer, also if the name is unknown to it:
 * the fallback is not asked then. The fallback is asked exactly once for each resolve, and nothing is kept of
 * its answer. Every value that is handed out has been registered with the redactor before, if there is one.
 *
 *	coffer_open(&session, NULL);
 *	coffer_registry_new(&registry, redactor);
 *	coffer_registry_declare(registry, "DEPLOY_ENV", (const uint8_t *)"staging", 7);
 *	coffer_registry_fallback(registry, coffer_session_source, session);
 *	coffer_registry_resolve(registry, "DEPLOY_PASSWORD", &value);
 *
 * A registry belongs to one thread at a time, prints nothing and exits nowhere. Its values are wiped when it is
 * freed. Messages name secrets and hold no value. */
#ifndef COFFER_REGISTRY_H
#define COFFER_REGISTRY_H

#include <coffer/client.h>
#include <coffer/redact.h>

#ifdef __cplusplus
extern "C" {
#endif

COFFER_API_BEGIN

struct coffer_registry;

/* Finds the value of name: on COFFER_OK *out is one that coffer_value_free frees (see coffer_value_copy); else
 * *out is left empty. COFFER_NOT_FOUND: unknown to the source; any other error: it should know and cannot tell.
 * *why, NULL before, may be set to a text about the failure, valid until the next call of the source; it never
 * holds a value. A source must not call the registry that asks it. */
typedef coffer_err (*coffer_source)(void *context, const char *name, struct coffer_value *out,
				    const char **why);

/* The source that asks a session, its context. */
coffer_err coffer_session_source(void *session, const char *name, struct coffer_value *out,
				 const char **why);

/* Makes a value of len bytes at data (any, copied), for sources. COFFER_RESOURCE_EXHAUSTED; *out is then
 * empty. */
COFFER_MUST_USE coffer_err coffer_value_copy(struct coffer_value *out, const uint8_t *data,
					     size_t len);

/* redactor may be NULL: then nothing is registered; else it is borrowed until the registry is freed. The caller
 * frees *out. COFFER_RESOURCE_EXHAUSTED: no memory; *out is NULL. */
COFFER_MUST_USE coffer_err coffer_registry_new(struct coffer_registry **out,
					       struct coffer_redactor *redactor);
void coffer_registry_free(struct coffer_registry *registry); /* wipes; NULL is fine */

/* Declares a value (copied), or a source that is asked at each resolve; a later declaration of a name replaces
 * the earlier one. context is borrowed until the registry is freed. COFFER_INVALID_ARGUMENT: not a secret's
 * name, or no source. COFFER_RESOURCE_EXHAUSTED: no memory; nothing has changed then. */
COFFER_MUST_USE coffer_err coffer_registry_declare(struct coffer_registry *registry,
						   const char *name, const uint8_t *data,
						   size_t len);
COFFER_MUST_USE coffer_err coffer_registry_declare_source(struct coffer_registry *registry,
							  const char *name, coffer_source source,
							  void *context);

/* Sets the fallback, or with source NULL removes it. */
void coffer_registry_fallback(struct coffer_registry *registry, coffer_source source,
			      void *context);

/* Resolves a name. The caller frees *out; on failure it is empty. COFFER_INVALID_ARGUMENT: not a name.
 * COFFER_NOT_FOUND: unknown to all. COFFER_RESOURCE_EXHAUSTED: no memory, or the redactor's. COFFER_INTERNAL: a
 * source succeeded without a value. Else what the source returned. A value that is too short to be redacted is
 * handed out; coffer_redactor_message tells. */
COFFER_MUST_USE coffer_err coffer_registry_resolve(struct coffer_registry *registry,
						   const char *name, struct coffer_value *out);

/* What the last declare, resolve or coffer_resolve_json failed of, as coffer_message. */
const char *coffer_registry_message(const struct coffer_registry *registry);

/* The i-th declared name in the order of declaration, NULL from the last on: all that there is to print. */
const char *coffer_registry_name(const struct coffer_registry *registry, size_t i);

/* --- references: "secret:NAME" ------------------------------------------------------------------------ */

/* The name that text refers to, within text, or NULL if it is not a reference: not "secret:" with a
 * secret's name behind it and nothing else. text may be NULL. */
const char *coffer_reference(const char *text);

/* Replaces in a JSON text every string value that is a reference, at any depth up to 512, by a string of the
 * secret's value; keys and every other byte stay as they are. Each name is resolved once, however often it
 * stands there. json is borrowed and not changed. The caller frees *out. On failure it is empty:
 * COFFER_INVALID_ARGUMENT: not JSON (the message begins with "line 3, column 5: "), or a value that is not
 * UTF-8 and so cannot stand in JSON; COFFER_NOT_FOUND with a message that names every missing secret; else as
 * for coffer_registry_resolve. */
COFFER_MUST_USE coffer_err coffer_resolve_json(struct coffer_registry *registry, const char *json,
					       size_t len, struct coffer_value *out);

COFFER_API_END

#ifdef __cplusplus
}
#endif

#endif
