/* courier.h - coffer-fetch started, told what to get, and what it brought. Layer: tools. */
#ifndef COURIER_H
#define COURIER_H

#include <coffer/error.h>
#include <stdint.h>

#include "bytes.h"

/* Starts coffer-fetch, which is beside this program or in ../libexec/coffer, sends it the request and reads all that it
 * answers into *out, both as fetch/frame.h says. Returns NULL, or why it could not be done; *out, which the caller frees,
 * may then hold a part. */
const char *courier_run(const struct bytes *request, struct bytes *out);

/* One answer, within what came. */
struct courier_answer {
	uint32_t status;
	const char *data;
	size_t len;
};

/* The answer at *at, which is moved behind it. False: there is no further whole one. */
bool courier_next(const struct bytes *answers, size_t *at, struct courier_answer *out);

#endif
