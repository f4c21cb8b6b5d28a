#include "escape.h"

#include <assert.h>
#include <string.h>

/* Where a writer puts the next bytes. There is room: ESCAPE_GROWTH says so. */
struct sink {
	uint8_t *at;
};

static void put(struct sink *to, uint8_t byte)
{
	*to->at++ = byte;
}

static void put_text(struct sink *to, const char *text)
{
	while (*text)
		put(to, (uint8_t)*text++);
}

static void put_hex(struct sink *to, const char digits[16], unsigned value, unsigned count)
{
	while (count-- > 0)
		put(to, (uint8_t)digits[(value >> (4 * count)) & 15]);
}

static const char lower[] = "0123456789abcdef";
static const char upper[] = "0123456789ABCDEF";

/* A character of UTF-8 of two bytes or more at in: its length, 0 if there is none. Overlong forms and
 * surrogates are not told apart: a program that takes them writes them in this way too. */
static size_t read_utf8(const uint8_t *in, size_t len, uint32_t *out)
{
	size_t count = in[0] >= 0xf0 ? 4 : in[0] >= 0xe0 ? 3 : in[0] >= 0xc2 ? 2 : 0;

	if (count == 0 || count > len || in[0] > 0xf4)
		return 0;
	*out = in[0] & (0xffU >> (count + 1));
	for (size_t i = 1; i < count; i++) {
		if ((in[i] & 0xc0) != 0x80)
			return 0;
		*out = *out << 6 | (in[i] & 0x3f);
	}
	return count;
}

bool escape_is_text(const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t code;
		size_t count = in[i] >= 0x80 ? read_utf8(in + i, len - i, &code) : in[i] != 0;

		if (count == 0)
			return false;
		i += count;
	}
	return true;
}

static void put_u(struct sink *to, uint32_t code)
{
	put_text(to, "\\u");
	put_hex(to, lower, code, 4);
}

struct json_form {
	bool html;  /* < > & and the line separators as \u003c: Go, JavaScript in a page */
	bool slash; /* \/ : PHP */
	bool ascii; /* all else as \u00e9: Python, PHP */
};

static bool put_json_wide(struct sink *to, const struct json_form *form, uint32_t code)
{
	bool separator = code == 0x2028 || code == 0x2029;

	if (!form->ascii && !(form->html && separator))
		return false;
	if (code >= 0x10000) {
		put_u(to, 0xd800 + ((code - 0x10000) >> 10));
		put_u(to, 0xdc00 + ((code - 0x10000) & 0x3ff));
	} else {
		put_u(to, code);
	}
	return true;
}

static void put_json_byte(struct sink *to, const struct json_form *form, uint8_t byte)
{
	static const char names[] = "btn\0fr"; /* of 8, 9, 10, 12 and 13 */

	if (byte == '"' || byte == '\\' || (byte == '/' && form->slash)) {
		put(to, '\\');
		put(to, byte);
	} else if (byte >= 8 && byte <= 13 && byte != 11) {
		put(to, '\\');
		put(to, (uint8_t)names[byte - 8]);
	} else if (byte < 0x20 || (form->html && (byte == '<' || byte == '>' || byte == '&'))) {
		put_u(to, byte);
	} else {
		put(to, byte);
	}
}

static void write_json(struct sink *to, const struct json_form *form, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t count = read_utf8(in + i, len - i, &code);

		if (count > 0 && put_json_wide(to, form, code)) {
			i += count;
			continue;
		}
		put_json_byte(to, form, in[i++]);
	}
}

/* A shell's words, as "set -x", "printf %q", "declare -p" and Python's shlex print them. */
typedef enum shell_form {
	SHELL_SINGLE,    /* ' as '\'' */
	SHELL_SHLEX,     /* ' as '"'"' */
	SHELL_DOUBLE,    /* between double quotes */
	SHELL_BACKSLASH, /* without quotes */
	SHELL_ANSI,      /* $'...' with octal numbers for all that is not ASCII */
	SHELL_ANSI_WIDE, /* $'...' in a UTF-8 locale */
} shell_form;

static void put_ansi(struct sink *to, bool wide, uint8_t byte)
{
	static const char names[] = "abtnvfr"; /* of 7 to 13 */

	if (byte >= 7 && byte <= 13) {
		put(to, '\\');
		put(to, (uint8_t)names[byte - 7]);
	} else if (byte == 27) {
		put_text(to, "\\E");
	} else if (byte == '\\' || byte == '\'') {
		put(to, '\\');
		put(to, byte);
	} else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !wide)) {
		put(to, '\\');
		put(to, (uint8_t)('0' + (byte >> 6)));
		put(to, (uint8_t)('0' + (byte >> 3 & 7)));
		put(to, (uint8_t)('0' + (byte & 7)));
	} else {
		put(to, byte);
	}
}

