#include "names.h"

#define RESERVED_LEN (sizeof(NAMES_RESERVED_PREFIX) - 1)

/* ASCII only, whatever the locale. */
static bool is_alpha(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_char(uint8_t c)
{
	return is_alpha(c) || is_digit(c) || c == '.' || c == '-';
}

static coffer_err refuse(const char **why, const char *text)
{
	*why = text;
	return COFFER_INVALID_ARGUMENT;
}

coffer_err names_check_secret(struct slice name, const char **why)
{
	if (name.len == 0)
		return refuse(why, "is empty");
	if (name.len > COFFER_NAME_MAX)
		return refuse(why, "is longer than 128 bytes");
	if (!is_alpha(name.data[0]))
		return refuse(why, "does not begin with a letter or '_'");
	for (size_t i = 1; i < name.len; i++)
		if (!is_name_char(name.data[i]))
			return refuse(
			    why, "has a character other than letters, digits, '_', '.' and '-'");
	if (name.len >= RESERVED_LEN && memcmp(name.data, NAMES_RESERVED_PREFIX, RESERVED_LEN) == 0)
		return refuse(why, "begins with the reserved prefix '" NAMES_RESERVED_PREFIX "'");
	return COFFER_OK;
}

static coffer_err check_part(struct slice part, const char **why)
{
	if (part.len == 0)
		return refuse(why, "has an empty part");
	if (part.data[0] == '.' && (part.len == 1 || (part.len == 2 && part.data[1] == '.')))
		return refuse(why, "has a part '.' or '..'");
	for (size_t i = 0; i < part.len; i++)
		if (!is_name_char(part.data[i]))
			return refuse(
			    why,
			    "has a character other than letters, digits, '_', '.', '-' and '/'");
	if (part.len >= RESERVED_LEN && memcmp(part.data, NAMES_RESERVED_PREFIX, RESERVED_LEN) == 0)
		return refuse(why,
			      "has a part with the reserved prefix '" NAMES_RESERVED_PREFIX "'");
	return COFFER_OK;
}

coffer_err names_check_id(struct slice id, const char **why)
{
	coffer_err err;

	if (id.len == 0)
		return refuse(why, "is empty");
	if (id.len > COFFER_SCOPE_MAX - (sizeof("pipeline/") - 1))
		return refuse(why, "is longer than 246 bytes");
	for (size_t start = 0; start <= id.len;) {
		const uint8_t *slash =
		    start < id.len ? memchr(id.data + start, '/', id.len - start) : NULL;
		size_t end = slash ? (size_t)(slash - id.data) : id.len;
		struct slice part = { id.data + start, end - start };
		if ((err = check_part(part, why)) != COFFER_OK)
			return err;
		start = end + 1;
	}
	return COFFER_OK;
}

coffer_err names_check_scope(struct slice scope, scope_kind *kind, const char **why)
{
	static const struct {
		struct slice prefix;
		scope_kind kind;
	} prefixes[] = {
		{ { (const uint8_t *)"pipeline/", 9 }, SCOPE_PIPELINE },
		{ { (const uint8_t *)"run/", 4 }, SCOPE_RUN },
		{ { (const uint8_t *)"system/", 7 }, SCOPE_SYSTEM },
	};

	*kind = SCOPE_GLOBAL;
	if (slice_equal(scope, SLICE_LITERAL("global")))
		return COFFER_OK;
	if (scope.len > COFFER_SCOPE_MAX)
		return refuse(why, "is longer than 255 bytes");
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct slice prefix = prefixes[i].prefix;
		if (scope.len < prefix.len || memcmp(scope.data, prefix.data, prefix.len) != 0)
			continue;
		*kind = prefixes[i].kind;
		return names_check_id(
		    (struct slice){ scope.data + prefix.len, scope.len - prefix.len }, why);
	}
	return refuse(why, "is none of global, pipeline/<id>, run/<id> and system/<component>");
}

coffer_err names_check_glob(struct slice glob, const char **why)
{
	if (glob.len == 0)
		return refuse(why, "is empty");
	if (glob.len > COFFER_NAME_MAX)
		return refuse(why, "is longer than 128 bytes");
	for (size_t i = 0; i < glob.len; i++)
		if (!is_name_char(glob.data[i]) && glob.data[i] != '*' && glob.data[i] != '?')
			return refuse(why,
				      "has a character other than those of names, '*' and '?'");
	return COFFER_OK;
}

size_t names_utf8(struct slice text)
{
	static const struct {
		uint8_t lead_min, lead_max, second_min, second_max;
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const uint8_t *p = text.data;

	if (text.len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].lead_min || p[0] > forms[i].lead_max)
			continue;
		if (text.len < forms[i].len || p[1] < forms[i].second_min ||
		    p[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* In a log or a terminal, C1 controls (U+0080 to U+009F) act like the escape sequences that they stand
 * for. p is the start of a sequence of len bytes. */
static bool is_control(const uint8_t *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	return p[0] == 0xc2 && p[1] < 0xa0;
}

coffer_err names_check_text(struct slice text, size_t max, const char **why)
{
	if (text.len > max)
		return refuse(why, "is too long");
	for (size_t i = 0; i < text.len;) {
		size_t n = names_utf8((struct slice){ text.data + i, text.len - i });
		if (n == 0)
			return refuse(why, "is not UTF-8");
		if (is_control(text.data + i, n))
			return refuse(why, "has a control character");
		i += n;
	}
	return COFFER_OK;
}

bool names_is_token(struct slice token)
{
	unsigned bad = 0;

	if (token.len != COFFER_TOKEN_LEN)
		return false;
	for (size_t i = 0; i < token.len; i++) {
		unsigned c = token.data[i];
		unsigned lower = c | 0x20;
		/* Without branches on the token's bytes: each term is 1 when c is in that range. */
		unsigned digit = ((c - '0') & 0xffffu) < 10u;
		unsigned letter = ((lower - 'a') & 0xffffu) < 26u;
		bad |= !(digit | letter);
	}
	return bad == 0;
}

bool names_is_uuid(struct slice id)
{
	if (id.len != COFFER_ID_LEN)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		uint8_t c = id.data[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? c != '-' : !is_digit(c) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}
