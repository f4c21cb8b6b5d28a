/* sandbox_calls.h - the sandbox's half about system calls: seccomp. Layer: base, inside. */
#ifndef BASE_SANDBOX_CALLS_H
#define BASE_SANDBOX_CALLS_H

#include "base/sandbox.h"

/* As sandbox_enter. COFFER_FAILED_PRECONDITION, not logged: the kernel has no seccomp. */
COFFER_MUST_USE coffer_err sandbox_calls_restrict(void);

/* As sandbox_forbid; the same of kernels. */
COFFER_MUST_USE coffer_err sandbox_calls_forbid(void);

#endif
