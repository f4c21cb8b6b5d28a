#include "usage.h"

#include <string.h>

bool usage_is(const struct usage_word *word, const char *text)
{
	return strlen(text) == word->len && memcmp(word->text, text, word->len) == 0;
}

static struct usage_flag *find(struct usage *usage, const char *name, size_t len)
{
	for (size_t i = 0; i < usage->flags_len; i++) {
		const struct usage_word *known = &usage->flags[i].name;
		if (known->len == len && memcmp(known->text, name, len) == 0)
			return &usage->flags[i];
	}
	return NULL;
}

const struct usage_flag *usage_find(const struct usage *usage, const char *word)
{
	return find((struct usage *)usage, word, strcspn(word, "="));
}

/* The flag of that name, added if it is not known; NULL if there is no room. */
static struct usage_flag *add_flag(struct usage *usage, const struct usage_word *name)
{
	struct usage_flag *flag = find(usage, name->text, name->len);

	if (flag || usage->flags_len == USAGE_FLAGS_MAX)
		return flag;
	flag = &usage->flags[usage->flags_len++];
	*flag = (struct usage_flag){ .name = *name };
	return flag;
}

static bool is_flag(const struct usage_word *word)
{
	return word->len > 1 && word->text[0] == '-' &&
	       word->text[1 + (word->text[1] == '-')] >= 'a' &&
	       word->text[1 + (word->text[1] == '-')] <= 'z';
}

static bool is_operand(const struct usage_word *word)
{
	bool capital = false;

	for (size_t i = 0; i < word->len; i++)
		capital = capital || (word->text[i] >= 'A' && word->text[i] <= 'Z');
	return capital && !usage_is(word, "OPTION...");
}

/* The brackets of "NAME[,NAME]..." are its own; of "[--names" and "S]" they are not. True if such
 * a bracket ended here. */
static bool strip_brackets(struct usage_word *word)
{
	size_t depth = 0;

	while (word->len > 0 && word->text[0] == '[') {
		word->text++;
		word->len--;
	}
	for (size_t i = 0; i < word->len; i++) {
		if (word->text[i] == '[')
			depth++;
		else if (word->text[i] == ']' && depth-- == 0) {
			word->len = i;
			return true;
		}
	}
	return false;
}

static void add_operand(struct usage *usage, struct usage_word word)
{
	const char *other = memchr(word.text, '|', word.len); /* "FILE|-" */

	if (other)
		word.len = (size_t)(other - word.text);
	if (is_operand(&word) && usage->operands_len < USAGE_OPERANDS_MAX)
		usage->operands[usage->operands_len++] = word;
}

void usage_add_synopsis(struct usage *usage, const char *synopsis)
{
	struct usage_flag *open = NULL; /* the next word may be its value */

	for (const char *at = synopsis; *at; at += strspn(at, " ")) {
		struct usage_word word = { at, strcspn(at, " ") };
		bool optional = *at == '[';

		at += word.len;
		bool ended = strip_brackets(&word);
		if (is_flag(&word)) {
			struct usage_flag *flag = add_flag(usage, &word);
			open = ended ? NULL : flag;
		} else if (open && !optional && !usage_is(&word, "|")) {
			open->value = word;
			open = NULL;
		} else {
			open = NULL;
			add_operand(usage, word);
		}
	}
}

/* The flags of one line: "-l, --long  what it does", "--repo U, --sha H". One that the synopsis has
 * with its value keeps that: there the choices are told. */
static void add_line(struct usage *usage, const char *at)
{
	while (*at == '-') {
		struct usage_word name = { at, strcspn(at, " ,\n") };
		struct usage_word value = { 0 };

		at += name.len;
		if (at[0] == ' ' && at[1] != ' ' && at[1] != '\n') {
			value = (struct usage_word){ at + 1, strcspn(at + 1, " \n") };
			at += 1 + value.len;
			value.len -= at[-1] == ',';
		}
		struct usage_flag *flag = add_flag(usage, &name);
		if (flag && flag->value.len == 0)
			flag->value = value;
		at += strspn(at, ", ");
	}
}

void usage_add_details(struct usage *usage, const char *details)
{
	for (const char *line = details; line; line = strchr(line, '\n')) {
		line += line[0] == '\n';
		if (strncmp(line, "  -", 3) == 0)
			add_line(usage, line + 2);
	}
}
