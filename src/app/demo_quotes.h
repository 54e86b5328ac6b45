/* The demo's market: freight rates of eight harbours on a random walk, and how the legacy backend words them.
 * Pure but for the randomness. */
#ifndef TIDEGATE_APP_DEMO_QUOTES_H
#define TIDEGATE_APP_DEMO_QUOTES_H

#include "tidegate/base.h"

enum { TG_DEMO_SYMBOLS = 8, TG_DEMO_QUOTES_KEPT = 4096 };

struct tg_demo_quote {
    uint64_t seq; /* counts from 1 */
    unsigned symbol;
    int price_cents;
    int change_cents; /* since the market opened */
};

/* Embedded; tg_demo_market_init. The last quotes are kept, for connections that are a little behind. */
struct tg_demo_market {
    int prices[TG_DEMO_SYMBOLS];
    uint64_t last_seq; /* 0: none yet */
    struct tg_demo_quote kept[TG_DEMO_QUOTES_KEPT];
};
void tg_demo_market_init(struct tg_demo_market *market);
void tg_demo_market_step(struct tg_demo_market *market); /* makes one quote */
/* NULL when it is not kept any more, or not made yet. */
const struct tg_demo_quote *tg_demo_market_find(const struct tg_demo_market *market, uint64_t seq);

/* {"type":"quote","seq":n,"payload":{…}} */
void tg_demo_quote_append(struct tg_buffer *out, const struct tg_demo_quote *quote);

#endif
