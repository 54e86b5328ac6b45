/* The way back: a queue of clients' messages, filled by any thread, emptied by the stream's writer.
 *
 *     tg_stream_send ─► [ message ][ message ] ─► tg_stream_take_outgoing ─► backend ─► tg_outgoing_finish
 *        └ wake, once until the next take            └ all that wait               └ on_sent
 *
 * Each message is told once what became of it: by the writer that took it, or here, with TG_ERR_CLOSED, when there
 * is no writer any more. The queue is made when a writer first asks for messages: most streams have none. */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* Of all streams together: there may be as many as clients can think of keys. Who finds the way of a stream free may always
 * send, so that a crowd of streams whose backends do not read holds up no other. */
static atomic_size_t all_bytes; /* of the messages that are not finished */

struct outbox {
    pthread_mutex_t lock;
    void (*wake)(void *arg); /* NULL: nobody takes messages */
    void *wake_arg;
    bool is_woken; /* and has not taken since */
    struct tg_outgoing *first;
    struct tg_outgoing **end; /* where the next one goes */
    size_t bytes;             /* of all that wait */
};

static struct outbox *peek_outbox(struct tg_stream *stream)
{
    return atomic_load_explicit(&stream->outbox, memory_order_acquire);
}

/* The owner's thread. */
static struct outbox *need_outbox(struct tg_stream *stream)
{
    struct outbox *outbox = peek_outbox(stream);

    if (outbox)
        return outbox;
    outbox = tg_alloc(sizeof *outbox);
    pthread_mutex_init(&outbox->lock, NULL);
    outbox->end = &outbox->first;
    atomic_store_explicit(&stream->outbox, outbox, memory_order_release);
    return outbox;
}

/* Under the lock. */
static struct tg_outgoing *take_all(struct outbox *outbox)
{
    struct tg_outgoing *first = outbox->first;

    outbox->first = NULL;
    outbox->end = &outbox->first;
    outbox->bytes = 0;
    outbox->is_woken = false;
    return first;
}

static void fail_all(struct tg_outgoing *outgoing)
{
    while (outgoing) {
        struct tg_outgoing *next = outgoing->next;
        tg_outgoing_finish(outgoing, TG_ERR_CLOSED);
        outgoing = next;
    }
}

/* Under the lock, so that no call of `wake` follows once it was replaced. */
static void wake_writer(struct outbox *outbox)
{
    if (outbox->is_woken)
        return;
    outbox->is_woken = true;
    outbox->wake(outbox->wake_arg);
}

/* What a message takes while it waits: many small ones are not to be free. */
static size_t cost_of(const struct tg_outgoing *outgoing)
{
    return sizeof *outgoing + outgoing->length;
}

/* A message that is alone may be larger, so that one that is allowed can be sent at all, but crowds of those are not to
 * take all memory either. */
static bool is_too_much(const struct outbox *outbox, size_t cost)
{
    size_t all = atomic_load_explicit(&all_bytes, memory_order_relaxed);

    if (!outbox->first)
        return all >= TG_OUTGOING_ALL_BYTES_MAX * 4;
    return outbox->bytes + cost > TG_OUTGOING_BYTES_MAX || all + cost > TG_OUTGOING_ALL_BYTES_MAX;
}

/* Under the lock. */
static enum tg_err enqueue(struct outbox *outbox, struct tg_outgoing *outgoing)
{
    size_t cost = cost_of(outgoing);

    if (!outbox->wake)
        return TG_ERR_CLOSED;
    if (is_too_much(outbox, cost))
        return TG_ERR_LIMIT;
    atomic_fetch_add_explicit(&all_bytes, cost, memory_order_relaxed);
    *outbox->end = outgoing;
    outbox->end = &outgoing->next;
    outbox->bytes += cost;
    wake_writer(outbox);
    return TG_OK;
}

enum tg_err tg_stream_send(struct tg_stream *stream, struct tg_str bytes, bool is_binary, tg_sent_fn *on_sent,
                           void *context, uint64_t id)
{
    struct outbox *outbox = peek_outbox(stream);
    struct tg_outgoing *outgoing;
    enum tg_err err;

    if (!outbox)
        return TG_ERR_CLOSED;
    outgoing = malloc(sizeof *outgoing + bytes.length);
    if (!outgoing)
        return TG_ERR_MEMORY;
    *outgoing = (struct tg_outgoing){
        .on_sent = on_sent, .context = context, .id = id, .is_binary = is_binary, .length = bytes.length
    };
    if (bytes.length)
        memcpy(outgoing->bytes, bytes.data, bytes.length);
    pthread_mutex_lock(&outbox->lock);
    err = enqueue(outbox, outgoing);
    pthread_mutex_unlock(&outbox->lock);
    if (err != TG_OK)
        free(outgoing);
    return err;
}

void tg_stream_on_outgoing(struct tg_stream *stream, void (*wake)(void *arg), void *arg)
{
    struct tg_outgoing *orphans = NULL;
    struct outbox *outbox;

    if (tg_stream_has_ended(stream))
        wake = NULL;
    outbox = wake ? need_outbox(stream) : peek_outbox(stream);
    if (!outbox)
        return;
    pthread_mutex_lock(&outbox->lock);
    outbox->wake = wake;
    outbox->wake_arg = arg;
    outbox->is_woken = false;
    if (!wake)
        orphans = take_all(outbox);
    else if (outbox->first)
        wake_writer(outbox);
    pthread_mutex_unlock(&outbox->lock);
    fail_all(orphans);
}

struct tg_outgoing *tg_stream_take_outgoing(struct tg_stream *stream)
{
    struct outbox *outbox = peek_outbox(stream);
    struct tg_outgoing *first;

    if (!outbox)
        return NULL;
    pthread_mutex_lock(&outbox->lock);
    first = take_all(outbox);
    pthread_mutex_unlock(&outbox->lock);
    return first;
}

void tg_outgoing_finish(struct tg_outgoing *outgoing, enum tg_err result)
{
    if (outgoing->on_sent)
        outgoing->on_sent(outgoing->context, outgoing->id, result);
    atomic_fetch_sub_explicit(&all_bytes, cost_of(outgoing), memory_order_relaxed);
    free(outgoing);
}

void outgoing_deinit(struct tg_stream *stream)
{
    struct outbox *outbox = peek_outbox(stream);

    if (!outbox)
        return;
    fail_all(outbox->first);
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}
