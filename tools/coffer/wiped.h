/* wiped.h - heap memory that is wiped when it is freed, for libraries that let their allocator be set. Layer: tools. */
#ifndef WIPED_H
#define WIPED_H

#include <stddef.h>

/* As those of stdlib.h; what one of them gave, only wiped_realloc and wiped_free take. */
void *wiped_malloc(size_t size);
void *wiped_calloc(size_t count, size_t size);
void *wiped_realloc(void *data, size_t size);
char *wiped_strdup(const char *text);
void wiped_free(void *data);

/* How much was asked for. */
size_t wiped_size(const void *data);

#endif
