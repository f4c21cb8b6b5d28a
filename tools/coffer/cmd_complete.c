/* The hidden verb __complete, for the shells' scripts. It reads the words behind "coffer" from
 * standard input, each with a NUL behind it, the last as far as it is typed: as arguments they would
 * show in the list of processes, and a word may be a value that is not meant to be run yet. */
#include "verbs.h"

#include "input.h"
#include "known.h"
#include "offer.h"
#include "options.h"
#include "output.h"
#include "usage.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX_BYTES (128 * 1024)

static const char global_flags[] = "[--home DIR] [--admin-socket PATH] [--help]";

/* What a word can be. */
typedef enum value_kind {
	VALUE_UNKNOWN,
	VALUE_FILE,
	VALUE_FOLDER,
	VALUE_NAME,
	VALUE_SCOPE,
	VALUE_RUN,
	VALUE_LIVE_RUN,
	VALUE_SERVICE,
} value_kind;

/* The first row that fits tells what a word is. */
static const struct value_row {
	const char
	    *of; /* flag that it is the value of, or verb that it is an operand of; NULL: any */
	const char *usage;  /* what the explanation calls it; NULL: anything */
	const char *behind; /* it begins behind this, where the word has it last; else see needed */
	bool needed;        /* without that there is nothing to complete */
	value_kind kind;
} values[] = {
	{ "--scope", NULL, "", false, VALUE_SCOPE },
	{ "--service", NULL, "", false, VALUE_SERVICE },
	{ "--source", NULL, "file:", true, VALUE_FILE },
	{ "--git-dir", NULL, "", false, VALUE_FOLDER },
	{ "--preserve-env", NULL, "", false, VALUE_UNKNOWN }, /* of variables, not of secrets */
	{ "create", "NAME", "", false, VALUE_UNKNOWN },       /* a new one */
	{ "renew", "NAME", "", false, VALUE_SERVICE },
	{ "revoke", "NAME", "", false, VALUE_SERVICE },
	{ "revoke", "ID", "", false, VALUE_LIVE_RUN },
	{ "finish", "ID", "", false, VALUE_LIVE_RUN },
	{ NULL, "ID", "", false, VALUE_RUN },
	{ NULL, "NAME", "", false, VALUE_NAME },
	{ NULL, "NAME[,NAME]...", ",", false, VALUE_NAME },
	{ NULL, "VARIABLE=NAME", "=", true, VALUE_NAME },
	{ NULL, "NAME=@FILE", "=@", true, VALUE_FILE },
	{ NULL, "F", "", false, VALUE_FILE },
	{ NULL, "FILE", "", false, VALUE_FILE },
	{ NULL, "PATH", "", false, VALUE_FILE },
	{ NULL, "DIR", "", false, VALUE_FOLDER },
};

struct completion {
	struct cli *cli; /* its home and admin socket are set on the way */
	struct option_list words;
	size_t last; /* index of the word that is typed */
	struct known_where where;
	struct offer offer;
};

static const struct value_row *find_value(const char *of, size_t of_len,
					  const struct usage_word *usage)
{
	const struct usage_word owner = { of, of_len };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if ((!values[i].of || usage_is(&owner, values[i].of)) &&
		    (!values[i].usage || usage_is(usage, values[i].usage)))
			return &values[i];
	return NULL;
}

/* --- what is offered ---------------------------------------------------------------------------------- */

static void offer_signals(struct offer *offer)
{
	for (int number = 1; number < NSIG; number++) {
		const char *name = sigabbrev_np(number);
		if (name)
			offer_text(offer, name, strlen(name), NULL);
	}
}

/* The choices of "restart|signal:NAME|ignore": those that stand for themselves. */
static void offer_choices(struct offer *offer, const struct usage_word *usage)
{
	static const char prefix[] = "signal:";
	const char *end = usage->text + usage->len;
	const char *typed = offer->word + offer->kept;
	size_t len;

	for (const char *at = usage->text; at < end; at += len + 1) {
		len = strcspn(at, "| ]\n");
		if (len > (size_t)(end - at))
			len = (size_t)(end - at);
		if (strncmp(at, prefix, strlen(prefix)) != 0) {
			offer_text(offer, at, len, NULL);
		} else if (strncmp(typed, prefix, strlen(prefix)) == 0) {
			offer->kept += strlen(prefix);
			offer_signals(offer);
			return;
		} else {
			offer_text(offer, at, strlen(prefix), NULL);
		}
	}
}

