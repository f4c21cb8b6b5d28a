/* loan.h - pages of the arena that a connection borrows for what is not whole, not served or not taken yet.
 * Layer: net, inside. */
#ifndef NET_LOAN_H
#define NET_LOAN_H

#include "net/conn.h"

/* Lends room for at least len bytes (len > 0), in whole pages. False, with *out empty, if the connection
 * or its uid has its share or the arena is used up. */
bool loan_take(struct conn *conn, size_t len, struct buf *out);

/* Takes it back and wipes what was written, which is its first used bytes. An empty one is fine. */
void loan_return(struct conn *conn, struct buf *buf, size_t used);

#endif
