#include "wipe.h"

#include <string.h>

void wipe(void *p, size_t len)
{
	if (len == 0)
		return;
	memset(p, 0, len);
	/* The compiler must assume that the assembly reads *p, so the memset is not dead. */
	__asm__ __volatile__("" : : "r"(p) : "memory");
}
