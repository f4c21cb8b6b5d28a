/* base64.h - bytes out of their base64 (RFC 4648), to the letter. Layer: client. */
#ifndef CLIENT_BASE64_H
#define CLIENT_BASE64_H

#include <stdbool.h>

#include "slice.h"

/* Decodes text, with its padding, to out; that may be where text stands. False if it is not of that form. */
bool base64_decode(struct slice text, uint8_t *out, size_t *len);

#endif
