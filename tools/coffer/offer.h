/* offer.h - the lines that complete one word, for the shells' scripts. Layer: tools. */
#ifndef OFFER_H
#define OFFER_H

#include "bytes.h"

/* Zero lines to begin. The first kept bytes of the word stay as they are in front of whatever is
 * offered: "--scope=" of "--scope=glo". */
struct offer {
	struct bytes lines; /* a candidate each: the whole word, and perhaps a tab and what it is */
	const char *word;   /* as far as it has been typed */
	size_t kept;
};

/* Offers len bytes of text if what is typed behind the kept part begins them. about may be NULL;
 * control characters in it are replaced. */
void offer_text(struct offer *offer, const char *text, size_t len, const char *about);

/* Has the shell complete what is behind the kept part: ":WHAT LENGTH", the length of that part. */
void offer_elsewhere(struct offer *offer, const char *what);

#endif
