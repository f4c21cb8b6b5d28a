#include "base/group.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define GROUPS_FILE "/etc/group"

/* (gid_t)-1 stands for "none" in system calls. */
static bool is_number(const char *text, gid_t *gid)
{
	unsigned long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoul(text, &end, 10);
	*gid = (gid_t)number;
	return errno == 0 && *end == '\0' && number < (gid_t)-1;
}

coffer_err group_find(const char *name, gid_t *gid)
{
	const struct group *group = NULL;
	FILE *file;

	if (is_number(name, gid))
		return COFFER_OK;
	if ((file = fopen(GROUPS_FILE, "re")) == NULL) {
		log_error("%s: %s", GROUPS_FILE, strerror(errno));
		return COFFER_UNAVAILABLE;
	}
	while ((group = fgetgrent(file)) != NULL && strcmp(group->gr_name, name) != 0)
		;
	if (group != NULL)
		*gid = group->gr_gid;
	(void)fclose(file);
	if (group != NULL)
		return COFFER_OK;
	log_error("there is no group '%s' in %s", name, GROUPS_FILE);
	return COFFER_NOT_FOUND;
}
