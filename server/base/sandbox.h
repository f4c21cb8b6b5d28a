/* sandbox.h - what the process gives up for good once it has all that it needs. Layer: base.
 *
 * Landlock takes away every file but the places that are named, the execution of files, TCP, other processes'
 * abstract sockets and signals to them, each as far as the kernel knows it. seccomp then leaves the system calls
 * that a daemon needs which has its sockets, store and log open: others fail with EPERM and are logged by the
 * kernel, and those that only an attacker makes end the process. In a build with the address sanitizer seccomp is
 * left out: the check for leaks at the end traces the process, from a process of its own. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

/* What stays possible below a folder. */
typedef enum sandbox_use {
	SANDBOX_READ,          /* to read files */
	SANDBOX_KEEP,          /* to list, read, make, write, rename and remove files */
	SANDBOX_CLEAR,         /* to remove files */
	SANDBOX_CLEAR_FOLDERS, /* to remove files and empty folders */
} sandbox_use;

struct sandbox_place {
	const char *path; /* of a folder; borrowed */
	sandbox_use use;
};

/* How much of it must be had: a kernel that cannot do the rest is warned about and used. */
typedef enum sandbox_need {
	SANDBOX_AS_CAN_BE,
	SANDBOX_FILES, /* the places must be kept to */
	SANDBOX_ALL,
} sandbox_need;

/* Takes away all but those places and calls, after process_harden, in a process of one thread. What is open stays
 * open. COFFER_NOT_FOUND: one of the places is missing; COFFER_FAILED_PRECONDITION: the kernel cannot do what is
 * needed; COFFER_INTERNAL: it failed. The cause is logged; the process must end then, as some of it may hold. */
COFFER_MUST_USE coffer_err sandbox_enter(const struct sandbox_place *places, size_t len,
					 sandbox_need need);

/* For a process that needs more than those calls, as one does that speaks to a network: takes away only what ends the
 * process, to run another program or to reach into another process above all. Threads and children keep to it. A kernel
 * that cannot do it is warned about. COFFER_INTERNAL, logged: it failed. */
COFFER_MUST_USE coffer_err sandbox_forbid(void);

#endif
