/* usage.h - a verb's flags and operands, read out of its own explanation. Layer: tools.
 *
 * "[--scope S] [-l]" in the synopsis, and in the details lines that begin with two spaces and a flag. A
 * word of capitals or with a capital in it stands for what the user gives, any other for itself. */
#ifndef USAGE_H
#define USAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Borrowed from the explanation. */
struct usage_word {
	const char *text;
	size_t len;
};
bool usage_is(const struct usage_word *word, const char *text);

struct usage_flag {
	struct usage_word name;  /* "--scope", "-n" */
	struct usage_word value; /* "S"; empty if it takes none */
};

#define USAGE_FLAGS_MAX    32
#define USAGE_OPERANDS_MAX 4

/* Zero it to begin. */
struct usage {
	struct usage_flag flags[USAGE_FLAGS_MAX]; /* each once */
	size_t flags_len;
	struct usage_word
	    operands[USAGE_OPERANDS_MAX]; /* "NAME"; not words that stand for themselves */
	size_t operands_len;
};

/* Adds what a synopsis, or a verb's details, has; what is beyond the maxima is left out. */
void usage_add_synopsis(struct usage *usage, const char *synopsis);
void usage_add_details(struct usage *usage, const char *details);

/* The flag that word names, which may be "--name=value"; NULL: there is none. */
const struct usage_flag *usage_find(const struct usage *usage, const char *word);

#endif
