#include "redactor.h"

#include "derive.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

coffer_err coffer_redactor_new(struct coffer_redactor **out)
{
	*out = memory_take(1, sizeof(**out));
	return *out ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

void coffer_redactor_free(struct coffer_redactor *redactor)
{
	if (!redactor)
		return;
	engine_free(&redactor->engine);
	patterns_free(&redactor->patterns);
	while (redactor->told) {
		struct redactor_told *next = redactor->told->next;
		free(redactor->told);
		redactor->told = next;
	}
	memory_give(redactor, 1, sizeof(*redactor));
}

static coffer_err fail(struct coffer_redactor *redactor)
{
	redactor->failed = true;
	(void)snprintf(redactor->message, sizeof(redactor->message),
		       "no memory for what is to be redacted");
	return COFFER_RESOURCE_EXHAUSTED;
}

/* Sets the message, unless that name was told before. */
static coffer_err tell_short(struct coffer_redactor *redactor, const char *name)
{
	struct redactor_told *told;

	for (told = redactor->told; told; told = told->next)
		if (strncmp(told->name, name, COFFER_NAME_MAX) == 0)
			return COFFER_FAILED_PRECONDITION;
	if ((told = calloc(1, sizeof(*told)))) {
		strncpy(told->name, name, COFFER_NAME_MAX);
		told->next = redactor->told;
		redactor->told = told;
	}
	(void)snprintf(redactor->message, sizeof(redactor->message),
		       "the value of '%.*s' has fewer than %d bytes and will not be redacted",
		       COFFER_NAME_MAX, name, PATTERNS_LEN_MIN);
	return COFFER_FAILED_PRECONDITION;
}

coffer_err coffer_redactor_add(struct coffer_redactor *redactor, const char *name,
			       const uint8_t *value, size_t len)
{
	coffer_err err = derive_patterns(&redactor->patterns, value, len);

	redactor->message[0] = '\0';
	if (err == COFFER_FAILED_PRECONDITION)
		return tell_short(redactor, name);
	if (err != COFFER_OK)
		return fail(redactor);
	redactor->stale = true;
	return COFFER_OK;
}

coffer_err coffer_redactor_add_exact(struct coffer_redactor *redactor, const char *name,
				     const uint8_t *bytes, size_t len)
{
	redactor->message[0] = '\0';
	if (!derive_is_long_enough(bytes, len))
		return tell_short(redactor, name);
	if (patterns_add(&redactor->patterns, bytes, len) != COFFER_OK)
		return fail(redactor);
	redactor->stale = true;
	return COFFER_OK;
}

const char *coffer_redactor_message(const struct coffer_redactor *redactor)
{
	return redactor ? redactor->message : "no memory";
}

coffer_err redactor_refresh(struct coffer_redactor *redactor)
{
	if (redactor->failed)
		return COFFER_RESOURCE_EXHAUSTED;
	if (!redactor->stale)
		return COFFER_OK;
	engine_free(&redactor->engine);
	patterns_sort(&redactor->patterns);
	if (engine_build(&redactor->engine, &redactor->patterns) != COFFER_OK)
		return fail(redactor);
	redactor->stale = false;
	redactor->built++;
	return COFFER_OK;
}
