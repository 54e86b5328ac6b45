/* The end of a stream.
 *
 *     writer:  append farewell ─► publish ─► has_ended (release) ─► wake
 *     reader:  has_ended (acquire) ─► how far it is published
 *
 * So a reader that has seen the mark has seen everything before it: it can say "this is all" without a lock, and is
 * never wrong. A reader that looks a moment too early is woken and looks again. */
#include "stream.h"

static void mark_end(struct tg_stream *stream)
{
    atomic_store_explicit(&stream->has_ended, true, memory_order_release);
    stream->has_news = true;
    tg_stream_flush(stream);
    tg_stream_on_outgoing(stream, NULL, NULL);
}

enum tg_err tg_stream_end(struct tg_stream *stream, const struct tg_event *farewell, uint64_t now_ms)
{
    enum tg_err err;

    if (tg_stream_has_ended(stream))
        return TG_ERR_CLOSED;
    err = farewell ? tg_stream_append(stream, farewell, now_ms) : TG_OK;
    mark_end(stream);
    return err;
}

enum tg_err tg_stream_break_off(struct tg_stream *stream)
{
    if (tg_stream_has_ended(stream))
        return TG_ERR_CLOSED;
    stream->is_broken_off = true;
    mark_end(stream);
    return TG_OK;
}

bool tg_stream_has_ended(const struct tg_stream *stream)
{
    return atomic_load_explicit(&stream->has_ended, memory_order_acquire);
}
