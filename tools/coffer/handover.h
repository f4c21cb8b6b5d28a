/* handover.h - the file in which a run is handed over, and taking out of the daemon what goes into
 * it. Layer: tools. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <coffer/admin.h>
#include <jansson.h>

#include "cli.h"

/* Zero it to begin. */
struct handover {
	const char *path; /* of the file; NULL: it was not made. Borrowed */
	int fd;           /* of the file, while path is set */
	struct coffer_session *session;
	struct coffer_secrets values; /* sorted by name, as the listing */
	struct coffer_secrets listing;
};

/* Makes the file, empty and mode 0600, for the uid owner if that is not NULL. With secret set, a
 * file system that may keep what was deleted is warned about. Refused with a message, as below: a
 * path at which there is anything. */
COFFER_MUST_USE cli_exit handover_create(const struct cli *cli, struct handover *handover,
					 const char *path, const uint32_t *owner, bool secret);

/* As the run: claims its bootstrap data, if claim is set, and reads all that it may see. */
COFFER_MUST_USE cli_exit handover_take(const struct cli *cli, struct handover *handover,
				       const struct coffer_run_made *made, bool claim);

/* What the file of the filesystem transport holds: see client/bundle.h. about is what the run is
 * about, or NULL. NULL if there is no memory. */
json_t *handover_json(const struct handover *handover, const struct coffer_run_made *made,
		      const struct coffer_bootstrap *about, const char *const *allow,
		      size_t allow_len);

/* Writes json to the file and drops the reference. */
COFFER_MUST_USE cli_exit handover_write(const struct cli *cli, struct handover *handover,
					json_t *json);

/* Closes and wipes; without keep the file is removed. */
void handover_end(struct handover *handover, bool keep);

#endif
