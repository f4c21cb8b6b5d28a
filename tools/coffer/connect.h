/* connect.h - reaching the daemon, as an operator or as a run. Layer: tools. */
#ifndef CONNECT_H
#define CONNECT_H

#include <coffer/admin.h>

#include "cli.h"

/* Whether the environment holds a token. One that is set but empty counts: a run whose token got
 * lost must not read on with an operator's authority. */
bool connect_is_run(void);

/* Connects; a failure is refused with a message, and *out is NULL. */
COFFER_MUST_USE cli_exit connect_admin(const struct cli *cli, struct coffer_admin **out);
COFFER_MUST_USE cli_exit connect_run(const struct cli *cli, struct coffer_session **out);

/* cli_result with the connection's own message. */
cli_exit connect_result(const struct cli *cli, const struct coffer_admin *admin, coffer_err err);

#endif
