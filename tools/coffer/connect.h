/* connect.h - reaching the daemon, as an operator or as a run. Layer: tools. */
#ifndef CONNECT_H
#define CONNECT_H

#include <coffer/admin.h>

#include "cli.h"

/* Whether the environment is a run's: it holds a token, or names the filesystem transport. A token
 * that is set but empty counts: a run whose token got lost must not read on with an operator's
 * authority. */
bool connect_is_run(void);
/* The one alone, and the other. */
bool connect_has_token(void);
bool connect_is_file(void);

/* Connects; a failure is refused with a message, and *out is NULL. The file of the filesystem
 * transport serves one session: connect_run, for verbs that a job calls again and again, refuses it
 * and leaves it as it is; connect_run_once, for those that take all they need at once, uses it
 * up. token NULL: the one that the environment has. */
COFFER_MUST_USE cli_exit connect_admin(const struct cli *cli, struct coffer_admin **out);
COFFER_MUST_USE cli_exit connect_run(const struct cli *cli, struct coffer_session **out);
COFFER_MUST_USE cli_exit connect_run_once(const struct cli *cli, const char *token,
					  struct coffer_session **out);

/* Refuses what coffer_open, as a run, failed of at that socket: with what to do next. */
cli_exit connect_refuse(const struct cli *cli, coffer_err err, const char *message,
			const char *socket);

/* cli_result with the connection's own message, and with what an operator can do next. */
cli_exit connect_result(const struct cli *cli, const struct coffer_admin *admin, coffer_err err);

#endif
