#include "status.h"

#include <inttypes.h>
#include <string.h>

#include "metrics.h"

struct row {
	const char *name, *type, *help;
	double value;
};

static void print_rows(struct body *out, const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++)
		metrics_print_one(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}

/* A label's value has nothing in it that could end it. */
static void print_label(struct body *out, const char *name, const char *text)
{
	body_print(out, "%s=\"", name);
	for (; *text != '\0'; text++)
		body_append(out, strchr("\"\\", *text) != NULL || *text < 0x20 ? "?" : text, 1);
	body_print(out, "\"");
}

static void print_versions(struct body *out, const struct coffer_status *status)
{
	const struct {
		const char *name, *text;
	} labels[] = { { "server", status->server },
		       { "sqlite", status->sqlite },
		       { "libsodium", status->libsodium },
		       { "cipher", status->cipher } };

	body_print(out, "# HELP coffer_info Versions.\n# TYPE coffer_info gauge\ncoffer_info{");
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		print_label(out, labels[i].name, labels[i].text);
		body_append(out, ",", 1);
	}
	body_print(out, "protocol=\"%" PRIu32 "\",schema=\"%" PRIu32 "\"} 1\n", status->protocol,
		   status->schema);
}

static void print_store(struct body *out, const struct coffer_status *status)
{
	const struct row rows[] = {
		{ "coffer_start_time_seconds", "gauge", "When the daemon was started.",
		  (double)status->started_at_ms / 1e3 },
		{ "coffer_connections", "gauge", "Connections of jobs and operators.",
		  status->connections },
		{ "coffer_secrets", "gauge", "Secrets that are not deleted.",
		  (double)status->secrets },
		{ "coffer_versions", "gauge", "Versions of secrets that are kept.",
		  (double)status->versions },
		{ "coffer_runs_live", "gauge", "Runs whose tokens work.",
		  (double)status->runs_live },
		{ "coffer_services_live", "gauge", "Services whose tokens work.",
		  (double)status->services_live },
		{ "coffer_revision_total", "counter", "Changes of the store.",
		  (double)status->revision },
		{ "coffer_store_bytes", "gauge", "The database on disk.",
		  (double)status->store_bytes },
		{ "coffer_key_epoch", "gauge", "The number of the root key.", status->key_epoch },
		{ "coffer_key_rotating", "gauge", "1: records are being sealed under a new key.",
		  status->key_rotating },
		{ "coffer_backup_time_seconds", "gauge", "When the last backup was made; 0: never.",
		  (double)status->backup_at_ms / 1e3 },
	};

	print_rows(out, rows, sizeof(rows) / sizeof(rows[0]));
}

static void print_audit(struct body *out, const struct coffer_status *status)
{
	const struct row rows[] = {
		{ "coffer_audit_records_total", "counter", "The number of the newest audit record.",
		  (double)status->audit_seq },
		{ "coffer_audit_oldest_record", "gauge", "The number of the oldest that is kept.",
		  (double)status->audit_oldest_seq },
		{ "coffer_audit_bytes", "gauge", "The audit log on disk.",
		  (double)status->audit_bytes },
		{ "coffer_audit_delays_total", "counter",
		  "How often a connection had to wait as its uid's records came too fast.",
		  (double)status->audit_delays },
		{ "coffer_audit_writable", "gauge", "0: requests are refused.",
		  status->audit_writable },
		{ "coffer_arena_used_bytes", "gauge", "Locked memory in use.",
		  (double)status->arena_used },
		{ "coffer_arena_peak_bytes", "gauge", "The most of it since the start.",
		  (double)status->arena_peak },
		{ "coffer_arena_size_bytes", "gauge", "Locked memory.",
		  (double)status->arena_size },
	};

	print_rows(out, rows, sizeof(rows) / sizeof(rows[0]));
}

/* Of the bucket, where the store has one. */
static void print_mirror(struct body *out, const struct coffer_mirror_status *mirror)
{
	const struct row rows[] = {
		{ "coffer_mirror_joined", "gauge", "1: writes go to the bucket first.",
		  mirror->joined },
		{ "coffer_mirror_connected", "gauge", "1: coffer-s3 is there.", mirror->connected },
		{ "coffer_mirror_problem", "gauge", "1: the bucket cannot be used.",
		  mirror->problem[0] != '\0' },
		{ "coffer_mirror_view_time_seconds", "gauge",
		  "The bucket as it was then, or later, is served; 0: not known.",
		  (double)mirror->view_at_ms / 1e3 },
		{ "coffer_mirror_waiting", "gauge", "Writes that wait for the bucket.",
		  mirror->waiting },
		{ "coffer_mirror_objects", "gauge", "Objects that are known here.",
		  (double)mirror->objects },
		{ "coffer_mirror_refused_total", "counter", "Objects that do not open.",
		  (double)mirror->refused },
	};

	print_rows(out, rows, sizeof(rows) / sizeof(rows[0]));
}

static void print_calls(struct body *out, const struct coffer_status *status)
{
	body_print(out, "# HELP coffer_errors_total Calls that were refused or failed.\n"
			"# TYPE coffer_errors_total counter\n");
	for (size_t i = 0; i < status->methods_len; i++)
		body_print(out, "coffer_errors_total{method=\"%s\"} %" PRIu64 "\n",
			   status->methods[i].method, status->methods[i].errors);
	body_print(out, "# HELP coffer_call_seconds Calls, from a request read to its reply made.\n"
			"# TYPE coffer_call_seconds summary\n");
	for (size_t i = 0; i < status->methods_len; i++) {
		const struct coffer_method_status *m = &status->methods[i];
		const struct {
			const char *name;
			uint32_t us;
		} quantiles[] = { { "0.5", m->p50_us },
				  { "0.9", m->p90_us },
				  { "0.99", m->p99_us } };
		for (size_t q = 0; q < sizeof(quantiles) / sizeof(quantiles[0]) && m->calls > 0;
		     q++)
			body_print(out, "coffer_call_seconds{method=\"%s\",quantile=\"%s\"} %.6f\n",
				   m->method, quantiles[q].name, (double)quantiles[q].us / 1e6);
		body_print(out,
			   "coffer_call_seconds_sum{method=\"%s\"} %.6f\n"
			   "coffer_call_seconds_count{method=\"%s\"} %" PRIu64 "\n",
			   m->method, (double)m->total_us / 1e6, m->method, m->calls);
	}
}

void status_print(struct body *out, const struct coffer_status *status)
{
	print_versions(out, status);
	print_store(out, status);
	print_audit(out, status);
	if (status->has_mirror)
		print_mirror(out, &status->mirror);
	print_calls(out, status);
}