static void offer_kind(struct completion *completion, value_kind kind)
{
	static const known_kind known[] = {
		[VALUE_NAME] = KNOWN_NAMES,       [VALUE_SCOPE] = KNOWN_SCOPES,
		[VALUE_RUN] = KNOWN_RUNS,         [VALUE_LIVE_RUN] = KNOWN_LIVE_RUNS,
		[VALUE_SERVICE] = KNOWN_SERVICES,
	};

	if (kind == VALUE_FILE)
		offer_elsewhere(&completion->offer, "files");
	else if (kind == VALUE_FOLDER)
		offer_elsewhere(&completion->offer, "folders");
	else if (kind != VALUE_UNKNOWN)
		known_offer(completion->cli, known[kind], &completion->where, &completion->offer);
}

/* Moves behind the last text in what is typed. False if it is not in it. */
static bool keep_behind(struct offer *offer, const char *text)
{
	bool found = false;

	for (const char *at; (at = strstr(offer->word + offer->kept, text)); found = true)
		offer->kept = (size_t)(at - offer->word) + strlen(text);
	return found;
}

/* The value of a flag, or an operand of a verb: of is its name, usage what the explanation calls it. */
static void offer_value(struct completion *completion, const char *of, size_t of_len,
			const struct usage_word *usage)
{
	const struct value_row *row = find_value(of, of_len, usage);
	struct offer *offer = &completion->offer;

	if (!row) {
		if (usage->text[0] >= 'a' && usage->text[0] <= 'z')
			offer_choices(offer, usage);
		return;
	}
	if (row->behind[0] == '\0' || keep_behind(offer, row->behind) || !row->needed)
		offer_kind(completion, row->kind);
}

static void offer_flags(struct offer *offer, const struct usage *usage)
{
	for (size_t i = 0; i < usage->flags_len; i++)
		offer_text(offer, usage->flags[i].name.text, usage->flags[i].name.len, NULL);
}

static void offer_verbs(struct offer *offer, const struct command *const *verbs)
{
	for (; *verbs; verbs++)
		offer_text(offer, (*verbs)->name, strlen((*verbs)->name), (*verbs)->summary);
}

/* --- where the word stands ---------------------------------------------------------------------------- */

/* Remembers what the flag says about where the daemon and the names are. */
static void note_flag(struct completion *completion, const struct usage_flag *flag,
		      const char *value)
{
	if (usage_is(&flag->name, "--home"))
		completion->cli->home = value;
	else if (usage_is(&flag->name, "--admin-socket"))
		completion->cli->admin_socket = value;
	else if (usage_is(&flag->name, "--scope"))
		completion->where.scope = value;
	else if (usage_is(&flag->name, "--system"))
		completion->where.system = true;
}

/* Where the flags and operands in front of the typed word end. */
struct position {
	const struct usage_flag *awaiting; /* flag whose value the word is */
	size_t operands;
	size_t operand; /* index of the first one, if there is one */
	bool ended;     /* by "--" */
};

/* Looks at the words from first on. With to_operand set it stops at the first operand. */
static struct position walk(struct completion *completion, const struct usage *usage, size_t first,
			    bool to_operand)
{
	struct position position = { 0 };

	for (size_t i = first; i < completion->last; i++) {
		const char *word = completion->words.items[i];
		if (position.ended || word[0] != '-' || word[1] == '\0') {
			if (position.operands++ == 0)
				position.operand = i;
			if (to_operand)
				break;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			position.ended = true;
			continue;
		}
		const struct usage_flag *flag = usage_find(usage, word);
		const char *value = strchr(word, '=');
		if (!flag)
			continue;
		if (flag->value.len > 0 && !value && i + 1 == completion->last)
			position.awaiting = flag;
		else if (flag->value.len > 0 && !value)
			value = completion->words.items[++i];
		else if (value)
			value++;
		if (flag->value.len == 0 || value)
			note_flag(completion, flag, value);
	}
	return position;
}

/* The typed word as a flag or a flag's value. False if it is neither. */
static bool complete_flag(struct completion *completion, const struct usage *usage,
			  const struct position *position)
{
	struct offer *offer = &completion->offer;
	const struct usage_flag *flag = position->awaiting;

	if (!flag && (position->ended || offer->word[0] != '-'))
		return false;
	if (!flag && !strchr(offer->word, '=')) {
		offer_flags(offer, usage);
		return true;
	}
	if (!flag && (flag = usage_find(usage, offer->word)) && flag->value.len > 0)
		offer->kept = strcspn(offer->word, "=") + 1;
	if (flag && flag->value.len > 0)
		offer_value(completion, flag->name.text, flag->name.len, &flag->value);
	return true;
}

