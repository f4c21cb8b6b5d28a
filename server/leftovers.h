/* leftovers.h - folders beside a home that a restore was killed in. Layer: main.
 *
 * A restore fills a folder "HOME.restoring-XXXXXX", with a mark in it that it has locked, and takes the mark away when
 * the folder is a whole home. So a folder with a mark that nobody has locked is of no use to anybody; one without may
 * be the home before. */
#ifndef LEFTOVERS_H
#define LEFTOVERS_H

#include <coffer/error.h>

/* Of the folder's name, behind that of the home, for mkdtemp. */
#define LEFTOVERS_SUFFIX ".restoring-XXXXXX"

/* Puts the mark into an empty folder, and locks it for as long as *mark is open, which the caller closes.
 * COFFER_UNAVAILABLE, logged, if that fails: *mark is -1 then. */
COFFER_MUST_USE coffer_err leftovers_mark(const char *folder, int *mark);
COFFER_MUST_USE coffer_err leftovers_unmark(const char *folder);

/* Removes the folders of that home that have a mark which nobody holds, if they are this user's. Others are told, and
 * left. */
void leftovers_remove(const char *home);

#endif
