/* A job that tries all that a run can do and prints what comes of it, errors and their words too. What it
 * prints depends on the run and not on how its secrets come to it. */
#include <coffer/registry.h>

#include <inttypes.h>
#include <stdio.h>

static void tell(const char *what, coffer_err err, const struct coffer_session *session)
{
	printf("%s: %s %s\n", what, coffer_err_name(err), coffer_message(session));
}

static void tell_value(const char *name, const struct coffer_value *value)
{
	printf("%s %s@%u ", name, value->scope, (unsigned)value->version);
	for (size_t i = 0; i < value->len; i++)
		printf("%02x", value->data[i]);
	printf("\n");
}

static void claim(struct coffer_session *session)
{
	struct coffer_bootstrap about;
	coffer_err err = coffer_claim(session, &about);

	tell("claim", err, session);
	if (err != COFFER_OK)
		return;
	printf("%s %s %s %s %s %s %" PRId64 " %s %s\n", about.run_id, about.git_dir, about.pipeline,
	       about.repo, about.ref, about.sha, about.pushed_at_ms, about.sentry_dsn,
	       about.sentry_trace_id);
	for (size_t i = 0; i < about.extras_len; i++)
		printf("%s=%s\n", about.extras[i].key, about.extras[i].value);
	coffer_bootstrap_free(&about);
}

static void get(struct coffer_session *session, const char *name)
{
	struct coffer_value value;
	coffer_err err = coffer_get(session, name, &value);

	tell("get", err, session);
	if (err == COFFER_OK)
		tell_value(name, &value);
	coffer_value_free(&value);
}

static void tell_secrets(const char *what, coffer_err err, struct coffer_session *session,
			 struct coffer_secrets *secrets)
{
	tell(what, err, session);
	for (size_t i = 0; i < secrets->len; i++) {
		printf("%" PRId64 " ", secrets->items[i].updated_at_ms);
		tell_value(secrets->items[i].name, &secrets->items[i].value);
	}
	coffer_secrets_free(secrets);
}

static void get_many(struct coffer_session *session, const char *const *names, size_t count)
{
	struct coffer_secrets secrets;
	coffer_err err = coffer_get_many(session, names, count, &secrets);

	tell_secrets("get many", err, session, &secrets);
}

static void resolve(struct coffer_session *session)
{
	static const char json[] = "{\"key\": [\"secret:APP_TEXT\", 1.50]}";
	struct coffer_registry *registry;
	struct coffer_value value = { 0 };
	coffer_err err = coffer_registry_new(&registry, NULL);

	coffer_registry_fallback(registry, coffer_session_source, session);
	if (err == COFFER_OK)
		err = coffer_resolve_json(registry, json, sizeof(json) - 1, &value);
	printf("resolve: %s %s\n", coffer_err_name(err),
	       err == COFFER_OK ? (const char *)value.data : coffer_registry_message(registry));
	coffer_value_free(&value);
	coffer_registry_free(registry);
}

static void use(struct coffer_session *session)
{
	static const char *const some[] = { "APP_TEXT", "APP_EMPTY", "APP_TEXT" };
	static const char *const missing[] = { "APP_X", "APP_TEXT", "APP_Y", "APP_Z" };
	struct coffer_secrets secrets;
	uint64_t revision;
	bool changed;

	printf("run %s\n", coffer_run_id(session));
	for (size_t i = 0; coffer_scope(session, i) != NULL; i++)
		printf("scope %s\n", coffer_scope(session, i));
	claim(session);
	claim(session);
	get(session, "APP_BINARY");
	get(session, "APP_EMPTY");
	get(session, "APP_TEXT");
	get(session, "APP_X");
	get(session, "OTHER");
	get(session, "not a name");
	get_many(session, some, 3);
	get_many(session, missing, 1);
	get_many(session, missing, 4);
	get_many(session, missing, 0);
	tell_secrets("list", coffer_list(session, &secrets), session, &secrets);
	tell_secrets("environment", coffer_environment(session, &secrets), session, &secrets);
	resolve(session);
	tell("wait", coffer_wait(session, 0, -1, &revision, &changed), session);
}

int main(void)
{
	struct coffer_session *session;
	coffer_err err = coffer_open(&session, NULL);

	tell("open", err, session);
	if (err == COFFER_OK)
		use(session);
	coffer_close(session);
	return err != COFFER_OK;
}
