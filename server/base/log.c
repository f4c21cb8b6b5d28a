#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 2048 /* longer text is cut, and says so */

/* The one setting of the process that is not passed down: a log line must be possible
 * everywhere. */
static log_level level_max = LOG_INFO;

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void log_set_level(log_level max)
{
	level_max = max;
}

/* A name that a peer chose could carry terminal control sequences or forge a second line. C1
 * controls count too: in UTF-8 they are 0xc2 and 0x80 to 0x9f. */
static void controls_replace(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];
		const unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

		if (c < 0x20 || c == 0x7f) {
			text[i] = '?';
		} else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
			text[i] = '?';
			text[i + 1] = '?';
		}
	}
}

/* Nobody is left to be told of a failure here. */
static void write_all(const char *data, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(STDERR_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void emit(log_level level, const char *format, va_list args)
{
	static const char cut[] = " [cut]";
	const int saved_errno = errno;
	char line[LINE_MAX_LEN + sizeof(cut) + 1];
	size_t len;
	int n;

	if (level > level_max)
		return;
	len = (size_t)snprintf(line, LINE_MAX_LEN, "%s: ", level_names[level]);
	errno = saved_errno; /* for %m */
	n = vsnprintf(line + len, LINE_MAX_LEN - len, format, args);
	if (n < 0)
		n = snprintf(line + len, LINE_MAX_LEN - len, "(a message that cannot be printed)");
	if ((size_t)n < LINE_MAX_LEN - len) {
		len += (size_t)n;
	} else {
		len = LINE_MAX_LEN - 1;
		memcpy(line + len, cut, sizeof(cut) - 1);
		len += sizeof(cut) - 1;
	}
	controls_replace(line, len);
	line[len++] = '\n';
	write_all(line, len);
	errno = saved_errno;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_ERROR, format, args);
	va_end(args);
}

void log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_WARN, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit(LOG_DEBUG, format, args);
	va_end(args);
}
