/* known.h - names that the daemon knows, to complete a word. Layer: tools.
 *
 * Asked as an operator, within a short deadline; of anything that fails nothing is said. A run is told
 * nothing: what it may read it knows, and a listing of its own would not be worth an audit record. */
#ifndef KNOWN_H
#define KNOWN_H

#include "cli.h"
#include "offer.h"

typedef enum known_kind {
	KNOWN_NAMES,     /* of secrets */
	KNOWN_SCOPES,    /* that hold a secret */
	KNOWN_RUNS,      /* ids, the newest first */
	KNOWN_LIVE_RUNS, /* those that have not ended */
	KNOWN_SERVICES,  /* names of the live ones */
} known_kind;

/* Whose names: NULL is every scope's. system allows system/<component>. */
struct known_where {
	const char *scope;
	bool system;
};

/* Offers what is known. A text that is not of the characters of names, scopes and ids is left out,
 * for no daemon that is one has such, and shells would have to be protected from it. */
void known_offer(const struct cli *cli, known_kind kind, const struct known_where *where,
		 struct offer *offer);

#endif
