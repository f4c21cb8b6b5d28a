/* daemon.h - starting the daemon's program, for what needs the keys but no running daemon. Layer: tools. */
#ifndef DAEMON_H
#define DAEMON_H

#include "options.h"

/* A setting that a verb passes on under its own name, as "--name=value". */
struct daemon_setting {
	const char *name;
	const char *value; /* NULL: it is left out */
	bool flag;         /* "--name" alone; it has no value */
};

/* Fills a row for each of count settings, through which options_parse sets their values. */
void daemon_rows(struct daemon_setting *settings, size_t count, struct option_row *rows);

/* Becomes the daemon's program, with the settings and the home: the one installed with this one, in bin or sbin,
 * whatever link this was started by; else the one in PATH. Returns only if it cannot be started, refused with a
 * message. */
cli_exit daemon_run(const struct cli *cli, const struct daemon_setting *settings, size_t count);

#endif
