/* log.h - the daemon's own log, for people, on stderr. Layer: base.
 *
 * One line a call: "<level>: <text>". Never a value, a token or a key: callers log names of things,
 * counts and system errors. Control characters in what is printed are replaced by '?'. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

typedef enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } log_level;

/* Lines above max are dropped. The default is LOG_INFO. Process-wide: it is set once, at start. */
void log_set_level(log_level max);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
