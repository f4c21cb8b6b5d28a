#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The one setting of the process that is not passed down: a log line must be possible everywhere. */
static log_level level_max = LOG_INFO;

static const char *const names[] = { "error", "warn", "info", "debug" };
static const char *const labels[] = { "error", "warning", "info", "debug" };

void log_set_level(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			level_max = (log_level)i;
}

void log_at(log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;
	size_t len;
	int n;

	if (level > level_max)
		return;
	len = (size_t)snprintf(line, sizeof(line), "%s: ", labels[level]);
	va_start(args, format);
	n = vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (n > 0)
		len += (size_t)n;
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	/* What others chose could forge a second line. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	/* In one write, so that threads' lines do not mix. Nobody is left to be told of a failure. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
