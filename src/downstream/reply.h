/* The answer to one request: its status line, what its route adds, and what the connection does then. The answer of an
 * event stream or of a message that waits for the backend begins here too. */
#ifndef TIDEGATE_DOWNSTREAM_REPLY_H
#define TIDEGATE_DOWNSTREAM_REPLY_H

#include "connection.h"
#include "response.h"

struct tg_reply { /* embedded, for one call */
    struct tg_connection *connection;
    const struct tg_request_head *head;
    const struct tg_route *route; /* NULL: none was found */
    struct tg_buffer extra;       /* header lines that the route adds */
    struct tg_buffer complaint;   /* a line about what is wrong with the request, or nothing */
    struct tg_response response;
};

void tg_reply_init(struct tg_reply *reply, struct tg_connection *connection); /* of the request at hand */
/* TG_ERR_MEMORY: the connection is closed. */
enum tg_err tg_reply_set_route(struct tg_reply *reply, const struct tg_route *route);
void tg_reply_deinit(struct tg_reply *reply);

/* The methods that a route is for, as in Allow. */
const char *tg_route_allow(const struct tg_route *route);
/* It is a stream's, and a POST opens a session. */
bool tg_route_is_opened_by_post(const struct tg_route *route);

/* It may be a native EventSource that asks: that one stops for good on anything but 200 (WHATWG HTML section 9.2.2), and
 * cannot POST. */
bool tg_reply_is_to_event_source(const struct tg_reply *reply);

/* Each of these fills the exchange's `out` and enters TG_PHASE_ANSWER. */
void tg_reply_send(struct tg_reply *reply);
void tg_reply_status(struct tg_reply *reply,
                     int status); /* with a line of text, and the complaint; 202 and 204 have none */
void tg_reply_retry(struct tg_reply *reply, int status, uint64_t retry_after_s);
/* Over a limit, or while draining: who wants an event stream by GET is told when to come back, others get 503. */
void tg_reply_later(struct tg_reply *reply);
/* Where all of the answer is in `out` already. */
void tg_reply_enter_answer(struct tg_connection *connection, enum tg_err err);

/* For figures and logs; `head` is NULL where it could not be read. */
void tg_reply_count(struct tg_connection *connection, const struct tg_request_head *head, int status);

#endif
