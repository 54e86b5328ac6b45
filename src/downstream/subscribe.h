/* TG_ROUTE_STREAM: a request becomes a subscriber. */
#ifndef TIDEGATE_DOWNSTREAM_SUBSCRIBE_H
#define TIDEGATE_DOWNSTREAM_SUBSCRIBE_H

#include "reply.h"
#include "router.h"

/* 204 for a client that has all of a stream that has ended. */
void tg_subscribe_answer(struct tg_reply *reply, const struct tg_match *match);

#endif
