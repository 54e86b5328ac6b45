/* A stream with one subscriber, and a socket that takes what the test lets it. */
#ifndef TIDEGATE_TESTS_SUBSCRIBER_SCENE_H
#define TIDEGATE_TESTS_SUBSCRIBER_SCENE_H

#include "downstream/subscriber.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a socket of the test's own -------------------------------------------------------------------- */

struct pipe {
    struct tg_socket socket;
    struct tg_buffer received;
    size_t room;     /* what it takes before it is full */
    size_t leftover; /* as of a TLS record: taken, not yet received */
    size_t leaves;   /* the leftover that a write makes */
    bool is_dead;
    int writes;
};

static inline struct pipe *pipe_of(const struct tg_socket *socket)
{
    return socket->session;
}

static inline enum tg_err on_write(struct tg_socket *socket, const char *bytes, size_t length,
                                   size_t *ret_length)
{
    struct pipe *pipe = pipe_of(socket);
    if (pipe->is_dead)
        return TG_ERR_IO;
    size_t taken = length < pipe->room ? length : pipe->room;
    if (pipe->leftover)
        taken = 0;
    assert_int_equal(tg_buffer_append(&pipe->received, bytes, taken), TG_OK);
    pipe->room -= taken;
    pipe->leftover += taken > 0 ? pipe->leaves : 0;
    pipe->writes++;
    *ret_length = taken;
    return TG_OK;
}

static inline enum tg_err on_flush(struct tg_socket *socket)
{
    return pipe_of(socket)->leftover ? TG_ERR_AGAIN : TG_OK;
}

static inline bool on_has_leftover(const struct tg_socket *socket)
{
    return pipe_of(socket)->leftover > 0;
}

static const struct tg_socket_ops pipe_ops = { .write = on_write,
                                               .flush = on_flush,
                                               .has_leftover = on_has_leftover };

/* ---- a stream with one subscriber --------------------------------------------------------------------- */

struct fixture {
    struct tg_config_sse sse;
    struct tg_config_stream config;
    struct tg_counters counters;
    struct tg_stream *stream;
    struct tg_feed feed;
    struct tg_subscriber subscriber;
    struct pipe pipe;
    unsigned appended;
    uint64_t written;
};

static inline void on_wake(void *arg)
{
    (void)arg;
}

static inline struct fixture *make(uint64_t retain_bytes)
{
    struct fixture *fixture = aligned_alloc(64, (sizeof(*fixture) + 63) / 64 * 64);
    memset(fixture, 0, sizeof(*fixture));
    fixture->sse = (struct tg_config_sse){ .retry_ms = 1000,
                                           .heartbeat_ms = 15000,
                                           .gap_event = (char *)"tidegate.gap",
                                           .upstream_event = (char *)"tidegate.upstream" };
    struct tg_stream_options options = {
        .name = "s", .retain_events = 1000000, .retain_bytes = retain_bytes, .epoch = "e"
    };
    fixture->stream = tg_stream_new(&options);
    tg_stream_set_condition(fixture->stream, (struct tg_stream_condition){ .state = TG_STREAM_UP });
    fixture->feed = (struct tg_feed){ .sse = &fixture->sse,
                                      .stream_config = &fixture->config,
                                      .counters = &fixture->counters,
                                      .reader = tg_reader_new(fixture->stream, on_wake, NULL) };
    fixture->pipe.socket = (struct tg_socket){ .ops = &pipe_ops, .session = &fixture->pipe };
    fixture->pipe.room = SIZE_MAX;
    return fixture;
}

static inline void drop(struct fixture *fixture)
{
    tg_subscriber_deinit(&fixture->subscriber, &fixture->feed);
    assert_int_equal(fixture->feed.rescued_bytes, 0);
    tg_reader_free(fixture->feed.reader);
    tg_stream_unref(fixture->stream);
    tg_buffer_deinit(&fixture->pipe.received);
    free(fixture);
}

static inline void append(struct fixture *fixture, size_t size)
{
    char *data = malloc(size + 32);
    int length = snprintf(data, size + 32, "%u ", ++fixture->appended);
    memset(data + length, 'x', size);
    struct tg_event event = { .data = { data, (size_t)length + size } };
    assert_int_equal(tg_stream_append(fixture->stream, &event, 1), TG_OK);
    free(data);
}

/* As a tap does. */
static inline void on_evict(void *arg, uint64_t position)
{
    struct fixture *fixture = arg;
    struct tg_subscriber *subscriber = &fixture->subscriber;
    if (subscriber->is_ending || tg_subscriber_is_away(subscriber) || subscriber->cursor.position >= position)
        return;
    assert_int_equal(tg_subscriber_leave(subscriber, &fixture->feed), TG_OK);
}

static inline void sync_reader(struct fixture *fixture)
{
    tg_stream_flush(fixture->stream);
    tg_reader_sync(fixture->feed.reader, on_evict, fixture);
}

static inline enum tg_err write_on(struct fixture *fixture)
{
    return tg_subscriber_write(&fixture->subscriber, &fixture->feed, &fixture->pipe.socket,
                               &fixture->written);
}

static inline enum tg_err begin(struct fixture *fixture, const char *last_id)
{
    struct tg_buffer out = { 0 };
    sync_reader(fixture);
    assert_int_equal(tg_subscriber_begin(&fixture->subscriber, &fixture->feed, tg_str_from(last_id), &out),
                     TG_OK);
    enum tg_err err = tg_subscriber_write_first(&fixture->subscriber, &fixture->feed, &fixture->pipe.socket,
                                                &out, &fixture->written);
    tg_buffer_deinit(&out);
    return err;
}

static inline void expect_received(struct fixture *fixture, const char *text)
{
    assert_string_equal(tg_text_or_empty(fixture->pipe.received.data), text);
    tg_buffer_clear(&fixture->pipe.received);
}

#define HELLO "25\r\nretry: 1000\n:\nevent: tidegate.hello\n\n\r\n"

#endif
