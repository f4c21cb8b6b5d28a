#include "audit/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define NUMBER_LEN   20
#define SUFFIX       ".jsonl"
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

void folder_name(uint64_t first, char out[FOLDER_NAME_LEN + 1])
{
	for (size_t i = NUMBER_LEN; i-- > 0; first /= 10)
		out[i] = (char)('0' + first % 10);
	memcpy(out + NUMBER_LEN, SUFFIX, sizeof(SUFFIX));
}

/* 0 if name is not a name of ours. */
static uint64_t parse_name(const char *name)
{
	uint64_t value = 0, digit;

	if (strlen(name) != FOLDER_NAME_LEN || strcmp(name + NUMBER_LEN, SUFFIX) != 0)
		return 0;
	for (size_t i = 0; i < NUMBER_LEN; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		digit = (uint64_t)(name[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return 0;
		value = value * 10 + digit;
	}
	return value;
}

int folder_open(const char *path)
{
	return open(path, FOLDER_FLAGS);
}

/* The smallest or greatest number from min to max. */
static coffer_err find_file(int folder, uint64_t min, uint64_t max, bool greatest, uint64_t *first)
{
	int fd = openat(folder, ".", FOLDER_FLAGS);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int saved;

	*first = 0;
	if (dir == NULL) {
		saved = errno;
		if (fd >= 0)
			close(fd);
		errno = saved;
		return COFFER_UNAVAILABLE;
	}
	for (errno = 0; (entry = readdir(dir)) != NULL;) {
		uint64_t number = parse_name(entry->d_name);
		if (number == 0 || number < min || number > max)
			continue;
		if (*first == 0 || (number > *first) == greatest)
			*first = number;
	}
	saved = errno;
	closedir(dir);
	errno = saved;
	if (saved != 0)
		return COFFER_UNAVAILABLE;
	return *first != 0 ? COFFER_OK : COFFER_NOT_FOUND;
}

coffer_err folder_oldest(int folder, uint64_t min, uint64_t *first)
{
	return find_file(folder, min, UINT64_MAX, false, first);
}

coffer_err folder_newest(int folder, uint64_t max, uint64_t *first)
{
	return find_file(folder, 1, max, true, first);
}

coffer_err folder_remove(int folder, uint64_t first)
{
	char name[FOLDER_NAME_LEN + 1];

	folder_name(first, name);
	return unlinkat(folder, name, 0) == 0 ? COFFER_OK : COFFER_UNAVAILABLE;
}
