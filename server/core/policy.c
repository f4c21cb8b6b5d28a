#include "core/policy.h"

#include <fnmatch.h>

#include "core/scopes.h"
#include "names.h"

bool policy_matches(struct slice glob, struct slice name)
{
	char pattern[COFFER_NAME_MAX + 1], text[COFFER_NAME_MAX + 1];

	if (glob.len > COFFER_NAME_MAX || name.len > COFFER_NAME_MAX)
		return false;
	memcpy(pattern, glob.data, glob.len);
	pattern[glob.len] = '\0';
	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}

bool policy_allows_name(const struct grant *grant, struct slice name)
{
	struct slice list = grant->allow, glob;

	if (list.len == 0)
		return true;
	while (scopes_next(&list, &glob))
		if (policy_matches(glob, name))
			return true;
	return false;
}

bool policy_allows_peer(const struct grant *grant, uint32_t uid)
{
	return !grant->bind_uid || grant->uid == uid;
}

bool policy_is_operator(const struct policy_operators *operators, uint32_t uid, uint32_t gid,
			const gid_t *groups, size_t groups_len)
{
	if (uid == 0 || uid == operators->own_uid)
		return true;
	if (!operators->has_group)
		return false;
	if (gid == operators->group)
		return true;
	for (size_t i = 0; i < groups_len; i++)
		if (groups[i] == operators->group)
			return true;
	return false;
}

coffer_err policy_check_scope(struct slice scope, bool system, const char **why)
{
	scope_kind kind;
	coffer_err err;

	if ((err = names_check_scope(scope, &kind, why)) != COFFER_OK)
		return err;
	if (kind == SCOPE_SYSTEM && !system) {
		*why = "is a system scope: it needs system to be set, as by --system";
		return COFFER_PERMISSION_DENIED;
	}
	return COFFER_OK;
}

coffer_err policy_check_service_scope(struct slice scope, const char **why)
{
	scope_kind kind;
	coffer_err err;

	if ((err = names_check_scope(scope, &kind, why)) != COFFER_OK)
		return err;
	if (kind == SCOPE_RUN) {
		*why = "is a run's, which no service can have";
		return COFFER_INVALID_ARGUMENT;
	}
	return COFFER_OK;
}
