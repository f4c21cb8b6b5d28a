#include "counters.h"

#include <coffer/admin.h>

#include "log.h"
#include "status.h"

void counters_init(struct counters *counters, const char *socket, int timeout_ms)
{
	*counters = (struct counters){ .socket = socket, .timeout_ms = timeout_ms };
	lately_init(&counters->lately);
}

void counters_destroy(struct counters *counters)
{
	lately_destroy(&counters->lately);
	body_free(&counters->text);
}

static void ask(const struct counters *counters, struct body *out)
{
	struct coffer_admin *admin = NULL;
	struct coffer_status status;

	if (coffer_admin_open(&admin, counters->socket, counters->timeout_ms) == COFFER_OK &&
	    coffer_admin_status(admin, &status) == COFFER_OK) {
		status_print(out, &status);
		coffer_status_free(&status);
	} else {
		log_warn("the daemon's counters: %s", coffer_admin_message(admin));
	}
	coffer_admin_close(admin);
}

bool counters_print(struct counters *counters, struct body *out)
{
	bool is_due = counters->socket != NULL && lately_is_due(&counters->lately);
	struct body text = { .data = NULL };
	bool told;

	if (is_due)
		ask(counters, &text);
	lately_lock(&counters->lately);
	if (is_due) {
		body_free(&counters->text);
		counters->text = text; /* ownership moves */
		lately_asked(&counters->lately);
	}
	told = counters->text.len > 0 && !counters->text.failed;
	if (told)
		body_append(out, counters->text.data, counters->text.len);
	lately_unlock(&counters->lately);
	return told;
}
