/* frame.h - what coffer and coffer-fetch say to each other, over two pipes. Layer: tools.
 *
 * To coffer-fetch, up to the end of the pipe: texts, each with a NUL behind it. First those of enum frame_text, then a
 * path for each thing to get. From it, for each path in that order: a head, and so many bytes. It stops after the
 * first path for which there is no answer of the server. */
#ifndef FETCH_FRAME_H
#define FETCH_FRAME_H

#include <stdint.h>

/* An empty text is as good as none. */
enum frame_text {
	FRAME_URL, /* https://host[:port][/base], before each path */
	FRAME_TOKEN,
	FRAME_TIMEOUT, /* of each path, in milliseconds */
	FRAME_CA,      /* files of PEM: whom to trust instead of whom the system does */
	FRAME_CERT,
	FRAME_KEY,
	FRAME_TEXTS,
};

struct frame_head {
	uint32_t status; /* of HTTP, before its body; below 100: a coffer_err, before a message */
	uint32_t len;
};

/* No answer is longer, and all of what is asked neither. */
#define FRAME_ANSWER_MAX  (64U << 20)
#define FRAME_REQUEST_MAX (1U << 20)

#endif
