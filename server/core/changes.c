#include "core/changes.h"

#include <assert.h>
#include <string.h>

#include "core/policy.h"

/* Stands behind the texts of its scope and name, so that the newest change is found from the end. */
struct trailer {
	uint64_t revision;
	uint32_t scope_len, name_len;
};

/* The change that ends at end, and where it begins. */
static size_t change_before(const struct changes *changes, size_t end, struct trailer *trailer)
{
	assert(end >= sizeof(*trailer));
	end -= sizeof(*trailer);
	memcpy(trailer, changes->text + end, sizeof(*trailer));
	assert(end >= (size_t)trailer->scope_len + trailer->name_len);
	return end - trailer->scope_len - trailer->name_len;
}

void changes_init(struct changes *changes, uint64_t revision)
{
	changes->since = changes->revision = revision;
	changes->committed = changes->len = 0;
}

/* Forgets all but the newest, of which at most half of the room is kept. */
static void forget_older(struct changes *changes)
{
	size_t cut = changes->len, begin;
	struct trailer trailer = { .revision = 0 };

	while (cut > 0) {
		begin = change_before(changes, cut, &trailer);
		if (changes->len - begin > CHANGES_BYTES / 2)
			break;
		cut = begin;
	}
	changes->since = trailer.revision;
	changes->len -= cut;
	memmove(changes->text, changes->text + cut, changes->len);
	changes->committed = changes->committed > cut ? changes->committed - cut : 0;
}

static void append(struct changes *changes, const void *bytes, size_t len)
{
	memcpy(changes->text + changes->len, bytes, len);
	changes->len += len;
}

void changes_add(struct changes *changes, struct slice scope, struct slice name)
{
	struct trailer trailer = { .revision = changes->revision + 1,
				   .scope_len = (uint32_t)scope.len,
				   .name_len = (uint32_t)name.len };
	size_t need = scope.len + name.len + sizeof(trailer);

	assert(scope.len <= COFFER_SCOPE_MAX && name.len <= COFFER_NAME_MAX);
	if (need > CHANGES_BYTES - changes->len)
		forget_older(changes);
	append(changes, scope.data, scope.len);
	append(changes, name.data, name.len);
	append(changes, &trailer, sizeof(trailer));
}

void changes_commit(struct changes *changes, uint64_t revision)
{
	changes->revision = revision;
	changes->committed = changes->len;
}

void changes_rollback(struct changes *changes)
{
	changes->len = changes->committed;
	/* A transaction of many names may have pushed out everything, and then some of its own. */
	if (changes->since > changes->revision)
		changes->since = changes->revision;
}

static bool sees(const struct grant *grant, struct slice scope, struct slice name)
{
	for (size_t i = 0; i < grant->scopes_len; i++)
		if (slice_equal(grant->scopes[i], scope))
			return policy_allows_name(grant, name);
	return false;
}

bool changes_seen(const struct changes *changes, const struct grant *grant, uint64_t after)
{
	size_t end = changes->committed;
	struct trailer trailer;

	if (after < changes->since || after > changes->revision)
		return true;
	while (end > 0) {
		const uint8_t *text = changes->text + change_before(changes, end, &trailer);
		if (trailer.revision <= after)
			return false;
		if (sees(grant, (struct slice){ text, trailer.scope_len },
			 (struct slice){ text + trailer.scope_len, trailer.name_len }))
			return true;
		end = (size_t)(text - changes->text);
	}
	return false;
}
