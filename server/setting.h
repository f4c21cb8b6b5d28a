/* setting.h - one setting: of what kind it is, and how a text becomes its value. Layer: main, private to config. */
#ifndef SETTING_H
#define SETTING_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/* A SECRET is a text that is no flag, which others could read in the process list, and that is wiped. */
typedef enum setting_kind {
	TEXT,
	SECRET,
	CHOICE,
	FOLDERS,
	RULES,
	SWITCH,
	NUMBER,
	DURATION
} setting_kind;

typedef enum setting_use {
	FLAG_ONLY,
	AT_START,
	LIVE, /* a reload takes it over */
} setting_use;

/* One setting: flag --name, variable COFFER_NAME, key name (with '_') in the INI file. */
struct setting {
	const char *name;
	setting_kind kind;
	size_t offset;
	const char *argument; /* in the help; for CHOICE the values, '|' between them */
	size_t min, max;      /* of a NUMBER */
	setting_use use;
	const char *help;
};

/* Sets the field of config from what source says; text is NULL for a switch without an argument.
 * COFFER_INVALID_ARGUMENT, with what is wrong printed on stderr. */
COFFER_MUST_USE coffer_err setting_set(struct config *config, const struct setting *setting,
				       const char *source, const char *text);

/* Whether two fields of the setting have other values. */
bool setting_differs(const struct setting *setting, const void *one, const void *other);

void setting_swap(const struct setting *setting, void *one, void *other);

/* Frees what the field owns. */
void setting_clear(const struct setting *setting, void *field);

#endif
