/* group.h - a group by its name. Layer: base.
 *
 * Of /etc/group alone and not through the name service switch: that would load libraries at run time, which a
 * statically linked daemon cannot, and may ask a network. */
#ifndef BASE_GROUP_H
#define BASE_GROUP_H

#include <coffer/error.h>
#include <sys/types.h>

/* name is a group of /etc/group, or a number. COFFER_NOT_FOUND if it is neither, COFFER_UNAVAILABLE if the file
 * cannot be read; the reason is logged. */
COFFER_MUST_USE coffer_err group_find(const char *name, gid_t *gid);

#endif
