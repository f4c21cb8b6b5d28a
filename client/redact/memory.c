#include "memory.h"

#include "wipe.h"

#include <stdlib.h>

void *memory_take(size_t count, size_t size)
{
	return calloc(count > 0 ? count : 1, size);
}

void memory_give(void *p, size_t count, size_t size)
{
	if (p)
		wipe(p, count * size);
	free(p);
}
