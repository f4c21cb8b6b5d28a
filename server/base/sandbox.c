#include "base/sandbox.h"

#include "base/log.h"
#include "base/sandbox_calls.h"
#include "base/sandbox_files.h"

/* The sanitizer's check for leaks needs calls that end the process here. */
#ifdef COFFER_SANITIZE
#define WITH_CALLS false
#else
#define WITH_CALLS true
#endif

/* The half could not be had: COFFER_FAILED_PRECONDITION is the kernel's lack, which may be gone without. */
static coffer_err do_without(coffer_err err, bool needed, const char *what)
{
	if (err != COFFER_FAILED_PRECONDITION)
		return err;
	if (needed) {
		log_error("sandbox: this kernel has no %s", what);
		return err;
	}
	log_warn("sandbox: this kernel has no %s: going on without it", what);
	return COFFER_OK;
}

coffer_err sandbox_enter(const struct sandbox_place *places, size_t len, sandbox_need need)
{
	coffer_err err;

	/* In this order, as the calls that restrict files are not among those that stay. */
	err = do_without(sandbox_files_restrict(places, len), need >= SANDBOX_FILES, "Landlock");
	if (err == COFFER_OK && WITH_CALLS)
		err = do_without(sandbox_calls_restrict(), need == SANDBOX_ALL, "seccomp");
	return err;
}

coffer_err sandbox_forbid(void)
{
	return WITH_CALLS ? do_without(sandbox_calls_forbid(), false, "seccomp") : COFFER_OK;
}
