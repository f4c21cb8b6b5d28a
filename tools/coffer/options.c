#include "options.h"

#include "command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* getopt's codes for our rows: above every character. */
#define CODE_FIRST 256

void options_list_free(struct option_list *list)
{
	free(list->items);
	*list = (struct option_list){ 0 };
}

/* Digits from text on, up to max; *end is the first character that is none. */
static bool read_digits(const char *text, int64_t max, int64_t *out, const char **end)
{
	int64_t value = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		int digit = *text - '0';
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	*end = text;
	return true;
}

bool options_number(const char *text, uint32_t *out)
{
	int64_t value;
	const char *end;

	if (!read_digits(text, UINT32_MAX, &value, &end) || *end)
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool read_time(const char *text, int64_t *ms)
{
	const char *end;

	return read_digits(text, INT64_MAX, ms, &end) && !*end;
}

bool options_duration(const char *text, int64_t *ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	int64_t count;
	const char *end;

	if (!read_digits(text, INT64_MAX / 86400000, &count, &end) || count == 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end[0] == units[i].unit && end[1] == '\0') {
			*ms = count * units[i].ms;
			return true;
		}
	}
	return false;
}

/* NULL, or what the option needs and text is not. */
static const char *take(const struct option_row *row, char *text, int argc)
{
	switch (row->kind) {
	case OPTION_FLAG:
		*row->to.flag = true;
		return NULL;
	case OPTION_TEXT:
		*row->to.text = text;
		return text[0] ? NULL : "a value that is not empty";
	case OPTION_ANY_TEXT:
		*row->to.text = text;
		return NULL;
	case OPTION_NUMBER:
		row->to.number->given = true;
		return options_number(text, &row->to.number->value) ? NULL : "a number";
	case OPTION_TIME:
		return read_time(text, row->to.ms) ? NULL : "milliseconds since 1970";
	case OPTION_DURATION:
		return options_duration(text, row->to.ms) ? NULL
							  : "a duration like 90s, 15m, 1h or 2d";
	case OPTION_LIST:
		break;
	}
	struct option_list *list = row->to.list;
	if (!list->items && !(list->items = calloc((size_t)argc, sizeof(*list->items))))
		return "more memory than there is";
	list->items[list->len++] = text;
	return NULL;
}

static cli_exit refuse_code(const struct cli *cli, int code, const char *word)
{
	/* The word may be "--password=VALUE": only its name is repeated. */
	int len = (int)strcspn(word, "=");

	if (code == ':')
		return cli_usage(cli, "option '%.*s' needs a value", len, word);
	if (optopt >= CODE_FIRST || (optopt == 'h' && len > 2))
		return cli_usage(cli, "option '%.*s' takes no value", len, word);
	if (optopt != 0)
		return cli_usage(cli, "unknown option '-%c'", optopt);
	return cli_usage(cli, "unknown option '%.*s'", len, word);
}

/* The table of long options, and the letters: "h" and the rows whose name is one. */
static void make_tables(const struct option_row *rows, size_t count, bool to_operand,
			struct option *table, char *letters)
{
	letters = stpcpy(letters, to_operand ? "+:h" : ":h");
	for (size_t i = 0; i < count; i++) {
		bool has_value = rows[i].kind != OPTION_FLAG;
		table[i + 1] = (struct option){ .name = rows[i].name,
						.has_arg = has_value,
						.val = CODE_FIRST + (int)i };
		if (rows[i].name[1] != '\0')
			continue;
		*letters++ = rows[i].name[0];
		letters = stpcpy(letters, has_value ? ":" : "");
	}
}

/* The row that getopt's code is of: there is one. */
static const struct option_row *find_row(const struct option_row *rows, size_t count, int code)
{
	size_t i = 0;

	if (code >= CODE_FIRST)
		return &rows[code - CODE_FIRST];
	while (i + 1 < count && (rows[i].name[0] != code || rows[i].name[1] != '\0'))
		i++;
	return &rows[i];
}

/* Goes through argv; false after a message. With to_operand set it stops at the first
 * operand. */
static bool walk(struct cli *cli, int argc, char **argv, const struct option_row *rows,
		 size_t count, bool to_operand, bool *help)
{
	struct option table[OPTIONS_MAX + 2] = { { .name = "help", .val = 'h' } };
	char letters[sizeof("+:h") + 2 * OPTIONS_MAX];
	const char *need;
	int code;

	make_tables(rows, count, to_operand, table, letters);
	opterr = 0;
	optind = 0;
	while ((code = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		if (code == 'h') {
			*help = true;
			continue;
		}
		if (code == ':' || code == '?') {
			cli->status = refuse_code(cli, code, argv[optind - 1]);
			return false;
		}
		const struct option_row *row = find_row(rows, count, code);
		if ((need = take(row, optarg, argc))) {
			cli->status = cli_usage(cli, "option '%s%s' needs %s",
						row->name[1] ? "--" : "-", row->name, need);
			return false;
		}
	}
	return true;
}

static bool parse(struct cli *cli, int argc, char **argv, const struct option_row *rows,
		  size_t count, bool to_operand, struct option_list *operands)
{
	struct option_row all[OPTIONS_MAX] = {
		{ "home", OPTION_TEXT, { .text = &cli->home } },
		{ "admin-socket", OPTION_TEXT, { .text = &cli->admin_socket } },
	};
	bool help = false;

	for (size_t i = 0; i < count; i++)
		all[2 + i] = rows[i];
	if (!walk(cli, argc, argv, all, 2 + count, to_operand, &help))
		return false;
	if (help) {
		cli->status = command_explain(cli);
		return false;
	}
	*operands = (struct option_list){ argv + optind, (size_t)(argc - optind) };
	return true;
}

bool options_parse(struct cli *cli, int argc, char **argv, const struct option_row *rows,
		   size_t count, struct option_list *operands)
{
	return parse(cli, argc, argv, rows, count, false, operands);
}

bool options_parse_command(struct cli *cli, int argc, char **argv, const struct option_row *rows,
			   size_t count, struct option_list *operands)
{
	return parse(cli, argc, argv, rows, count, true, operands);
}

int options_parse_global(struct cli *cli, int argc, char **argv, bool *version, bool *help)
{
	const struct option_row rows[] = {
		{ "home", OPTION_TEXT, { .text = &cli->home } },
		{ "admin-socket", OPTION_TEXT, { .text = &cli->admin_socket } },
		{ "version", OPTION_FLAG, { .flag = version } },
	};

	return walk(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), true, help) ? optind : 0;
}

bool options_expect(struct cli *cli, const struct option_list *operands, size_t min, size_t max,
		    const char *names)
{
	if (operands->len < min)
		cli->status = cli_usage(cli, "needs %s", names);
	else if (operands->len > max)
		/* The word itself is not repeated: it may be a value put in the wrong place. */
		cli->status = cli_usage(cli, "too many arguments");
	else
		return true;
	return false;
}
