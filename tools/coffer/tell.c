#include "tell.h"

#include "home.h"

#include <string.h>
#include <unistd.h>

/* Whether a shell would take text for one word as it stands. */
static bool is_plain(const char *text)
{
	return text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789/._+:@%,-")] == '\0';
}

void tell_line(struct bytes *out, const char *key, const char *value)
{
	bytes_print(out, "%s=", key);
	if (is_plain(value))
		bytes_print(out, "%s", value);
	else
		bytes_quote(out, value);
	bytes_append(out, "\n", 1);
}

void tell_path(struct bytes *out, const char *path)
{
	char folder[HOME_PATH_MAX];

	if (path[0] != '/' && getcwd(folder, sizeof(folder)))
		bytes_print(out, "%s/", folder);
	bytes_print(out, "%s", path);
	bytes_append(out, "", 1);
}
