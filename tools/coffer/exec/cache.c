#include "cache.h"

#include "bytes.h"
#include "exec/cache_codec.h"
#include "file.h"

#include <assert.h>
#include <coffer/limits.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "coffer/cache/v1\n"

/* More than an environment can have. */
#define FILE_MAX ((off_t)128 << 20)

#define KEY_LEN   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN   crypto_aead_xchacha20poly1305_ietf_ABYTES

/* As it stands in the file. */
struct header {
	char magic[16];
	uint8_t salt[16];
	uint8_t commitment[32];
	uint8_t nonce[NONCE_LEN];
};
_Static_assert(sizeof(struct header) == 88, "there are no gaps");

/* The two halves of what is derived. */
struct keys {
	uint8_t key[KEY_LEN];
	uint8_t commitment[32];
};

/* Why a file is of no use, where more than one place says so. */
static const char no_memory[] = "there is no memory for it";
static const char no_cache[] = "it is not a cache";
static const char not_regular[] = "it is not a regular file";
static const char no_cipher[] = "libsodium cannot be used";
static const char changed[] = "it is damaged, or was tampered with";

static const char *derive(const char *token, const struct header *header, struct keys *out)
{
	uint8_t input[sizeof(header->magic) + sizeof(header->salt)];

	if (strlen(token) != COFFER_TOKEN_LEN)
		return "there is no token to open it with";
	memcpy(input, header->magic, sizeof(header->magic));
	memcpy(input + sizeof(header->magic), header->salt, sizeof(header->salt));
	(void)crypto_generichash((uint8_t *)out, sizeof(*out), input, sizeof(input),
				 (const uint8_t *)token, COFFER_TOKEN_LEN);
	return NULL;
}

/* --- writing ------------------------------------------------------------------------------------------ */

/* The whole file, from the content. */
static const char *seal(const char *token, const struct bytes *content, struct bytes *out)
{
	struct header header = { .magic = "" };
	struct keys keys;
	const char *why;

	if (sodium_init() < 0)
		return no_cipher;
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	randombytes_buf(header.salt, sizeof(header.salt));
	randombytes_buf(header.nonce, sizeof(header.nonce));
	if ((why = derive(token, &header, &keys)))
		return why;
	memcpy(header.commitment, keys.commitment, sizeof(header.commitment));
	bytes_append(out, (const char *)&header, sizeof(header));
	if (bytes_reserve(out, content->len + TAG_LEN)) {
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		    (uint8_t *)out->data + out->len, NULL, (const uint8_t *)content->data,
		    content->len, (const uint8_t *)&header, sizeof(header), NULL, header.nonce,
		    keys.key);
		out->len += content->len + TAG_LEN;
	}
	explicit_bzero(&keys, sizeof(keys));
	return out->failed ? no_memory : NULL;
}

/* NULL if what is at path, if anything, may make way: as root a device would, too, and be gone for everybody. */
static const char *check_place(const char *path)
{
	struct stat about;

	if (lstat(path, &about) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	return S_ISREG(about.st_mode) || S_ISLNK(about.st_mode) ? NULL : not_regular;
}

static const char *replace(const char *path, const struct bytes *file)
{
	char *temporary = NULL;
	const char *why = check_place(path);
	int fd = -1;

	if (why)
		return why;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return no_memory;
	if ((fd = mkostemp(temporary, O_CLOEXEC)) < 0) {
		why = strerror(errno);
		goto out;
	}
	if (!file_write(fd, file->data, file->len) || fsync(fd) != 0 ||
	    rename(temporary, path) != 0) {
		why = strerror(errno);
		(void)unlink(temporary);
	} else if (!file_sync_name(path)) {
		why = strerror(errno);
	}
	close(fd);
out:
	free(temporary);
	return why;
}

const char *cache_write(const char *path, const char *token, const struct cache_about *about,
			const struct values *values)
{
	struct bytes content = { 0 };
	struct bytes file = { 0 };
	const char *why = no_memory;

	cache_codec_encode(&content, about, values);
	if (!content.failed && !(why = seal(token, &content, &file)))
		why = replace(path, &file);
	bytes_free(&content);
	bytes_free(&file);
	return why;
}

/* --- reading ------------------------------------------------------------------------------------------ */

/* NULL if the open file is one that only we can have written. */
static const char *check(int fd, struct stat *about)
{
	if (fstat(fd, about) != 0)
		return strerror(errno);
	if (!S_ISREG(about->st_mode))
		return not_regular;
	if (about->st_uid != geteuid())
		return "it is another user's";
	if (about->st_mode & (S_IRWXG | S_IRWXO))
		return "other users may read or write it";
	if (about->st_size < (off_t)(sizeof(struct header) + TAG_LEN) || about->st_size > FILE_MAX)
		return no_cache;
	return NULL;
}

static const char *read_fully(int fd, size_t size, struct bytes *out)
{
	if (!bytes_reserve(out, size))
		return no_memory;
	while (out->len < size) {
		ssize_t len = read(fd, out->data + out->len, size - out->len);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len < 0 ? strerror(errno) : no_cache;
		out->len += (size_t)len;
	}
	return NULL;
}

static const char *read_file(const char *path, struct bytes *out)
{
	struct stat about;
	const char *why;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ELOOP ? "it is a symbolic link" : strerror(errno);
	if (!(why = check(fd, &about)))
		why = read_fully(fd, (size_t)about.st_size, out);
	close(fd);
	return why;
}

/* The content, from the whole file. */
static const char *unseal(const char *token, const struct bytes *file, struct bytes *out)
{
	size_t sealed_len = file->len - sizeof(struct header);
	struct header header;
	struct keys keys;
	const char *why;

	assert(file->data);
	if (sodium_init() < 0)
		return no_cipher;
	memcpy(&header, file->data, sizeof(header));
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0)
		return no_cache;
	if ((why = derive(token, &header, &keys)))
		return why;
	if (sodium_memcmp(header.commitment, keys.commitment, sizeof(keys.commitment)) != 0)
		why = "it was made with another token, or was tampered with";
	else if (!bytes_reserve(out, sealed_len))
		why = no_memory;
	else if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		     (uint8_t *)out->data, NULL, NULL, (const uint8_t *)file->data + sizeof(header),
		     sealed_len, (const uint8_t *)&header, sizeof(header), header.nonce,
		     keys.key) != 0)
		why = changed;
	else
		out->len = sealed_len - TAG_LEN;
	explicit_bzero(&keys, sizeof(keys));
	return why;
}

const char *cache_read(const char *path, const char *token, int64_t now_ms,
		       struct cache_about *about, struct values *values)
{
	struct bytes file = { 0 };
	struct bytes content = { 0 };
	const char *why;

	*values = (struct values){ NULL };
	if (!(why = read_file(path, &file)) && !(why = unseal(token, &file, &content))) {
		if (!cache_codec_decode(&content, about, values))
			why = changed;
		else if (about->expires_at_ms <= now_ms)
			why = "the token has expired";
	}
	if (why)
		values_free(values);
	bytes_free(&content);
	bytes_free(&file);
	return why;
}
