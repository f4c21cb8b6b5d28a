#include "rpc/local.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "names.h"
#include "rpc/methods.h"

#define TEST_RUN_TTL_MS (30 * 24 * 60 * 60 * 1000LL)

coffer_err local_run(struct rpc *rpc, const struct method *method, struct slice body,
		     struct buf *out)
{
	struct session self = { .service = SERVICE_OPERATOR,
				.operator= true,
				.uid = (uint32_t)getuid(),
				.gid = (uint32_t)getgid(),
				.pid = (int32_t)getpid() };
	struct call call;
	coffer_err err;

	dispatch_prepare(&call, rpc, &self, method);
	call.body = body;
	call.out = out;
	call.waited_ms = RPC_ANSWER_NOW;
	err = dispatch_run(&call);
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
	if (err != COFFER_OK && call.message_len == 0)
		log_warn("%s: %s", method->name, coffer_err_text(err));
	else if (err != COFFER_OK)
		log_warn("%s: %.*s", method->name, (int)call.message_len, call.message);
	return err;
}

/* Room for a request and for its reply, side by side. */
static coffer_err reserve(struct rpc *rpc, size_t len, struct secret *memory, struct buf *body,
			  struct buf *reply)
{
	coffer_err err = secret_reserve(memory, rpc->core->arena, 2 * len);

	if (err != COFFER_OK)
		return err;
	memory->len = 2 * len;
	*body = (struct buf){ memory->data, 0, len };
	*reply = (struct buf){ memory->data + len, 0, len };
	return COFFER_OK;
}

coffer_err local_put(struct rpc *rpc, struct slice name, struct slice value)
{
	coffer_v1_PutSecretRequest put = { .scope = SLICE_LITERAL("global") };
	coffer_v1_SecretWrite write = { .name = name, .value = value };
	struct secret memory = SECRET_EMPTY;
	struct buf body, reply;
	const char *why;
	coffer_err err;

	if (names_check_secret(name, &why) != COFFER_OK) {
		log_error("the secret's name %s", why);
		return COFFER_INVALID_ARGUMENT;
	}
	if ((err = reserve(rpc, value.len + COFFER_FRAME_OVERHEAD, &memory, &body, &reply)) !=
		COFFER_OK ||
	    (err = codec_append(&body, coffer_v1_PutSecretRequest_fields, &put)) != COFFER_OK ||
	    (err = codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
					coffer_v1_SecretWrite_fields, &write)) != COFFER_OK) {
		log_error("no memory for the value of '%.*s'", SLICE_ARG(name));
		goto out;
	}
	err = local_run(rpc, methods_find(SLICE_LITERAL("PutSecret")),
			(struct slice){ body.data, body.len }, &reply);
out:
	secret_free(&memory);
	return err;
}

coffer_err local_create_run(struct rpc *rpc, char id[COFFER_ID_LEN + 1], struct secret *token)
{
	coffer_v1_CreateRunRequest create = { .has_meta = true,
					      .meta = { .pipeline = SLICE_LITERAL("ephemeral"),
							.ref = SLICE_LITERAL("ephemeral") },
					      .ttl_ms = TEST_RUN_TTL_MS };
	coffer_v1_CreateRunResponse made;
	struct secret memory = SECRET_EMPTY;
	struct buf body, reply;
	coffer_err err;

	*token = SECRET_EMPTY;
	if ((err = reserve(rpc, COFFER_FRAME_OVERHEAD, &memory, &body, &reply)) != COFFER_OK ||
	    (err = codec_append(&body, coffer_v1_CreateRunRequest_fields, &create)) != COFFER_OK ||
	    (err = local_run(rpc, methods_find(SLICE_LITERAL("CreateRun")),
			     (struct slice){ body.data, body.len }, &reply)) != COFFER_OK ||
	    (err = codec_decode((struct slice){ reply.data, reply.len },
				coffer_v1_CreateRunResponse_fields, &made, sizeof(made))) !=
		COFFER_OK)
		goto out;
	memcpy(id, made.run_id.data, COFFER_ID_LEN);
	id[COFFER_ID_LEN] = '\0';
	err = secret_copy(token, rpc->core->arena, made.token.data, made.token.len);
out:
	secret_free(&memory);
	return err;
}

/* One page; after is where it begins, and then the next one. */
static coffer_err migrate_page(struct rpc *rpc, char after[COFFER_NAME_MAX], size_t *after_len)
{
	const coffer_v1_MigrateRequest request = { .after = { (const uint8_t *)after,
							      *after_len } };
	coffer_v1_MigrateResponse page;
	struct secret memory = SECRET_EMPTY;
	struct buf body, reply;
	coffer_err err;

	if ((err = reserve(rpc, rpc->frame_max, &memory, &body, &reply)) != COFFER_OK ||
	    (err = codec_append(&body, coffer_v1_MigrateRequest_fields, &request)) != COFFER_OK ||
	    (err = local_run(rpc, methods_find(SLICE_LITERAL("Migrate")),
			     (struct slice){ body.data, body.len }, &reply)) != COFFER_OK ||
	    (err = codec_decode((struct slice){ reply.data, reply.len },
				coffer_v1_MigrateResponse_fields, &page, sizeof(page))) !=
		COFFER_OK)
		goto out;
	*after_len = page.next.len;
	if (page.next.len > 0)
		memcpy(after, page.next.data, page.next.len);
out:
	secret_free(&memory);
	return err;
}

coffer_err local_migrate(struct rpc *rpc)
{
	char after[COFFER_NAME_MAX];
	size_t after_len = 0;
	int64_t at_ms;
	coffer_err err = store_mark_get(rpc->core->store, STORE_MARK_MIGRATED, &at_ms);

	if (err != COFFER_NOT_FOUND)
		return err;
	do
		err = migrate_page(rpc, after, &after_len);
	while (err == COFFER_OK && after_len > 0);
	if (err == COFFER_OK || err == COFFER_INTERNAL || err == COFFER_DATA_LOSS)
		return err;
	log_warn("secrets of a flat store are left in global until the next start");
	return COFFER_OK;
}

coffer_err local_restored(struct rpc *rpc, int64_t created_ms, uint64_t audit_seq, uint64_t damaged)
{
	struct buf nothing = { NULL, 0, 0 };
	char when[CLOCK_TEXT_LEN + 1], text[128];
	int len;

	clock_format(created_ms, when);
	len =
	    snprintf(text, sizeof(text), "from the backup of %s, record %" PRIu64, when, audit_seq);
	if (damaged > 0)
		snprintf(text + len, sizeof(text) - (size_t)len,
			 "; %" PRIu64 " records do not open", damaged);
	return local_run(rpc, damaged > 0 ? &methods_restore_rest : &methods_restore,
			 slice_str(text), &nothing);
}
