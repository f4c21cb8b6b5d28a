/* log.h - what operators are told, one line a message on standard error. Layer: tools.
 *
 * Nothing of a request goes in but the caller's address and the route: a path may hold what was meant for a
 * header. */
#ifndef HTTP_LOG_H
#define HTTP_LOG_H

typedef enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } log_level;

/* "error", "warn", "info" or "debug"; anything else changes nothing. Before any thread is started. */
void log_set_level(const char *name);

void log_at(log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
