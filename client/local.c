#include "local.h"

#include "clock.h"
#include "copy.h"
#include "handed.h"
#include "names.h"
#include "settings.h"
#include "unknown.h"

#include <fnmatch.h>
#include <poll.h>
#include <stdlib.h>

/* The one revision that there is. */
#define REVISION 1

/* How long one poll lasts at most. */
#define POLL_MAX_MS 3600000

static coffer_err check_expiry(struct coffer_session *s)
{
	if (s->expires_at_ms == 0 || clock_wall_ms() < s->expires_at_ms)
		return COFFER_OK;
	return transport_fail(&s->transport, COFFER_UNAUTHENTICATED, "the token is not valid");
}

static coffer_err take_settings(struct coffer_session *s, const char *path,
				const struct coffer_options *options)
{
	const char *expected = settings_get(options->run_id, "COFFER_RUN_ID");
	coffer_err err = copy_text(s->bundle.run_id, s->run_id, sizeof(s->run_id));

	s->expires_at_ms = s->bundle.expires_at_ms;
	for (size_t i = 0; err == COFFER_OK && i < s->bundle.scopes_len; i++)
		err = session_add_scope(s, s->bundle.scopes[i]);
	if (err != COFFER_OK)
		return transport_fail(&s->transport, COFFER_INVALID_ARGUMENT,
				      "%s: the run's id or a scope is not of its form", path);
	if (expected != NULL && strcmp(expected, s->run_id) != 0)
		return transport_fail(&s->transport, COFFER_UNAUTHENTICATED,
				      "%s: it is of another run than the expected one", path);
	return check_expiry(s);
}

static coffer_err local_open(struct coffer_session *session, const struct coffer_options *options)
{
	const char *path = settings_get(options->bootstrap, "COFFER_BOOTSTRAP");
	struct transport *t = &session->transport;
	struct bundle *bundle = &session->bundle;
	coffer_err err;

	if (path == NULL)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "no bootstrap file: COFFER_BOOTSTRAP is not set");
	if ((err = handed_take(path, &bundle->pages, &bundle->pages_len, &bundle->len, t)) !=
		COFFER_OK ||
	    (err = bundle_parse(bundle, path, t)) != COFFER_OK ||
	    (err = take_settings(session, path, options)) != COFFER_OK)
		bundle_free(bundle);
	return err;
}

static coffer_err local_claim(struct coffer_session *session, struct coffer_bootstrap *out)
{
	struct bundle *bundle = &session->bundle;
	coffer_err err;

	if ((err = check_expiry(session)) != COFFER_OK)
		return err;
	if (!bundle->claimable)
		return transport_fail(&session->transport, COFFER_NOT_FOUND,
				      "the run has no bootstrap data");
	if (bundle->about.memory == NULL)
		return transport_fail(&session->transport, COFFER_GONE,
				      "the bootstrap data was claimed before");
	*out = bundle->about;
	bundle->about = (struct coffer_bootstrap){ 0 };
	return COFFER_OK;
}

static bool is_allowed(const struct bundle *bundle, const char *name)
{
	for (size_t i = 0; i < bundle->allow_len; i++)
		if (fnmatch(bundle->allow[i], name, FNM_NOESCAPE) == 0)
			return true;
	return bundle->allow_len == 0;
}

/* *secret is NULL if the name is unknown, which is no error yet. */
static coffer_err find(struct coffer_session *s, const char *name,
		       const struct bundle_secret **secret)
{
	struct transport *t = &s->transport;
	const char *why;

	*secret = NULL;
	if (names_check_secret(slice_str(name), &why) != COFFER_OK)
		return transport_fail(t, COFFER_INVALID_ARGUMENT, "the secret's name %s", why);
	if (!is_allowed(&s->bundle, name))
		return transport_fail(t, COFFER_PERMISSION_DENIED,
				      "secret '%s' is not allowed to this run", name);
	*secret = bundle_find(&s->bundle, slice_str(name));
	return COFFER_OK;
}

static coffer_err copy_out(struct coffer_session *s, const struct bundle_secret *secret,
			   struct coffer_value *out)
{
	coffer_err err = copy_value(secret->value, secret->version, secret->scope, out);

	return err == COFFER_OK ? err : transport_fail(&s->transport, err, "no memory");
}

static coffer_err local_get(struct coffer_session *session, const char *name,
			    struct coffer_value *out)
{
	const struct bundle_secret *secret;
	coffer_err err;

