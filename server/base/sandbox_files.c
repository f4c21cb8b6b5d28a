#include "base/sandbox_files.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the oldest kernel headers that this compiles with. The numbers are the kernel's ABI. */
#define FS_TRUNCATE         (UINT64_C(1) << 14)
#define FS_IOCTL_DEV        (UINT64_C(1) << 15)
#define NET_BIND_TCP        (UINT64_C(1) << 0)
#define NET_CONNECT_TCP     (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)
#define SCOPE_SIGNAL        (UINT64_C(1) << 1)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

#define FS_FIRST_ABI ((UINT64_C(1) << 13) - 1) /* EXECUTE to MAKE_SYM */

/* What each version of the kernel's ABI takes away more than the one before. */
static const struct ruleset_attr steps[] = {
	{ .fs = FS_FIRST_ABI }, { .fs = LANDLOCK_ACCESS_FS_REFER },
	{ .fs = FS_TRUNCATE },  { .net = NET_BIND_TCP | NET_CONNECT_TCP },
	{ .fs = FS_IOCTL_DEV }, { .scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static const uint64_t rights[] = {
	[SANDBOX_READ] = LANDLOCK_ACCESS_FS_READ_FILE,
	[SANDBOX_KEEP] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			 LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG |
			 LANDLOCK_ACCESS_FS_REMOVE_FILE,
	[SANDBOX_CLEAR] = LANDLOCK_ACCESS_FS_REMOVE_FILE,
	[SANDBOX_CLEAR_FOLDERS] = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				  LANDLOCK_ACCESS_FS_REMOVE_DIR,
};

static coffer_err fail(const char *what)
{
	log_error("sandbox: cannot %s: %s", what, strerror(errno));
	return COFFER_INTERNAL;
}

/* The version of the ABI: 0 for none. */
static long abi_version(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? abi : 0;
}

static coffer_err make_ruleset(long abi, struct ruleset_attr *handled, int *ruleset)
{
	*handled = (struct ruleset_attr){ .fs = 0 };
	for (size_t i = 0; i < STEPS && (long)i < abi; i++) {
		handled->fs |= steps[i].fs;
		handled->net |= steps[i].net;
		handled->scoped |= steps[i].scoped;
	}
	/* An older kernel takes a longer structure, as long as it ends with zeros. */
	*ruleset = (int)syscall(SYS_landlock_create_ruleset, handled, sizeof(*handled), 0);
	return *ruleset >= 0 ? COFFER_OK : fail("make Landlock's rules");
}

static coffer_err add_place(int ruleset, const struct sandbox_place *place, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights[place->use] & handled };
	coffer_err err = COFFER_OK;
	int fd = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		log_error("sandbox: cannot open the folder %s: %s", place->path, strerror(errno));
		return errno == ENOENT ? COFFER_NOT_FOUND : COFFER_INTERNAL;
	}
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		err = fail("add a rule of Landlock's");
	close(fd);
	return err;
}

coffer_err sandbox_files_restrict(const struct sandbox_place *places, size_t len)
{
	struct ruleset_attr handled;
	long abi = abi_version();
	int ruleset;
	coffer_err err;

	if (abi == 0)
		return COFFER_FAILED_PRECONDITION;
	err = make_ruleset(abi, &handled, &ruleset);
	for (size_t i = 0; i < len && err == COFFER_OK; i++)
		err = add_place(ruleset, &places[i], handled.fs);
#ifdef COFFER_SANITIZE
	/* The check for leaks at the end looks at the process's own threads and memory. */
	if (err == COFFER_OK)
		err = add_place(ruleset, &(struct sandbox_place){ "/proc", SANDBOX_KEEP },
				handled.fs);
#endif
	if (err == COFFER_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		err = fail("restrict itself with Landlock");
	if (ruleset >= 0)
		close(ruleset);
	return err;
}
