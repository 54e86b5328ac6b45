/* Which stream a request is about, and that it stays while somebody needs it: the shared one, the member of a
 * family that the path picks, or the client's own session. */
#ifndef TIDEGATE_DOWNSTREAM_HOLD_H
#define TIDEGATE_DOWNSTREAM_HOLD_H

#include "reply.h"
#include "router.h"

struct tg_hold {
    struct tg_stream *stream;
    struct tg_family *family; /* that the stream is a member of, joined; NULL: it stays anyway */
    bool is_new;              /* a session that this request has opened */
};

/* 0, or the status to answer with; 503: tg_reply_later. `last_id` names a session; one that there is not is opened
 * if `opens` and the method allow it: 404 or 405 otherwise. 429: its client has opened too many lately. 401: the request lacks what a session is bound to. 400,
 * 431: what was sent cannot go to the backend, or is too much; reply->complaint says why. 502: the backend could not
 * be asked. */
int tg_hold_take(struct tg_reply *reply, const struct tg_match *match, struct tg_str last_id, bool opens,
                 struct tg_hold *ret_hold);
void tg_hold_release(const struct tg_hold *hold);

/* Of what tg_opening_identify says: 400, 401, 503. */
int tg_hold_status_of_identity(enum tg_err err);

/* A request with this method opens a session of this route, which is one of scope client. */
bool tg_hold_opens_by(const struct tg_route *route, enum tg_method method);
/* The route's stream is of scope client. */
bool tg_hold_is_session(const struct tg_route *route);

#endif
