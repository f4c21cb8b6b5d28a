#include "verbs.h"

#include "clock.h"
#include "connect.h"
#include "options.h"
#include "output.h"

#include <inttypes.h>
#include <string.h>

/* --- for programs ---------------------------------------------------------------------------------------- */

struct number {
	const char *name;
	uint64_t value;
};

static bool set_numbers(json_t *json, const struct number *numbers, size_t len)
{
	for (size_t i = 0; json != NULL && i < len; i++)
		if (json_object_set_new(json, numbers[i].name,
					json_integer((json_int_t)numbers[i].value)) != 0)
			return false;
	return json != NULL;
}

static json_t *method_json(const struct coffer_method_status *method)
{
	const struct number numbers[] = {
		{ "calls", method->calls },   { "errors", method->errors },
		{ "p50_us", method->p50_us }, { "p90_us", method->p90_us },
		{ "p99_us", method->p99_us }, { "total_us", method->total_us }
	};
	json_t *json = json_pack("{s:o}", "method", output_json_text(method->method));

	if (set_numbers(json, numbers, sizeof(numbers) / sizeof(numbers[0])))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *methods_json(const struct coffer_status *status)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < status->methods_len; i++) {
		if (json_array_append_new(json, method_json(&status->methods[i])) == 0)
			continue;
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *mirror_json(const struct coffer_mirror_status *mirror)
{
	const struct number numbers[] = { { "view_at_ms", (uint64_t)mirror->view_at_ms },
					  { "waiting", mirror->waiting },
					  { "objects", mirror->objects },
					  { "refused", mirror->refused } };
	json_t *json =
	    json_pack("{s:o, s:o, s:o, s:b, s:b}", "bucket", output_json_text(mirror->bucket),
		      "endpoint", output_json_text(mirror->endpoint), "problem",
		      output_json_text(mirror->problem), "joined", mirror->joined, "connected",
		      mirror->connected);

	if (set_numbers(json, numbers, sizeof(numbers) / sizeof(numbers[0])))
		return json;
	json_decref(json);
	return NULL;
}

static json_t *status_json(const struct coffer_status *status)
{
	const struct number numbers[] = { { "protocol", status->protocol },
					  { "schema", status->schema },
					  { "started_at_ms", (uint64_t)status->started_at_ms },
					  { "uptime_ms", (uint64_t)status->uptime_ms },
					  { "connections", status->connections },
					  { "secrets", status->secrets },
					  { "versions", status->versions },
					  { "runs_live", status->runs_live },
					  { "services_live", status->services_live },
					  { "revision", status->revision },
					  { "audit_seq", status->audit_seq },
					  { "audit_oldest_seq", status->audit_oldest_seq },
					  { "audit_bytes", status->audit_bytes },
					  { "audit_delays", status->audit_delays },
					  { "arena_used", status->arena_used },
					  { "arena_peak", status->arena_peak },
					  { "arena_size", status->arena_size },
					  { "store_bytes", status->store_bytes },
					  { "key_epoch", status->key_epoch },
					  { "backup_at_ms", (uint64_t)status->backup_at_ms } };
	json_t *json =
	    json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:o}", "server",
		      output_json_text(status->server), "sqlite", output_json_text(status->sqlite),
		      "libsodium", output_json_text(status->libsodium), "cipher",
		      output_json_text(status->cipher), "audit_writable", status->audit_writable,
		      "key_rotating", status->key_rotating, "methods", methods_json(status));

	if (set_numbers(json, numbers, sizeof(numbers) / sizeof(numbers[0])) &&
	    (!status->has_mirror ||
	     json_object_set_new(json, "mirror", mirror_json(&status->mirror)) == 0))
		return json;
	json_decref(json);
	return NULL;
}

/* --- for people ------------------------------------------------------------------------------------------ */

/* "3.4 MiB" */
static void print_size(struct bytes *out, uint64_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)size / 1024;
	size_t unit = 0;

	if (size < 1024) {
		bytes_print(out, "%" PRIu64 " bytes", size);
		return;
	}
	for (; value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		value /= 1024;
	bytes_print(out, "%.1f %s", value, units[unit]);
}

