#include "audit/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
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

/* A reader of its own, from the first entry on; NULL with errno set. */
static DIR *begin_reading(int folder)
{
	int fd = openat(folder, ".", FOLDER_FLAGS), saved;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0) {
		saved = errno;
		close(fd);
		errno = saved;
	}
	return dir;
}

/* The number of the next file of ours; 0 at the end, or with errno set. */
static uint64_t read_next(DIR *dir)
{
	const struct dirent *entry;
	uint64_t number;

	for (errno = 0; (entry = readdir(dir)) != NULL;)
		if ((number = parse_name(entry->d_name)) != 0)
			return number;
	return 0;
}

static coffer_err end_reading(DIR *dir)
{
	int saved = errno;

	closedir(dir);
	errno = saved;
	return saved == 0 ? COFFER_OK : COFFER_UNAVAILABLE;
}

/* The smallest or greatest number from min to max. */
static coffer_err find_file(int folder, uint64_t min, uint64_t max, bool greatest, uint64_t *first)
{
	DIR *dir = begin_reading(folder);
	uint64_t number;
	coffer_err err;

	*first = 0;
	if (dir == NULL)
		return COFFER_UNAVAILABLE;
	while ((number = read_next(dir)) != 0) {
		if (number < min || number > max)
			continue;
		if (*first == 0 || (number > *first) == greatest)
			*first = number;
	}
	if ((err = end_reading(dir)) != COFFER_OK)
		return err;
	return *first != 0 ? COFFER_OK : COFFER_NOT_FOUND;
}

coffer_err folder_size(int folder, uint64_t *bytes)
{
	DIR *dir = begin_reading(folder);
	char name[FOLDER_NAME_LEN + 1];
	uint64_t number;
	struct stat st;

	*bytes = 0;
	if (dir == NULL)
		return COFFER_UNAVAILABLE;
	while ((number = read_next(dir)) != 0) {
		folder_name(number, name);
		if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			*bytes += (uint64_t)st.st_size;
	}
	return end_reading(dir);
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
