#include "core/rules.h"

#include "core/policy.h"
#include "core/scopes.h"

#define SYSTEM     "system/"
#define SYSTEM_LEN (sizeof(SYSTEM) - 1)

static const char built_in[] = "BEARER_TOKEN_*=workloads\n"
			       "OAUTH_CLIENT_SECRET_*=workloads\n"
			       "BUILD_AUTH_FILE_*=workloads\n"
			       "REGISTRY_OAUTH_*=registry";

/* False if it has no '='. */
static bool split(struct slice rule, struct slice *pattern, struct slice *component)
{
	const uint8_t *equals = rule.len > 0 ? memchr(rule.data, '=', rule.len) : NULL;

	if (equals == NULL)
		return false;
	*pattern = (struct slice){ rule.data, (size_t)(equals - rule.data) };
	*component = (struct slice){ equals + 1, rule.len - pattern->len - 1 };
	return true;
}

static struct slice scope_of(struct slice component, char out[COFFER_SCOPE_MAX])
{
	if (component.len > COFFER_SCOPE_MAX - SYSTEM_LEN)
		return SLICE_EMPTY;
	memcpy(out, SYSTEM, SYSTEM_LEN);
	memcpy(out + SYSTEM_LEN, component.data, component.len);
	return (struct slice){ (const uint8_t *)out, SYSTEM_LEN + component.len };
}

coffer_err rules_check(struct slice rule, const char **why)
{
	struct slice pattern, component;
	char scope[COFFER_SCOPE_MAX];
	scope_kind kind;
	coffer_err err;

	*why = "is not PATTERN=component";
	if (!split(rule, &pattern, &component))
		return COFFER_INVALID_ARGUMENT;
	if ((err = names_check_glob(pattern, why)) != COFFER_OK)
		return err;
	*why = "names no component";
	return names_check_scope(scope_of(component, scope), &kind, why);
}

static struct slice find(struct slice rules, struct slice name, char out[COFFER_SCOPE_MAX])
{
	struct slice rule, pattern, component;

	while (scopes_next(&rules, &rule))
		if (split(rule, &pattern, &component) && policy_matches(pattern, name))
			return scope_of(component, out);
	return SLICE_EMPTY;
}

struct slice rules_scope(struct slice own, struct slice name, char out[COFFER_SCOPE_MAX])
{
	struct slice scope = find(own, name, out);

	return scope.len > 0 ? scope : find(slice_str(built_in), name, out);
}

bool rules_fall_back(const struct grant *grant, struct slice own, struct slice name)
{
	char text[COFFER_SCOPE_MAX];
	struct slice scope;

	if (grant->kind != GRANT_SERVICE)
		return false;
	scope = rules_scope(own, name, text);
	for (size_t i = 0; i < grant->scopes_len && scope.len > 0; i++)
		if (slice_equal(grant->scopes[i], scope))
			return true;
	return false;
}
