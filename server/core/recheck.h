/* recheck.h - whether all that a store holds can be opened. Layer: core. */
#ifndef CORE_RECHECK_H
#define CORE_RECHECK_H

#include <coffer/error.h>
#include <stdint.h>

#include "core/core.h"

struct recheck_count {
	uint64_t secrets;
	uint64_t versions;
	uint64_t runs;
};

/* Opens every version of every secret with its note, and what every run is about. COFFER_DATA_LOSS, logged with
 * where it stands, at the first record that does not open. */
COFFER_MUST_USE coffer_err recheck_all(struct core *core, struct recheck_count *count);

#endif
