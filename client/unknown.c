#include "unknown.h"

#include <stdio.h>
#include <string.h>

#define ONE     "unknown secret '"
#define SEVERAL "unknown secrets '"
#define BEYOND  ", ..."

void unknown_add(char text[COFFER_MESSAGE_MAX + 1], size_t count, const char *name)
{
	size_t len = strlen(text);

	if (count == 0) {
		(void)snprintf(text, COFFER_MESSAGE_MAX + 1, ONE "%s'", name);
		return;
	}
	if (count == 1) {
		memmove(text + strlen(SEVERAL), text + strlen(ONE), len - strlen(ONE) + 1);
		memcpy(text, SEVERAL, strlen(SEVERAL));
		len++;
	}
	if (text[len - 1] == '.')
		return;
	if (len + strlen(", ''") + strlen(name) + strlen(BEYOND) <= COFFER_MESSAGE_MAX)
		(void)snprintf(text + len, COFFER_MESSAGE_MAX + 1 - len, ", '%s'", name);
	else
		memcpy(text + len, BEYOND, sizeof(BEYOND));
}
