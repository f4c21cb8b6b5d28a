/* process.h - what the daemon does to its own process before it touches a secret. Layer: base. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <coffer/error.h>

/* umask 077; no core dump; no ptrace and no /proc/PID/mem by others of the same uid; no new
 * privileges by exec. Cannot be taken back. COFFER_INTERNAL if any of it fails; the cause is
 * logged. */
COFFER_MUST_USE coffer_err process_harden(void);

/* Puts inherited descriptors in order, before any other is opened: closes keep_from (at least 3)
 * and all above it, and opens those of 0, 1 and 2 that are closed on /dev/null, so that no database
 * or socket becomes stderr. 3 to keep_from - 1 are what the parent announced, and stay as they are.
 * COFFER_INTERNAL if that fails; the cause is logged. */
COFFER_MUST_USE coffer_err process_close_inherited(int keep_from);

#endif
