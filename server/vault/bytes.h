/* bytes.h - fixed-width, big-endian fields of stored and authenticated data. Layer: vault. */
#ifndef VAULT_BYTES_H
#define VAULT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Each writes at p and returns the byte behind what it wrote. src may be NULL if len is 0. */
static inline uint8_t *bytes_put(uint8_t *p, const uint8_t *src, size_t len)
{
	if (len > 0)
		memcpy(p, src, len);
	return p + len;
}

static inline uint8_t *bytes_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *bytes_put_u32(uint8_t *p, uint32_t v)
{
	p = bytes_put_u16(p, (uint16_t)(v >> 16));
	return bytes_put_u16(p, (uint16_t)v);
}

static inline uint8_t *bytes_put_u64(uint8_t *p, uint64_t v)
{
	p = bytes_put_u32(p, (uint32_t)(v >> 32));
	return bytes_put_u32(p, (uint32_t)v);
}

static inline uint16_t bytes_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t bytes_get_u64(const uint8_t *p)
{
	return (uint64_t)bytes_get_u32(p) << 32 | bytes_get_u32(p + 4);
}

#endif
