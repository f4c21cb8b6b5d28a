/* lately.h - a question to the daemon whose answer serves for a second. Layer: tools.
 *
 * Who asks us often, and needs no token for it, must not make us ask the daemon often. And while one thread waits for a
 * daemon that hangs, the others do not: they take the answer before, however old it is.
 *
 * Any thread may call. */
#ifndef HTTP_LATELY_H
#define HTTP_LATELY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Beside the answer, which it guards. */
struct lately {
	pthread_mutex_t mutex;
	int64_t asked_ms; /* 0: never */
	bool asking;
};

void lately_init(struct lately *lately);
void lately_destroy(struct lately *lately);

/* True: the answer is too old, and nobody is asking. The caller asks, and calls lately_asked when it has put the new
 * answer in the place of the other. */
bool lately_is_due(struct lately *lately);
void lately_asked(struct lately *lately); /* locked */

void lately_lock(struct lately *lately);
void lately_unlock(struct lately *lately);

#endif
