/* The way back: clients' messages, from the queue of a stream onto the link.
 *
 *     tg_stream_take_outgoing ─► send ─► written, until the link has nothing unsent ─► TG_OK
 *                                              └─► the link ends ────────────────────► TG_ERR_CLOSED
 *
 * While the link has something unsent nothing is taken: the queue's limit holds the senders off. The worker's thread. */
#ifndef TIDEGATE_UPSTREAM_OUTLET_H
#define TIDEGATE_UPSTREAM_OUTLET_H

#include "link.h"

struct tg_outlet {               /* embedded; zeroed: nothing is under way */
    struct tg_outgoing *written; /* handed to the link, in order */
    struct tg_outgoing *last;
};

/* Takes what waits in the stream; NULL: there is no link that is up. False: the link has no room, it is for later. */
bool tg_outlet_pump(struct tg_outlet *outlet, struct tg_stream *stream, struct tg_link *link);
/* What became of those that were handed over. */
void tg_outlet_settle(struct tg_outlet *outlet, enum tg_err result);

#endif
