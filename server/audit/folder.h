/* folder.h - the files of the audit log. Layer: audit, private.
 *
 * A file is named after the number of its first record, so names sort as records do. Whatever else lies
 * in the folder is passed over. */
#ifndef AUDIT_FOLDER_H
#define AUDIT_FOLDER_H

#include <coffer/error.h>
#include <stdint.h>

/* "00000000000000000001.jsonl" */
#define FOLDER_NAME_LEN 26
void folder_name(uint64_t first, char out[FOLDER_NAME_LEN + 1]);

/* Under this name a file is made, until it is whole and on disk. */
#define FOLDER_UNFINISHED "unfinished"

/* An open folder, which the caller closes; -1 with errno set. */
int folder_open(const char *path);

/* The file with the smallest number from min on, and the one with the greatest number up to max.
 * COFFER_NOT_FOUND if there is none; COFFER_UNAVAILABLE, with errno kept, if the system refuses. */
COFFER_MUST_USE coffer_err folder_oldest(int folder, uint64_t min, uint64_t *first);
COFFER_MUST_USE coffer_err folder_newest(int folder, uint64_t max, uint64_t *first);

/* Bytes of all files; one that goes away meanwhile does not count. COFFER_UNAVAILABLE, with errno kept, if the
 * system refuses. */
COFFER_MUST_USE coffer_err folder_size(int folder, uint64_t *bytes);

/* Removes a file. COFFER_UNAVAILABLE, with errno kept, if the system refuses. */
COFFER_MUST_USE coffer_err folder_remove(int folder, uint64_t first);

#endif
