/* daemon.h - starting the daemon's program, for what needs the keys but no running daemon. Layer: tools. */
#ifndef DAEMON_H
#define DAEMON_H

/* Becomes the daemon's program: the one installed with this one, in bin or sbin, whatever link this was started by;
 * else the one in PATH. Returns only if it cannot be started, with errno set. argv ends with NULL. */
void daemon_exec(char **argv);

#endif
