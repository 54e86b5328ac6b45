/* One upstream: clients' messages for its backend. A sender's thread only posts a mail; the rest happens here. */
#include "upstream_internal.h"

#include "routes.h"

struct tg_link *upstream_peek_open_link(const struct tg_upstream *up)
{
    return up->supervisor.state == TG_UPSTREAM_UP ? up->link : NULL;
}

/* The sender's thread. */
static void on_wake(void *arg)
{
    upstream_post_outgoing(arg, 0);
}

void upstream_watch_outgoing(struct tg_upstream *up)
{
    if (up->stream)
        tg_stream_on_outgoing(up->stream, on_wake, up);
}

void upstream_take_outgoing(struct tg_upstream *up, uint64_t stream_id)
{
    if (up->farewell)
        return;
    if (up->routes)
        routes_take_outgoing(up->routes, stream_id);
    else if (up->supervisor.state != TG_UPSTREAM_CONNECTING)
        tg_outlet_pump(&up->outlet, up->stream, upstream_peek_open_link(up));
}

void upstream_on_drained(struct tg_upstream *up)
{
    tg_outlet_settle(&up->outlet, TG_OK);
    if (up->farewell)
        return;
    if (up->routes)
        routes_on_drained(up->routes);
    else
        tg_outlet_pump(&up->outlet, up->stream, upstream_peek_open_link(up));
}
