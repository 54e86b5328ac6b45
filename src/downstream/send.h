/* TG_ROUTE_SEND: what a client posts goes to the backend of its stream. */
#ifndef TIDEGATE_DOWNSTREAM_SEND_H
#define TIDEGATE_DOWNSTREAM_SEND_H

#include "reply.h"
#include "router.h"

/* Answers, or has the connection wait for what becomes of the message: 202 once it was written. 400: not UTF-8 where the
 * backend gets text. 401, 404: no such session. 409: no backend takes messages now. 429: too many by this
 * client, or too many wait. */
void tg_send_answer(struct tg_reply *reply, const struct tg_match *match);

#endif