static bool is_one_of(const char *set, uint8_t byte)
{
	return byte != 0 && strchr(set, byte) != NULL;
}

static void put_shell(struct sink *to, shell_form form, uint8_t byte, bool first)
{
	if (form == SHELL_ANSI || form == SHELL_ANSI_WIDE) {
		put_ansi(to, form == SHELL_ANSI_WIDE, byte);
		return;
	}
	if (byte == '\'' && (form == SHELL_SINGLE || form == SHELL_SHLEX)) {
		put_text(to, form == SHELL_SINGLE ? "'\\''" : "'\"'\"'");
		return;
	}
	if ((form == SHELL_DOUBLE && is_one_of("\"$`\\", byte)) ||
	    (form == SHELL_BACKSLASH &&
	     (is_one_of(" \t\n'\"\\|&;()<>!{}*[]?^$`,", byte) || (first && is_one_of("#~", byte)))))
		put(to, '\\');
	put(to, byte);
}

struct percent_form {
	const char *digits;
	const char *keep; /* besides letters, digits and -._~ */
	bool plus;        /* space as + */
};

static void put_percent(struct sink *to, const struct percent_form *form, uint8_t byte)
{
	bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

	if (byte == ' ' && form->plus) {
		put(to, '+');
	} else if (letter || (byte >= '0' && byte <= '9') || is_one_of("-._~", byte) ||
		   is_one_of(form->keep, byte)) {
		put(to, byte);
	} else {
		put(to, '%');
		put_hex(to, form->digits, byte, 2);
	}
}

struct xml_form {
	const char *quote;
	const char *apostrophe;
};

static void put_xml(struct sink *to, const struct xml_form *form, uint8_t byte)
{
	const char *entity = byte == '&'    ? "&amp;"
			     : byte == '<'  ? "&lt;"
			     : byte == '>'  ? "&gt;"
			     : byte == '"'  ? form->quote
			     : byte == '\'' ? form->apostrophe
					    : NULL;

	if (entity)
		put_text(to, entity);
	else
		put(to, byte);
}

static const struct json_form json_forms[] = {
	{ .html = false },
	{ .html = true },
	{ .slash = true },
	{ .ascii = true },
	{ .slash = true, .ascii = true },
};

static const shell_form shell_forms[] = {
	SHELL_SINGLE, SHELL_SHLEX, SHELL_DOUBLE, SHELL_BACKSLASH, SHELL_ANSI, SHELL_ANSI_WIDE,
};

static const struct percent_form percent_forms[] = {
	{ .digits = upper, .keep = "" },
	{ .digits = lower, .keep = "" },
	{ .digits = upper, .keep = "", .plus = true },
	{ .digits = upper, .keep = "/" },     /* Python's quote */
	{ .digits = upper, .keep = "!'()*" }, /* JavaScript's encodeURIComponent */
};

static const struct xml_form xml_forms[] = {
	{ "\"", "'" },         { "&quot;", "'" },      { "&quot;", "&apos;" },
	{ "&quot;", "&#39;" }, { "&quot;", "&#x27;" }, { "&#34;", "&#39;" },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(ESCAPE_FORMS ==
		   COUNT(json_forms) + COUNT(shell_forms) + COUNT(percent_forms) + COUNT(xml_forms),
	       "every form has its number");

size_t escape_form(size_t form, uint8_t *out, const uint8_t *in, size_t len)
{
	struct sink to = { out };
	size_t shell = form - COUNT(json_forms);
	size_t percent = shell - COUNT(shell_forms);
	size_t xml = percent - COUNT(percent_forms);

	assert(form < ESCAPE_FORMS);
	if (form < COUNT(json_forms)) {
		write_json(&to, &json_forms[form], in, len);
		return (size_t)(to.at - out);
	}
	for (size_t i = 0; i < len; i++) {
		if (shell < COUNT(shell_forms))
			put_shell(&to, shell_forms[shell], in[i], i == 0);
		else if (percent < COUNT(percent_forms))
			put_percent(&to, &percent_forms[percent], in[i]);
		else
			put_xml(&to, &xml_forms[xml], in[i]);
	}
	return (size_t)(to.at - out);
}
