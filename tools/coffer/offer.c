#include "offer.h"

#include <string.h>

void offer_text(struct offer *offer, const char *text, size_t len, const char *about)
{
	const char *typed = offer->word + offer->kept;
	size_t typed_len = strlen(typed);

	if (len < typed_len || memcmp(text, typed, typed_len) != 0)
		return;
	bytes_append(&offer->lines, offer->word, offer->kept);
	bytes_append(&offer->lines, text, len);
	if (about) {
		bytes_append(&offer->lines, "\t", 1);
		bytes_clean(&offer->lines, about);
	}
	bytes_append(&offer->lines, "\n", 1);
}

void offer_elsewhere(struct offer *offer, const char *what)
{
	bytes_print(&offer->lines, ":%s %zu\n", what, offer->kept);
}
