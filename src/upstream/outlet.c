/* Handing over, and telling what became of it. */
#include "outlet.h"

static void finish_all(struct tg_outgoing *outgoing, enum tg_err result)
{
    while (outgoing) {
        struct tg_outgoing *next = outgoing->next;
        tg_outgoing_finish(outgoing, result);
        outgoing = next;
    }
}

void tg_outlet_settle(struct tg_outlet *outlet, enum tg_err result)
{
    struct tg_outgoing *written = outlet->written;

    *outlet = (struct tg_outlet){ 0 };
    finish_all(written, result);
}

static void hand_over(struct tg_outlet *outlet, struct tg_link *link, struct tg_outgoing *outgoing)
{
    const struct tg_config_message message = {
        .is_set = true,
        .is_binary = outgoing->is_binary,
        .bytes = outgoing->bytes,
        .length = outgoing->length,
    };

    link->ops->send(link, &message);
    outgoing->next = NULL;
    if (outlet->last)
        outlet->last->next = outgoing;
    else
        outlet->written = outgoing;
    outlet->last = outgoing;
}

bool tg_outlet_pump(struct tg_outlet *outlet, struct tg_stream *stream, struct tg_link *link)
{
    if (!link || !link->ops->send) {
        finish_all(tg_stream_take_outgoing(stream), link ? TG_ERR_INVALID : TG_ERR_CLOSED);
        return true;
    }
    if (link->ops->has_unsent(link))
        return false;
    for (struct tg_outgoing *next, *at = tg_stream_take_outgoing(stream); at; at = next) {
        next = at->next;
        hand_over(outlet, link, at);
    }
    if (!link->ops->has_unsent(link))
        tg_outlet_settle(outlet, TG_OK);
    return true;
}
