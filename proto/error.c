#include <coffer/error.h>

#include <stddef.h>

#define COFFER_ERROR_ROW(name, number, text) [number] = { #name, text },
static const struct {
	const char *name, *text;
} errors[] = { COFFER_ERRORS(COFFER_ERROR_ROW) };

#define ERRORS_LEN (sizeof(errors) / sizeof(errors[0]))

const char *coffer_err_name(coffer_err err)
{
	return (size_t)err < ERRORS_LEN ? errors[err].name : "UNKNOWN";
}

const char *coffer_err_text(coffer_err err)
{
	return (size_t)err < ERRORS_LEN ? errors[err].text : "unknown error";
}
