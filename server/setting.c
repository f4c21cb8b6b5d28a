#include "setting.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rules.h"
#include "wipe.h"

#define DURATION_MAX_MS (INT64_C(36525) * 86400 * 1000)

static coffer_err fail(const char *source, const struct setting *setting, const char *why)
{
	fprintf(stderr, "cofferd: %s%s: %s\n", source, setting->name, why);
	return COFFER_INVALID_ARGUMENT;
}

static coffer_err set_number(const struct setting *setting, const char *source, const char *text,
			     size_t *out)
{
	char why[96], *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && n >= setting->min &&
	    n <= setting->max) {
		*out = (size_t)n;
		return COFFER_OK;
	}
	snprintf(why, sizeof(why), "takes a number from %zu to %zu", setting->min, setting->max);
	return fail(source, setting, why);
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	if (strchr(text, '|') != NULL)
		return false;
	for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, text, len) == 0 && (at[len] == '|' || at[len] == '\0'))
			return true;
	}
	return false;
}

static coffer_err set_text(const struct setting *setting, const char *source, const char *text,
			   char **out)
{
	char why[96], *copy;

	if (setting->kind == CHOICE && !is_choice(setting->argument, text)) {
		snprintf(why, sizeof(why), "is one of %s", setting->argument);
		return fail(source, setting, why);
	}
	if (text[0] == '\0') /* "--home $UNSET" must not mean the root folder */
		return fail(source, setting, "is empty");
	if ((copy = strdup(text)) == NULL)
		return fail(source, setting, "out of memory");
	free(*out);
	*out = copy;
	return COFFER_OK;
}

static bool are_absolute(const char *folders)
{
	for (const char *at = folders; at != NULL; at = strchr(at, ':')) {
		at += *at == ':';
		if (*at != '/')
			return false;
	}
	return true;
}

/* "90d": a number and its unit; 0 needs none. */
static coffer_err set_duration(const struct setting *setting, const char *source, const char *text,
			       int64_t *out)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno == 0 && n == 0 && end != text && *end == '\0') {
		*out = 0;
		return COFFER_OK;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (errno == 0 && n > 0 && n <= DURATION_MAX_MS / units[i].ms &&
		    end[0] == units[i].unit && end[1] == '\0') {
			*out = n * units[i].ms;
			return COFFER_OK;
		}
	return fail(source, setting,
		    "takes 0, or a time like 90s, 15m, 12h or 30d, of at most 100 years");
}

/* Adds to what the same source has given before, and replaces what a weaker one has. */
static coffer_err add_to_list(const struct setting *setting, const char *source, const char *text,
			      char separator, const char **given_by, char **out)
{
	bool add = *out != NULL && *given_by != NULL && strcmp(*given_by, source) == 0;
	char *all = NULL;
	coffer_err err;

	if (add && asprintf(&all, "%s%c%s", *out, separator, text) < 0)
		return fail(source, setting, "out of memory");
	err = set_text(setting, source, add ? all : text, out);
	*given_by = source;
	free(all);
	return err;
}

static coffer_err set_folders(struct config *config, const struct setting *setting,
			      const char *source, const char *text, char **out)
{
	if (!are_absolute(text))
		return fail(source, setting, "takes absolute paths");
	return add_to_list(setting, source, text, ':', &config->folders_by, out);
}

static coffer_err add_rule(struct config *config, const struct setting *setting, const char *source,
			   const char *rule, char **out)
{
	const char *why;
	char text[128];

	if (rules_check(slice_str(rule), &why) == COFFER_OK)
		return add_to_list(setting, source, rule, '\n', &config->rules_by, out);
	snprintf(text, sizeof(text), "a rule %s", why);
	return fail(source, setting, text);
}

/* Rules with commas or blanks between them. */
static coffer_err set_rules(struct config *config, const struct setting *setting,
			    const char *source, const char *text, char **out)
{
	char *copy = strdup(text), *rest = copy, *rule;
	size_t count = 1;
	coffer_err err = copy != NULL ? COFFER_OK : fail(source, setting, "out of memory");

	while (err == COFFER_OK && (rule = strsep(&rest, ", \t\n")) != NULL)
		if (rule[0] != '\0')
			err = add_rule(config, setting, source, rule, out);
	if (err == COFFER_OK && (*out == NULL || config->rules_by != source))
		err = fail(source, setting, "is empty");
	for (const char *at = *out; at != NULL && (at = strchr(at, '\n')) != NULL; at++)
		count++;
	if (err == COFFER_OK && count > COFFER_ALLOW_MAX)
		err = fail(source, setting, "has more than 32 rules");
	free(copy);
	return err;
}

static coffer_err set_switch(const struct setting *setting, const char *source, const char *text,
			     bool *out)
{
	bool yes = text == NULL || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0 ||
		   strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "no") != 0 && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
		return fail(source, setting, "is yes or no");
	*out = yes;
	return COFFER_OK;
}

coffer_err setting_set(struct config *config, const struct setting *setting, const char *source,
		       const char *text)
{
	char *field = (char *)config + setting->offset;

	switch (setting->kind) {
	case NUMBER:
		return set_number(setting, source, text, (size_t *)(void *)field);
	case SWITCH:
		return set_switch(setting, source, text, (bool *)(void *)field);
	case FOLDERS:
		return set_folders(config, setting, source, text, (char **)(void *)field);
	case RULES:
		return set_rules(config, setting, source, text, (char **)(void *)field);
	case DURATION:
		return set_duration(setting, source, text, (int64_t *)(void *)field);
	case SECRET:
		setting_clear(setting, field);
		break;
	case TEXT:
	case CHOICE:
		break;
	}
	return set_text(setting, source, text, (char **)(void *)field);
}

static size_t size_of(const struct setting *setting)
{
	switch (setting->kind) {
	case SWITCH:
		return sizeof(bool);
	case NUMBER:
		return sizeof(size_t);
	case DURATION:
		return sizeof(int64_t);
	case TEXT:
	case SECRET:
	case CHOICE:
	case FOLDERS:
	case RULES:
		break;
	}
	return sizeof(char *);
}

static bool is_string(const struct setting *setting)
{
	return setting->kind != SWITCH && setting->kind != NUMBER && setting->kind != DURATION;
}

bool setting_differs(const struct setting *setting, const void *one, const void *other)
{
	const char *const *a = one, *const *b = other;

	if (!is_string(setting))
		return memcmp(one, other, size_of(setting)) != 0;
	/* The variable that a secret came from was erased. */
	if (*a == NULL || *b == NULL)
		return *a != *b && setting->kind != SECRET;
	return strcmp(*a, *b) != 0;
}

void setting_swap(const struct setting *setting, void *one, void *other)
{
	unsigned char kept[sizeof(int64_t)];

	memcpy(kept, one, size_of(setting));
	memcpy(one, other, size_of(setting));
	memcpy(other, kept, size_of(setting));
}

void setting_clear(const struct setting *setting, void *field)
{
	char **text = field;

	if (!is_string(setting))
		return;
	if (setting->kind == SECRET && *text != NULL)
		wipe(*text, strlen(*text));
	free(*text);
	*text = NULL;
}
