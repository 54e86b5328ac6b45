/* The condition of a stream's upstream. Clients learn it from an event at its place, and when they connect.
 *
 *     set: position (the end) ─► condition (release) ─► append the event about it
 *     look: condition (acquire) ─► position
 *
 * A client whose replay begins after that position does not come upon the event, so it gets the condition at its beginning.
 * A client that looks just between gets it twice rather than never. */
#include "stream.h"

#include <inttypes.h>

_Static_assert(sizeof(struct tg_stream_condition) == 4, "it is read and written as one number");

static const char *const reason_texts[TG_REASON_COUNT] = {
    [TG_REASON_NONE] = "none",           [TG_REASON_DNS] = "dns",
    [TG_REASON_CONNECT] = "connect",     [TG_REASON_TLS] = "tls",
    [TG_REASON_HANDSHAKE] = "handshake", [TG_REASON_REDIRECT] = "redirect",
    [TG_REASON_TIMEOUT] = "timeout",     [TG_REASON_CLOSED] = "closed",
    [TG_REASON_LIVENESS] = "liveness",   [TG_REASON_IDLE] = "idle",
    [TG_REASON_PROTOCOL] = "protocol",   [TG_REASON_STATUS] = "status",
    [TG_REASON_FINISHED] = "finished",   [TG_REASON_STOPPED] = "stopped",
};

const char *tg_upstream_reason_text(enum tg_upstream_reason reason)
{
    return (unsigned)reason < TG_REASON_COUNT ? reason_texts[reason] : "unknown";
}

bool tg_stream_condition_equals(struct tg_stream_condition a, struct tg_stream_condition b)
{
    return a.state == b.state && a.reason == b.reason && a.status == b.status;
}

enum tg_err tg_stream_condition_write(struct tg_buffer *out, struct tg_stream_condition condition,
                                      uint64_t flaps)
{
    static const char *const words[] = {
        [TG_STREAM_CONNECTING] = "connecting", [TG_STREAM_UP] = "up", [TG_STREAM_DOWN] = "down"
    };
    enum tg_err err = tg_buffer_appendf(out, "{\"state\":\"%s\"", words[condition.state]);

    if (err == TG_OK && condition.reason != TG_REASON_NONE)
        err = tg_buffer_appendf(out, ",\"reason\":\"%s\"", tg_upstream_reason_text(condition.reason));
    if (err == TG_OK && condition.status != 0)
        err = tg_buffer_appendf(out, ",\"status\":%u", (unsigned)condition.status);
    if (err == TG_OK && flaps > 0)
        err = tg_buffer_appendf(out, ",\"flaps\":%" PRIu64, flaps);
    return err == TG_OK ? tg_buffer_append_str(out, "}") : err;
}

void tg_stream_set_condition(struct tg_stream *stream, struct tg_stream_condition condition)
{
    /* What has been appended is where the end is; the opener is not on the owner's thread. */
    uint64_t end = atomic_load_explicit(&stream->stats.bytes, memory_order_relaxed);

    atomic_store_explicit(&stream->condition_position, end, memory_order_relaxed);
    atomic_store_explicit(&stream->condition, condition, memory_order_release);
}

struct tg_stream_condition tg_stream_get_condition(const struct tg_stream *stream)
{
    return atomic_load_explicit(&stream->condition, memory_order_acquire);
}

enum tg_stream_state tg_stream_get_state(const struct tg_stream *stream)
{
    return (enum tg_stream_state)tg_stream_get_condition(stream).state;
}

bool tg_reader_is_past_condition(const struct tg_reader *reader, struct tg_cursor cursor)
{
    uint64_t position = atomic_load_explicit(&reader->stream->condition_position, memory_order_relaxed);

    return cursor.position == tg_reader_end(reader) || cursor.position > position;
}
