/* What a client brings along for the backend of its session, and which of it to use when it has come back with something
 * newer. Pure.
 *
 *     opened with ─► kept                     newest ◄─ came back with
 *                     ▲  accepted: takes its place │
 *                     └────────────────────────────┘
 *     each attempt: the newest; refused: what was kept; refused, too: the newest again, and so on */
#ifndef TIDEGATE_UPSTREAM_CREDENTIALS_H
#define TIDEGATE_UPSTREAM_CREDENTIALS_H

#include "tidegate/stream.h"

struct tg_credentials {
    struct tg_pair *headers;
    size_t header_count;
    struct tg_str query;
};

/* Copies headers and query. */
struct tg_credentials *tg_credentials_new(const struct tg_opening *opening);
/* What is known, with each header and each parameter of the query that the newer ones have in the place of its own; what
 * they lack stays. NULL: nothing in them is new. */
struct tg_credentials *tg_credentials_merge(const struct tg_credentials *known,
                                            const struct tg_credentials *newer);
void tg_credentials_free(struct tg_credentials *credentials); /* wipes them; NULL is fine */

struct tg_renewal { /* embedded */
    struct tg_credentials *kept;
    struct tg_credentials *newest; /* NULL: none that have not been accepted */
    bool uses_newest;              /* the attempt at hand, or the next one */
};
/* Takes what the session was opened with. */
void tg_renewal_init(struct tg_renewal *renewal, struct tg_credentials *kept);
void tg_renewal_deinit(struct tg_renewal *renewal);
/* The client has come back with these, which are consumed. True: some of it is new, and the next attempt uses it. */
bool tg_renewal_offer(struct tg_renewal *renewal, struct tg_credentials *newer);
const struct tg_credentials *tg_renewal_peek(const struct tg_renewal *renewal); /* for the next attempt */
void tg_renewal_on_accepted(struct tg_renewal *renewal); /* the backend has accepted those of this attempt */
/* It has not. True: there are others, for the next attempt. */
bool tg_renewal_on_refused(struct tg_renewal *renewal);
void tg_renewal_drop_newest(struct tg_renewal *renewal); /* they can be part of no request */

#endif
