/* file.h - reading from a descriptor. Layer: client. */
#ifndef CLIENT_FILE_H
#define CLIENT_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads until len bytes, or the end. Returns how many, or -1 with errno set. */
ssize_t file_read(int fd, void *to, size_t len);

#endif
