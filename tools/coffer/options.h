/* options.h - a verb's options as a table, over getopt_long. Layer: tools. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "cli.h"

typedef enum option_kind {
	OPTION_FLAG,     /* bool */
	OPTION_TEXT,     /* any text that is not empty */
	OPTION_ANY_TEXT, /* any text */
	OPTION_NUMBER,   /* 0 .. 2^32-1 */
	OPTION_TIME,     /* milliseconds since 1970 */
	OPTION_DURATION, /* "90s", "15m", "1h", "2d"; more than 0; in milliseconds */
	OPTION_LIST,     /* any text, any number of times */
} option_kind;

struct option_number {
	bool given;
	uint32_t value;
};

/* Texts are argv's own. The array is the owner's: options_list_free. */
struct option_list {
	char **items;
	size_t len;
};
void options_list_free(struct option_list *list);

/* One row: "--name" ("-n" for a name of one letter), and where its value goes, which keeps what it
 * held if the option is not given. */
struct option_row {
	const char *name;
	option_kind kind;
	union {
		bool *flag;
		const char **text;
		struct option_number *number;
		int64_t *ms;
		struct option_list *list;
	} to;
};

#define OPTIONS_MAX 24

/* Takes argv apart by count rows (at most OPTIONS_MAX - 2), and --home, --admin-socket and
 * --help, which every verb has. Operands may stand between the options; *operands borrows them
 * and is not to be freed. False: the verb ends here with cli->status; help or a message has been
 * printed. Lists are the caller's to free in either case. */
COFFER_MUST_USE bool options_parse(struct cli *cli, int argc, char **argv,
				   const struct option_row *rows, size_t count,
				   struct option_list *operands);

/* The same, up to the first operand: from there on words are another program's, options too. */
COFFER_MUST_USE bool options_parse_command(struct cli *cli, int argc, char **argv,
					   const struct option_row *rows, size_t count,
					   struct option_list *operands);

/* The options before the verb: sets cli->home and cli->admin_socket, *version and *help. Returns
 * the index of the verb in argv, argc if there is none, or 0 after a message (cli->status is
 * set). */
COFFER_MUST_USE int options_parse_global(struct cli *cli, int argc, char **argv, bool *version,
					 bool *help);

/* Refuses fewer operands than min and more than max. names is what they are called: "NAME
 * VERSION". */
COFFER_MUST_USE bool options_expect(struct cli *cli, const struct option_list *operands, size_t min,
				    size_t max, const char *names);

/* Reads a whole decimal number 0 .. 2^32-1, digits alone. False if text is none. */
COFFER_MUST_USE bool options_number(const char *text, uint32_t *out);

/* Reads a duration, as OPTION_DURATION does. */
COFFER_MUST_USE bool options_duration(const char *text, int64_t *ms);

#endif
