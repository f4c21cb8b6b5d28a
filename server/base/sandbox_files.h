/* sandbox_files.h - the sandbox's half about files: Landlock. Layer: base, inside. */
#ifndef BASE_SANDBOX_FILES_H
#define BASE_SANDBOX_FILES_H

#include "base/sandbox.h"

/* As sandbox_enter. COFFER_FAILED_PRECONDITION, not logged: the kernel has no Landlock. */
COFFER_MUST_USE coffer_err sandbox_files_restrict(const struct sandbox_place *places, size_t len);

#endif
