/* The Operator service: how the daemon is. */
#include "base/clock.h"
#include "core/rotation.h"
#include "rpc/methods.h"

static coffer_err append_method(struct call *call, size_t i, const char *name)
{
	const struct latency *latency = &call->rpc->counters[i].latency;
	coffer_v1_MethodStatus status = { .method = slice_str(name),
					  .calls = call->rpc->counters[i].calls,
					  .errors = call->rpc->counters[i].errors,
					  .p50_us = latency_quantile_us(latency, 500),
					  .p90_us = latency_quantile_us(latency, 900),
					  .p99_us = latency_quantile_us(latency, 990),
					  .total_us = latency->total_ns / 1000 };

	return codec_append_message(call->out, coffer_v1_StatusResponse_methods_tag,
				    coffer_v1_MethodStatus_fields, &status);
}

static coffer_err append_methods(struct call *call)
{
	size_t len;
	const struct method *methods = methods_all(&len);
	coffer_err err = COFFER_OK;

	for (size_t i = 0; i < len && err == COFFER_OK; i++)
		err = append_method(call, i, methods[i].name);
	return err;
}

static coffer_err add_store(struct call *call, coffer_v1_StatusResponse *reply)
{
	struct store *store = call->rpc->core->store;
	struct store_stats stats;
	coffer_err err;

	if ((err = store_stats(store, call->now_ms, &stats)) != COFFER_OK)
		return err;
	reply->schema = stats.schema;
	reply->sqlite = slice_str(stats.engine);
	reply->secrets = stats.secrets;
	reply->versions = stats.versions;
	reply->runs_live = stats.runs_live;
	reply->services_live = stats.services_live;
	reply->store_bytes = stats.bytes;
	err = store_mark_get(store, STORE_MARK_BACKUP, &reply->backup_at_ms);
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static void add_trail(const struct rpc *rpc, coffer_v1_StatusResponse *reply)
{
	/* First: it may begin another file, and so make a record. */
	reply->audit_writable = trail_ready(rpc->trail, false) == COFFER_OK;
	const struct trail_extent extent = trail_extent(rpc->trail);

	reply->audit_seq = trail_head(rpc->trail)->seq;
	reply->audit_oldest_seq = extent.oldest;
	reply->audit_bytes = extent.bytes;
	reply->audit_delays = rpc->delays;
}

coffer_err operator_status(struct call *call)
{
	const struct rpc *rpc = call->rpc;
	coffer_v1_StatusResponse reply = {
		.server = SLICE_LITERAL("cofferd/" COFFER_VERSION),
		.protocol = COFFER_PROTOCOL_VERSION,
		.libsodium = slice_str(rpc->crypto),
		.cipher = slice_str(rpc->cipher),
		.started_at_ms = rpc->started_ms,
		.uptime_ms = clock_mono_ms() - rpc->started_mono_ms,
		.connections = rpc->connections,
		.revision = rpc->core->revision,
		.arena_used = arena_used(rpc->core->arena),
		.arena_peak = arena_peak(rpc->core->arena),
		.arena_size = arena_size(rpc->core->arena),
		.key_epoch = rotation_epoch(rpc->core),
		.key_rotating = rotation_find(rpc->core) == COFFER_OK,
	};
	coffer_err err;

	add_trail(rpc, &reply);
	if ((err = add_store(call, &reply)) != COFFER_OK ||
	    (err = codec_append(call->out, coffer_v1_StatusResponse_fields, &reply)) != COFFER_OK)
		return err;
	if ((err = append_methods(call)) != COFFER_OK)
		return err;
	return operator_mirror_status(call);
}
