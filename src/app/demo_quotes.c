/* A random walk that is pulled home, so that a demo left alone for a week still shows sensible rates. */
#include "demo_quotes.h"

#include <inttypes.h>
#include <stdlib.h>

static const struct {
    const char *symbol, *name;
    int opening_cents;
} harbours[TG_DEMO_SYMBOLS] = {
    { "ANR", "Antwerp", 11240 },   { "BRV", "Bremerhaven", 9685 }, { "GDN", "Gdańsk", 8410 },
    { "GOT", "Gothenburg", 9120 }, { "HAM", "Hamburg", 10375 },    { "LEH", "Le Havre", 9950 },
    { "RTM", "Rotterdam", 12805 }, { "FXT", "Felixstowe", 10890 },
};

void tg_demo_market_init(struct tg_demo_market *market)
{
    *market = (struct tg_demo_market){ 0 };
    for (size_t i = 0; i < TG_DEMO_SYMBOLS; i++)
        market->prices[i] = harbours[i].opening_cents;
}

void tg_demo_market_step(struct tg_demo_market *market)
{
    unsigned symbol = (unsigned)tg_random_below(TG_DEMO_SYMBOLS);
    int home = harbours[symbol].opening_cents;
    int step = (int)tg_random_below(121) - 60;
    if (step == 0)
        step = 5;
    market->prices[symbol] += step + (home - market->prices[symbol]) / 40;

    struct tg_demo_quote quote = { ++market->last_seq, symbol, market->prices[symbol],
                                   market->prices[symbol] - home };
    market->kept[quote.seq % TG_DEMO_QUOTES_KEPT] = quote;
}

const struct tg_demo_quote *tg_demo_market_find(const struct tg_demo_market *market, uint64_t seq)
{
    const struct tg_demo_quote *quote = &market->kept[seq % TG_DEMO_QUOTES_KEPT];
    return seq > 0 && quote->seq == seq ? quote : NULL;
}

static void append_cents(struct tg_buffer *out, int cents)
{
    tg_buffer_appendf(out, "%s%d.%02d", cents < 0 ? "-" : "", abs(cents) / 100, abs(cents) % 100);
}

void tg_demo_quote_append(struct tg_buffer *out, const struct tg_demo_quote *quote)
{
    tg_buffer_appendf(out,
                      "{\"type\":\"quote\",\"seq\":%" PRIu64 ",\"payload\":{\"trade\":%" PRIu64
                      ",\"symbol\":\"%s\",\"name\":\"%s\",\"price\":",
                      quote->seq, quote->seq, harbours[quote->symbol].symbol, harbours[quote->symbol].name);
    append_cents(out, quote->price_cents);
    tg_buffer_append_str(out, ",\"change\":");
    append_cents(out, quote->change_cents);
    tg_buffer_append_str(out, "}}");
}
