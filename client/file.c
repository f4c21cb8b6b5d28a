#include "file.h"

#include <errno.h>
#include <unistd.h>

ssize_t file_read(int fd, void *to, size_t len)
{
	size_t done = 0;
	ssize_t n = 1;

	while (n != 0 && done < len) {
		n = read(fd, (char *)to + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return (ssize_t)done;
}
