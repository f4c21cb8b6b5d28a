#include "pages.h"

#include "wipe.h"

#include <sys/mman.h>

/* Locking fails where the limit for it is low: then the bytes are as safe as the rest of the process. */
uint8_t *pages_map(size_t len)
{
	void *pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	(void)mlock(pages, len);
	(void)madvise(pages, len, MADV_DONTDUMP);
	(void)madvise(pages, len, MADV_WIPEONFORK);
	return pages;
}

void pages_free(uint8_t *pages, size_t len)
{
	if (pages == NULL)
		return;
	wipe(pages, len);
	(void)munmap(pages, len);
}