/* The largest unit of it and the next: "3 d 4 h". */
static void print_duration(struct bytes *out, int64_t ms)
{
	int64_t seconds = ms / 1000;

	if (seconds >= 86400)
		bytes_print(out, "%" PRId64 " d %" PRId64 " h", seconds / 86400,
			    seconds / 3600 % 24);
	else if (seconds >= 3600)
		bytes_print(out, "%" PRId64 " h %" PRId64 " min", seconds / 3600,
			    seconds / 60 % 60);
	else
		bytes_print(out, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
}

static void print_versions(struct bytes *out, const struct coffer_status *status)
{
	bytes_print(out, "server       ");
	bytes_clean(out, status->server);
	bytes_print(out, ", protocol %" PRIu32 ", schema %" PRIu32 "\nlibraries    SQLite ",
		    status->protocol, status->schema);
	bytes_clean(out, status->sqlite);
	bytes_print(out, ", libsodium ");
	bytes_clean(out, status->libsodium);
	bytes_print(out, "\ncipher       ");
	bytes_clean(out, status->cipher);
}

static void print_audit(struct bytes *out, const struct coffer_status *status)
{
	bytes_print(out, "audit        record %" PRIu64 ", %s\naudit log    ", status->audit_seq,
		    status->audit_writable ? "writable" : "NOT WRITABLE: requests are refused");
	print_size(out, status->audit_bytes);
	bytes_print(out, " from record %" PRIu64 " on", status->audit_oldest_seq);
	if (status->audit_delays > 0)
		bytes_print(out, ", jobs were made to wait %" PRIu64 " times",
			    status->audit_delays);
}

static void print_counts(struct bytes *out, const struct coffer_status *status)
{
	bytes_print(out,
		    "\nconnections  %" PRIu32 "\nsecrets      %" PRIu64 " in %" PRIu64 " versions"
		    "\nlive         %" PRIu64 " runs, %" PRIu64 " services"
		    "\nrevision     %" PRIu64 "\n",
		    status->connections, status->secrets, status->versions, status->runs_live,
		    status->services_live, status->revision);
}

static void print_room(struct bytes *out, const struct coffer_status *status)
{
	bytes_print(out, "\nmemory       ");
	print_size(out, status->arena_used);
	bytes_print(out, " of ");
	print_size(out, status->arena_size);
	bytes_print(out, " locked, ");
	print_size(out, status->arena_peak);
	bytes_print(out, " at most\nstore        ");
	print_size(out, status->store_bytes);
}

/* How old what is served may be, and why. */
static void print_mirror(struct bytes *out, const struct coffer_mirror_status *mirror)
{
	bytes_print(out, "bucket       ");
	bytes_clean(out, mirror->bucket[0] != '\0' ? mirror->bucket : "settings are missing");
	if (mirror->endpoint[0] != '\0') {
		bytes_print(out, " at ");
		bytes_clean(out, mirror->endpoint);
	}
	if (!mirror->joined)
		bytes_print(out, ", NOT PUSHED YET: nothing can be written");
	bytes_print(out, "\nview         ");
	if (mirror->view_at_ms > 0) {
		print_duration(out, clock_wall_ms() - mirror->view_at_ms);
		bytes_print(out, " old");
	} else {
		bytes_print(out, "not known");
	}
	bytes_print(out, ", %" PRIu64 " objects, %" PRIu32 " writes wait", mirror->objects,
		    mirror->waiting);
	if (mirror->refused > 0)
		bytes_print(out, ", %" PRIu64 " objects REFUSED: see the daemon's log",
			    mirror->refused);
	if (mirror->problem[0] != '\0') {
		bytes_print(out, "\n             NOT USABLE: ");
		bytes_clean(out, mirror->problem);
	}
	bytes_print(out, "\n");
}

/* Those that were called. */
static void print_methods(struct bytes *out, const struct coffer_status *status)
{
	bytes_print(out, "%-16s%12s%10s%10s%10s%10s\n", "method", "calls", "errors", "p50 us",
		    "p90 us", "p99 us");
	for (size_t i = 0; i < status->methods_len; i++) {
		const struct coffer_method_status *method = &status->methods[i];
		if (method->calls == 0)
			continue;
		bytes_clean(out, method->method);
		bytes_print(out,
			    "%*s%12" PRIu64 "%10" PRIu64 "%10" PRIu32 "%10" PRIu32 "%10" PRIu32
			    "\n",
			    (int)(16 - strlen(method->method) % 16), "", method->calls,
			    method->errors, method->p50_us, method->p90_us, method->p99_us);
	}
}

static cli_exit print_lines(const struct cli *cli, const struct coffer_status *status)
{
	struct bytes out = { 0 };
	char started[OUTPUT_TIME_LEN], backup[OUTPUT_TIME_LEN];

	output_time(started, status->started_at_ms);
	output_time(backup, status->backup_at_ms);
	print_versions(&out, status);
	bytes_print(&out, "\nstarted      %s, ", started);
	print_duration(&out, status->uptime_ms);
	bytes_print(&out, " ago");
	print_counts(&out, status);
	print_audit(&out, status);
	print_room(&out, status);
	bytes_print(&out, "\nroot key     number %" PRIu32 "%s\n", status->key_epoch,
		    status->key_rotating ? ", secrets are being sealed under it" : "");
	bytes_print(&out, "last backup  %s\n", backup);
	if (status->has_mirror)
		print_mirror(&out, &status->mirror);
	bytes_print(&out, "\n");
	print_methods(&out, status);
	return output_send(cli, &out);
}

static cli_exit show_status(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_status answer = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_status(admin, &answer));
	if (status == CLI_DONE)
		status = json ? output_json(cli, status_json(&answer)) : print_lines(cli, &answer);
	coffer_status_free(&answer);
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_status = {
	.name = "status",
	.synopsis = "[--json]",
	.summary = "tell how the daemon is",
	.details =
	    "  For each method that was called: what half, nine tenths and 99 of 100 calls "
	    "took.\n\n"
	    "  --json   {server, protocol, schema, sqlite, libsodium, cipher, started_at_ms,\n"
	    "           uptime_ms, connections, secrets, versions, runs_live, services_live,\n"
	    "           revision, audit_seq, audit_oldest_seq, audit_bytes, audit_delays,\n"
	    "           audit_writable, arena_used, arena_peak, arena_size, store_bytes,\n"
	    "           key_epoch, key_rotating, backup_at_ms, methods}; of each method\n"
	    "           {method, calls, errors, p50_us, p90_us, p99_us, total_us}; with a bucket\n"
	    "           also mirror {bucket, endpoint, problem, joined, connected, view_at_ms,\n"
	    "           waiting, objects, refused}\n",
	.run = show_status,
};
