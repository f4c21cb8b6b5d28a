/* id.h - run ids and tokens. Layer: base. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <coffer/limits.h>
#include <stdint.h>

/* A UUID version 7 (RFC 9562, 5.7) of that time in lower-case text, with a NUL. Two ids made by one
 * process sort in the order in which they were made, also within a millisecond. */
void id_make(int64_t wall_ms, char out[COFFER_ID_LEN + 1]);

/* A token: uniform over [A-Za-z0-9], from the system's generator. No NUL. out must be arena memory. */
void id_make_token(char out[COFFER_TOKEN_LEN]);

#endif
