/* One upstream: what its streams should have had, and did not get. */
#include "upstream_internal.h"

#include "routes.h"

struct telling {
    const struct tg_upstream *upstream;
    struct tg_stream *stream;
};

static enum tg_err tell(void *arg, enum tg_gap_reason reason, uint64_t count)
{
    const struct telling *telling = arg;
    struct tg_buffer data = { 0 };
    char after[TG_ID_MAX + 1];

    tg_stream_last_id(telling->stream, after);
    enum tg_err err = tg_loss_write(&data, reason, count, after);
    if (err == TG_OK) {
        const struct tg_event gap = {
            .type = tg_str_from(telling->upstream->source->names->gap_event),
            .data = tg_buffer_view(&data),
            .is_control = true,
        };
        err = tg_stream_append(telling->stream, &gap, upstream_now_ms(telling->upstream));
    }
    tg_buffer_deinit(&data);
    return err == TG_ERR_CLOSED ? TG_OK : err; /* nobody is there any more to be told */
}

enum tg_err upstream_tell_losses(struct tg_upstream *up, struct tg_stream *stream, struct tg_loss *loss)
{
    if (!loss->is_pending)
        return TG_OK;
    tg_worker_run_at_turn_end(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
    return tg_loss_tell(loss, upstream_now_ms(up), tell, &(struct telling){ up, stream });
}

void upstream_lose(struct tg_upstream *up, enum tg_gap_reason reason)
{
    if (up->farewell)
        return;
    if (up->source->config->session.is_plain) {
        up->is_broken_off = true;
        upstream_finish_now(up, "failed");
        return;
    }
    if (up->routes) {
        routes_lose(up->routes, tg_translator_key(up->share->translator), reason);
        return;
    }
    tg_loss_add(&up->loss, reason, 1);
    if (tg_loss_is_due(&up->loss, upstream_now_ms(up)))
        (void)upstream_tell_losses(up, up->stream, &up->loss); /* or later */
}
