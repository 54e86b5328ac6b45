/* Whether a client may do now what its route is for, where that has a rate. */
#ifndef TIDEGATE_DOWNSTREAM_THROTTLE_H
#define TIDEGATE_DOWNSTREAM_THROTTLE_H

#include "reply.h"

/* Counts it. False: not now; response.retry_after_s says when. `session` is who does it, or NULL: the client's
 * address. */
bool tg_throttle_allows(struct tg_reply *reply, const struct tg_stream *session);

#endif
