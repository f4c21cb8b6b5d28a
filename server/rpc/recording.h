/* recording.h - a request's audit record: when it begins, what it says, and how a change and its record
 * come to be stored together. Layer: rpc, inside. */
#ifndef RPC_RECORDING_H
#define RPC_RECORDING_H

#include "rpc/methods.h"

/* Whether the log can take a record now. use_reserve as for trail_ready, and the ballast with it. */
bool recording_possible(struct call *call, bool use_reserve);

/* Begins the record if it has not begun: at the latest moment, when Hello has found the grant. */
void recording_begin(struct call *call);

/* Ends the record with the outcome; a failed batch keeps none of its items. */
void recording_end(struct call *call, coffer_err outcome);

/* Forgets the record, if it has begun: the request is looked at again later. */
void recording_cancel(struct call *call);

/* Commits the open transaction together with the record of its success. On failure everything is
 * rolled back and the record is open again, for another outcome; but after COFFER_INTERNAL there is none. */
COFFER_MUST_USE coffer_err recording_commit(struct call *call);

#endif