/* What the i-th operand is. A word with '=' is one that the explanation has with it. */
static const struct usage_word *find_operand(const struct usage *usage, size_t i, const char *word)
{
	for (size_t k = 0; strchr(word, '=') && k < usage->operands_len; k++)
		if (memchr(usage->operands[k].text, '=', usage->operands[k].len))
			return &usage->operands[k];
	return i < usage->operands_len ? &usage->operands[i] : NULL;
}

/* The words of a verb, from first on. */
static void complete_verb(struct completion *completion, const struct command *command,
			  size_t first)
{
	struct offer *offer = &completion->offer;
	struct usage usage = { 0 };

	usage_add_synopsis(&usage, command->synopsis);
	usage_add_details(&usage, command->details);
	usage_add_synopsis(&usage, global_flags);
	bool runs = usage.operands_len > 0 && usage_is(&usage.operands[0], "COMMAND");
	struct position position = walk(completion, &usage, first, runs);
	if (runs && position.operands > 0)
		/* The typed word is the command's. */
		bytes_print(&offer->lines, ":command %zu\n", position.operand);
	else if (complete_flag(completion, &usage, &position))
		return;
	else if (runs)
		bytes_print(&offer->lines, ":command %zu\n", completion->last);
	else {
		const struct usage_word *operand =
		    find_operand(&usage, position.operands, offer->word);
		if (operand)
			offer_value(completion, command->name, strlen(command->name), operand);
		else if (!position.ended && offer->word[0] == '\0')
			offer_flags(offer, &usage);
	}
}

static const struct command *find_command(const struct command *const *verbs, const char *name)
{
	for (; *verbs; verbs++)
		if (strcmp((*verbs)->name, name) == 0)
			return *verbs;
	return NULL;
}

/* From the word at first on, which names a verb: down to the one that the typed word belongs to. */
static void complete_from(struct completion *completion, const struct command *const *verbs,
			  size_t first)
{
	const struct command *command = NULL;
	bool help = strcmp(completion->words.items[first], "help") == 0;

	for (size_t i = first + help; i < completion->last; i++) {
		const struct command *next = find_command(verbs, completion->words.items[i]);
		if (!next && !command)
			return;
		if (!next)
			break;
		command = next;
		first = i + 1;
		if (!command->subs)
			break;
		verbs = command->subs;
	}
	bool at_verb = !command || (command->subs && first == completion->last);
	if (at_verb && completion->offer.word[0] != '-')
		offer_verbs(&completion->offer, verbs);
	else if (!help && command && (command->run || at_verb))
		complete_verb(completion, command, first);
}

/* All words: the options in front of the verb, and the verb. */
static void complete(struct completion *completion, const struct command *const *verbs)
{
	struct usage usage = { 0 };
	struct offer *offer = &completion->offer;

	usage_add_synopsis(&usage, global_flags);
	usage_add_synopsis(&usage, "[--version]");
	struct position position = walk(completion, &usage, 0, true);
	if (position.operands > 0) {
		complete_from(completion, verbs, position.operand);
	} else if (!complete_flag(completion, &usage, &position)) {
		offer_verbs(offer, verbs);
		offer_text(offer, "help", strlen("help"), "explain a verb");
	}
}

/* Each NUL ends a word; an array of pointers to them, to be freed. */
static char **split(const struct bytes *text, size_t *count)
{
	char **words = calloc(text->len + 1, sizeof(*words));

	*count = 0;
	for (size_t at = 0; words && at < text->len; at += strlen(text->data + at) + 1)
		words[(*count)++] = text->data + at;
	return words;
}

cli_exit cmd_complete(struct cli *cli, const struct command *const *verbs)
{
	struct completion completion = { .cli = cli };
	struct bytes text;
	cli_exit status = input_file_up_to(cli, "-", WORDS_MAX_BYTES, &text);

	if (status != CLI_DONE)
		return status;
	bytes_append(&text, "", 1);
	char **words = text.failed ? NULL : split(&text, &completion.words.len);
	completion.words.items = words;
	if (words && completion.words.len > 1) {
		/* The NUL that was appended is a word too. */
		completion.last = completion.words.len - 2;
		completion.offer.word = words[completion.last];
		complete(&completion, verbs);
		status = output_send(cli, &completion.offer.lines);
	}
	free(words);
	bytes_free(&text);
	return status;
}
