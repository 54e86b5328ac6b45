/* Connections that wait to hear what became of a message for the backend.
 *
 *      send ─► wait ──────────────────────────┬─► answer ─► the next request
 *               │ tg_stream_send              │ mail to this worker, by the wait's id
 *               └─► stream ─► backend ─► on_sent (the owner's thread)
 *
 * A wait's id is never used again: when the answer is late, the connection may be gone, or at its next request. What the
 * stream has of us is the table of waits alone, which lives until the last message has been told about. */
#ifndef TIDEGATE_DOWNSTREAM_WAIT_H
#define TIDEGATE_DOWNSTREAM_WAIT_H

#include "hold.h"

struct tg_waits;

struct tg_waits *tg_waits_new(struct tg_worker *worker);
void tg_waits_close(struct tg_waits *waits); /* the worker was stopped and nobody waits; NULL is fine */

/* TG_OK: the message is on its way, the connection waits, and the hold is taken over. Else as tg_stream_send. */
enum tg_err tg_wait_send(struct tg_connection *connection, const struct tg_route *route,
                         const struct tg_hold *hold, struct tg_str message);
/* It has waited for too long. */
void tg_wait_expire(struct tg_connection *connection);

#endif