	if ((err = check_expiry(session)) != COFFER_OK ||
	    (err = find(session, name, &secret)) != COFFER_OK)
		return err;
	if (secret != NULL)
		return copy_out(session, secret, out);
	unknown_add(session->transport.message, 0, name);
	return COFFER_NOT_FOUND;
}

/* Before any value is copied: all, or an error that names every missing one. */
static coffer_err check_all(struct coffer_session *s, const char *const *names, size_t count)
{
	char text[COFFER_MESSAGE_MAX + 1] = "";
	const struct bundle_secret *secret;
	size_t missing = 0;
	coffer_err err;

	for (size_t i = 0; i < count; i++) {
		if ((err = find(s, names[i], &secret)) != COFFER_OK)
			return err;
		if (secret == NULL)
			unknown_add(text, missing++, names[i]);
	}
	if (missing == 0)
		return COFFER_OK;
	return transport_fail(&s->transport, COFFER_NOT_FOUND, "%s", text);
}

static coffer_err copy_secret(struct coffer_session *s, const struct bundle_secret *from,
			      struct coffer_secret *to)
{
	coffer_err err = copy_text(from->name, to->name, sizeof(to->name));

	return err == COFFER_OK ? copy_out(s, from, &to->value) : err;
}

static coffer_err local_get_many(struct coffer_session *session, const char *const *names,
				 size_t count, struct coffer_secrets *out)
{
	coffer_err err;

	if ((err = check_expiry(session)) != COFFER_OK)
		return err;
	err = check_all(session, names, count);
	while (err == COFFER_OK && out->len < count) {
		const struct bundle_secret *secret =
		    bundle_find(&session->bundle, slice_str(names[out->len]));
		err = copy_secret(session, secret, &out->items[out->len++]);
	}
	return err;
}

static coffer_err make_room(struct coffer_session *s, struct coffer_secrets *out)
{
	size_t count = s->bundle.secrets_len;
	coffer_err err = check_expiry(s);

	if (err != COFFER_OK || count == 0)
		return err;
	out->items = calloc(count, sizeof(*out->items));
	if (out->items == NULL)
		return transport_fail(&s->transport, COFFER_RESOURCE_EXHAUSTED, "no memory");
	return COFFER_OK;
}

static coffer_err local_list(struct coffer_session *session, struct coffer_secrets *out)
{
	coffer_err err = make_room(session, out);

	while (err == COFFER_OK && out->len < session->bundle.secrets_len) {
		const struct bundle_secret *from = &session->bundle.secrets[out->len];
		struct coffer_secret *to = &out->items[out->len++];
		to->value.version = from->version;
		to->updated_at_ms = from->updated_at_ms;
		if ((err = copy_text(from->name, to->name, sizeof(to->name))) == COFFER_OK)
			err = copy_text(from->scope, to->value.scope, sizeof(to->value.scope));
	}
	return err;
}

static coffer_err local_environment(struct coffer_session *session, struct coffer_secrets *out)
{
	coffer_err err = make_room(session, out);

	while (err == COFFER_OK && out->len < session->bundle.secrets_len) {
		const struct bundle_secret *from = &session->bundle.secrets[out->len];
		err = copy_secret(session, from, &out->items[out->len++]);
	}
	return err;
}

/* Nothing changes here, but the time may come at which the run's token expires. */
static coffer_err local_wait(struct coffer_session *session, uint64_t after, int timeout_ms,
			     uint64_t *revision, bool *changed)
{
	int64_t end = clock_mono_ms() + (after == 0 ? 0 : timeout_ms);
	int64_t left = 0;
	coffer_err err;

	*changed = false;
	*revision = REVISION;
	while ((err = check_expiry(session)) == COFFER_OK && (left = end - clock_mono_ms()) > 0) {
		int64_t expiry = session->expires_at_ms - clock_wall_ms();
		if (session->expires_at_ms != 0 && expiry < left)
			left = expiry < 0 ? 0 : expiry;
		(void)poll(NULL, 0, left < POLL_MAX_MS ? (int)left : POLL_MAX_MS);
	}
	return err;
}

const struct session_ops local_ops = {
	.transport = "filesystem",
	.open = local_open,
	.claim = local_claim,
	.get = local_get,
	.get_many = local_get_many,
	.list = local_list,
	.environment = local_environment,
	.wait = local_wait,
};
