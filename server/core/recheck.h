/* recheck.h - whether all that a store holds can be opened. Layer: core.
 *
 * A walk by keys, from record to record: others may change the store between two steps. */
#ifndef CORE_RECHECK_H
#define CORE_RECHECK_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

struct recheck_count {
	uint64_t secrets;  /* whose newest version is no tombstone */
	uint64_t versions; /* tombstones too */
	uint64_t runs;
	uint64_t damaged; /* versions and runs among them that do not open */
};

/* Where the walk stands: begins with zeros. */
struct recheck {
	struct recheck_count count;
	uint64_t bytes; /* that were opened */
	bool at_runs;
	uint32_t version; /* of that name; 0: the name is done */
	bool newest;
	size_t scope_len, name_len, run_len;
	uint8_t scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX], run[COFFER_ID_LEN];
};

/* Opens the next version of a secret with its note, or what the next run is about; *opens tells whether it could.
 * COFFER_NOT_FOUND at the end; other errors are of the database, or of memory. */
COFFER_MUST_USE coffer_err recheck_next(struct core *core, struct recheck *walk, bool *opens);

/* Logs that what the walk stands at does not open. */
void recheck_tell(const struct recheck *walk);

/* All of it; what does not open is logged. */
COFFER_MUST_USE coffer_err recheck_all(struct core *core, struct recheck_count *count);

/* The version that the walk stands at; false if that is a run. */
bool recheck_secret(const struct recheck *walk, struct slice *scope, struct slice *name);

/* In the open transaction: erases the version that the walk stands at. Not the newest one of a secret: as it
 * is, it hides older values and those of other scopes, which nobody has asked for. */
COFFER_MUST_USE coffer_err recheck_erase(struct core *core, const struct recheck *walk);

#endif
