/* file.h - writing to a descriptor, whatever it is, and names that stay. Layer: tools. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of data. False: errno is set, and a part may have been written. */
bool file_write(int fd, const void *data, size_t len);

/* Syncs the folder of path, so that a name that was made in it outlives a crash. False: errno is set. */
bool file_sync_name(const char *path);

#endif
