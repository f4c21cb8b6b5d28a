/* record.h - the form of one audit record: a line of JSON. Layer: audit. Pure functions.
 *
 *   {"seq":7,"time":"2026-11-22T01:40:08.123Z","op":"GetSecret","run":"<id>","uid":1000,"gid":1000,
 *    "pid":4711,"via":"...","scope":"global","name":"X","version":3,"outcome":"OK",
 *    "reason":"...","mac":"<64 hex digits>"}\n                                      (on one line)
 *
 * "run" is "grant" for a service and neither where no grant is known; via, scope, name, version and
 * reason stand only where they apply. A batch has "secrets":[{"scope":..,"name":..,"version":..},..]
 * in place of scope, name and version; where runs and services are removed, "secrets":[{"scope":"run/<id>"},
 * {"scope":"service/<id>"},..]. seq comes first and mac last, at fixed places, so that reading
 * needs no JSON parser.
 *
 * The first record of every file but the log's very first has the op AuditRotate, and ends with
 *   "outcome":"OK","oldest":405,"after":"<64 hex digits>","mac":"..."}\n
 * so that the file stands by itself once those in front of it are gone. */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"
#include "slice.h"

/* Secrets in one record; bytes of the longest record with its newline, so that it fits into a frame. */
#define RECORD_SECRETS_MAX 128
#define RECORD_LINE_MAX    (64u * 1024)

/* Who asked for what. Slices may be empty. All text is escaped as JSON needs it, what is not UTF-8 in it
 * replaced, and what is longer than anything valid cut off: so a record cannot outgrow its line. */
struct record_subject {
	struct slice op;
	struct slice grant; /* id */
	bool is_run;        /* whether that grant is a run's */
	struct slice via;   /* at most COFFER_TEXT_MAX bytes */
	uint32_t uid;
	uint32_t gid;
	int32_t pid; /* not above 0: unknown, written as 0 */
	int64_t time_ms;
};

/* A record is built in out by begin, then at most one secret() or any number of item()s (up to
 * RECORD_SECRETS_MAX), then end. They cannot fail if out has RECORD_LINE_MAX bytes of room at begin. */
void record_begin(struct buf *out, uint64_t seq, const struct record_subject *subject);
void record_secret(struct buf *out, struct slice scope, struct slice name, uint32_t version);
void record_item(struct buf *out, bool first, struct slice scope, struct slice name,
		 uint32_t version);
/* Ends a list of items, if there was one (has_items), and the text up to the mac. reason may be empty. */
void record_outcome(struct buf *out, bool has_items, coffer_err outcome, struct slice reason);
/* What the first record of a file says beside that, last in its text: the number of the oldest file that
 * is kept from then on (1: all of them), and the mac of the record before it. */
struct record_border {
	uint64_t oldest;
	uint8_t after[CHAIN_MAC_LEN];
};
void record_border(struct buf *out, const struct record_border *border);
void record_mac(struct buf *out, const uint8_t mac[CHAIN_MAC_LEN]);

/* Takes a line (with its newline) apart: its number, the text that the mac covers, and the mac.
 * COFFER_DATA_LOSS if it has not that form. */
COFFER_MUST_USE coffer_err record_parse(struct slice line, uint64_t *seq, struct slice *text,
					uint8_t mac[CHAIN_MAC_LEN]);

/* What a text that record_parse gave says about its file; false if it is no first record's. It is true
 * only if the mac over the text, behind border->after, is. */
bool record_parse_border(struct slice text, struct record_border *border);

/* The time of a text that record_parse gave, as it stands there (CLOCK_TEXT_LEN bytes, which sort as
 * times do); empty if it has none in its place. */
struct slice record_time(struct slice text);

#endif
