#include <coffer/registry.h>

#include "copy.h"
#include "wipe.h"

#include <stdlib.h>

coffer_err coffer_value_copy(struct coffer_value *out, const uint8_t *data, size_t len)
{
	return copy_value((struct slice){ data, len }, 0, SLICE_EMPTY, out);
}

void coffer_value_free(struct coffer_value *value)
{
	if (value->data != NULL)
		wipe(value->data, value->len);
	free(value->data);
	*value = (struct coffer_value){ 0 };
}

void coffer_secrets_free(struct coffer_secrets *secrets)
{
	for (size_t i = 0; i < secrets->len; i++)
		coffer_value_free(&secrets->items[i].value);
	wipe(secrets->items, secrets->len * sizeof(*secrets->items));
	free(secrets->items);
	*secrets = (struct coffer_secrets){ NULL, 0 };
}

void coffer_bootstrap_free(struct coffer_bootstrap *bootstrap)
{
	if (bootstrap->memory != NULL)
		wipe(bootstrap->memory, bootstrap->memory_len);
	free(bootstrap->memory);
	*bootstrap = (struct coffer_bootstrap){ 0 };
}
