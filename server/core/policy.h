/* policy.h - what a grant and an operator may do. Layer: core. Pure functions: no state, no I/O. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/grants.h"
#include "slice.h"

/* Whether a glob over names matches the name. */
bool policy_matches(struct slice glob, struct slice name);

/* Whether the grant's globs let it see that name; without globs it sees every name. */
bool policy_allows_name(const struct grant *grant, struct slice name);

/* Whether a peer of that uid may use the grant. */
bool policy_allows_peer(const struct grant *grant, uint32_t uid);

/* Who may operate besides the superuser and the daemon's own uid. */
struct policy_operators {
	uint32_t own_uid;
	bool has_group;
	uint32_t group;
};
/* groups are the peer's supplementary ones. */
bool policy_is_operator(const struct policy_operators *operators, uint32_t uid, uint32_t gid,
			const gid_t *groups, size_t groups_len);

/* Checks a scope that an operator names: COFFER_INVALID_ARGUMENT with *why if it is malformed,
 * COFFER_PERMISSION_DENIED if it is a system scope and system is not set. */
COFFER_MUST_USE coffer_err policy_check_scope(struct slice scope, bool system, const char **why);

/* Checks a scope that a service is to read: any but a run's, which is that run's alone.
 * COFFER_INVALID_ARGUMENT with *why. */
COFFER_MUST_USE coffer_err policy_check_service_scope(struct slice scope, const char **why);

#endif
