/* Unit tests: the subscriber's stages, on a real stream and a transport that takes what the test lets it. */
#include "downstream/subscriber.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a transport of the test's own -------------------------------------------------------------------- */

struct pipe {
    struct tg_transport transport;
    struct tg_buffer received;
    size_t room;     /* what it takes before it is full */
    size_t leftover; /* as of a TLS record: taken, not yet received */
    bool is_dead;
    int writes;
};

static struct pipe *pipe_of(const struct tg_transport *transport)
{
    return transport->session;
}

static enum tg_err on_write(struct tg_transport *transport, const char *bytes, size_t length,
                            size_t *ret_length)
{
    struct pipe *pipe = pipe_of(transport);
    if (pipe->is_dead)
        return TG_ERR_IO;
    size_t taken = length < pipe->room ? length : pipe->room;
    if (pipe->leftover)
        taken = 0;
    assert_int_equal(tg_buffer_append(&pipe->received, bytes, taken), TG_OK);
    pipe->room -= taken;
    pipe->writes++;
    *ret_length = taken;
    return TG_OK;
}

static enum tg_err on_flush(struct tg_transport *transport)
{
    return pipe_of(transport)->leftover ? TG_ERR_AGAIN : TG_OK;
}

static bool on_has_leftover(const struct tg_transport *transport)
{
    return pipe_of(transport)->leftover > 0;
}

static const struct tg_transport_ops pipe_ops = { .write = on_write,
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

static void on_wake(void *arg)
{
    (void)arg;
}

static struct fixture *make(uint64_t retain_bytes)
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
    tg_stream_set_state(fixture->stream, TG_STREAM_UP);
    fixture->feed = (struct tg_feed){ .sse = &fixture->sse,
                                      .stream_config = &fixture->config,
                                      .counters = &fixture->counters,
                                      .reader = tg_reader_new(fixture->stream, on_wake, NULL) };
    fixture->pipe.transport = (struct tg_transport){ .ops = &pipe_ops, .session = &fixture->pipe };
    fixture->pipe.room = SIZE_MAX;
    return fixture;
}

static void drop(struct fixture *fixture)
{
    tg_subscriber_deinit(&fixture->subscriber, &fixture->feed);
    assert_int_equal(fixture->feed.rescued_bytes, 0);
    tg_reader_free(fixture->feed.reader);
    tg_stream_unref(fixture->stream);
    tg_buffer_deinit(&fixture->pipe.received);
    free(fixture);
}

static void append(struct fixture *fixture, size_t size)
{
    char *data = malloc(size + 32);
    int length = snprintf(data, size + 32, "%u ", ++fixture->appended);
    memset(data + length, 'x', size);
    struct tg_event event = { .data = { data, (size_t)length + size } };
    assert_int_equal(tg_stream_append(fixture->stream, &event, 1), TG_OK);
    free(data);
}

/* As a tap does. */
static void on_evict(void *arg, uint64_t position)
{
    struct fixture *fixture = arg;
    struct tg_subscriber *subscriber = &fixture->subscriber;
    if (subscriber->is_ending || tg_subscriber_is_away(subscriber) || subscriber->cursor.position >= position)
        return;
    assert_int_equal(tg_subscriber_leave(subscriber, &fixture->feed), TG_OK);
}

static void sync_reader(struct fixture *fixture)
{
    tg_stream_flush(fixture->stream);
    tg_reader_sync(fixture->feed.reader, on_evict, fixture);
}

static enum tg_err write_on(struct fixture *fixture)
{
    return tg_subscriber_write(&fixture->subscriber, &fixture->feed, &fixture->pipe.transport,
                               &fixture->written);
}

static enum tg_err begin(struct fixture *fixture, const char *last_id)
{
    struct tg_buffer out = { 0 };
    sync_reader(fixture);
    assert_int_equal(tg_subscriber_begin(&fixture->subscriber, &fixture->feed, tg_str_from(last_id), &out),
                     TG_OK);
    enum tg_err err = tg_subscriber_write_first(&fixture->subscriber, &fixture->feed,
                                                &fixture->pipe.transport, &out, &fixture->written);
    tg_buffer_deinit(&out);
    return err;
}

static void expect_received(struct fixture *fixture, const char *text)
{
    assert_string_equal(tg_text_or_empty(fixture->pipe.received.data), text);
    tg_buffer_clear(&fixture->pipe.received);
}

/* ---- single behaviours -------------------------------------------------------------------------------- */

#define HELLO "25\r\nretry: 1000\n:\nevent: tidegate.hello\n\n\r\n"

static void the_first_write_carries_hello_and_replay(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    append(fixture, 0);
    append(fixture, 0);
    assert_int_equal(begin(fixture, "e-1"), TG_OK);
    assert_int_equal(fixture->pipe.writes, 1);
    expect_received(fixture, HELLO "12\r\ndata: 2 \nid: e-2\n\n\r\n");
    drop(fixture);
}

static void a_client_that_is_up_to_date_costs_one_write(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    fixture->pipe.writes = 0;
    for (int i = 0; i < 10; i++)
        append(fixture, 10);
    sync_reader(fixture);
    assert_int_equal(write_on(fixture), TG_OK);
    assert_int_equal(fixture->pipe.writes, 1);
    drop(fixture);
}

static void an_upstream_that_is_down_is_told_when_nothing_is_replayed(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    tg_stream_set_state(fixture->stream, TG_STREAM_CONNECTING);
    fixture->subscriber.is_bare = true;
    assert_int_equal(begin(fixture, ""), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\n"
                             "event: tidegate.upstream\ndata: {\"state\":\"connecting\"}\n\n");
    drop(fixture);
}

static void an_unknown_id_gets_a_gap_first(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->subscriber.is_bare = true;
    append(fixture, 0);
    assert_int_equal(begin(fixture, "\"\n\xff"), TG_OK);
    expect_received(fixture,
                    "retry: 1000\n:\nevent: tidegate.hello\n\nevent: tidegate.gap\n"
                    "data: {\"reason\":\"unknown\",\"missed\":null,\"after\":null,\"before\":\"e-1\"}\n\n"
                    "data: 1 \nid: e-1\n\n");
    assert_int_equal(atomic_load(&fixture->counters.gaps[TG_GAP_UNKNOWN]), 1);
    drop(fixture);
}

static void a_partial_write_goes_on_at_the_byte(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    append(fixture, 5);
    fixture->config.initial = TG_INITIAL_ALL;
    fixture->pipe.room = 3;
    assert_int_equal(begin(fixture, ""), TG_ERR_AGAIN);
    for (int i = 0; i < 100 && fixture->pipe.received.length < 44; i++) {
        fixture->pipe.room = 1;
        (void)write_on(fixture);
    }
    fixture->pipe.room = 100;
    assert_int_equal(write_on(fixture), TG_OK);
    expect_received(fixture, HELLO "17\r\ndata: 1 xxxxx\nid: e-1\n\n\r\n");
    drop(fixture);
}

static void a_leftover_keeps_the_subscriber_behind(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    fixture->pipe.leftover = 1;
    assert_int_equal(write_on(fixture), TG_ERR_AGAIN);
    fixture->pipe.leftover = 0;
    assert_int_equal(write_on(fixture), TG_OK);
    drop(fixture);
}

static void a_dead_socket_is_an_error(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    append(fixture, 1);
    sync_reader(fixture);
    fixture->pipe.is_dead = true;
    assert_int_equal(write_on(fixture), TG_ERR_IO);
    drop(fixture);
}

static void a_backlog_is_written_in_slices(void **state)
{
    (void)state;
    struct fixture *fixture = make(64 << 20);
    for (int i = 0; i < 1000; i++)
        append(fixture, 4000);
    fixture->config.initial = TG_INITIAL_ALL;
    assert_int_equal(begin(fixture, ""), TG_ERR_AGAIN);
    assert_in_range(fixture->written, 1, TG_FIRST_WRITE_BYTES);
    int turns = 1;
    for (; write_on(fixture) == TG_ERR_AGAIN; turns++)
        assert_in_range(fixture->written, TG_SLICE_BYTES_MAX, 2 * TG_SLICE_BYTES_MAX);
    assert_in_range(turns, 5, 20);
    drop(fixture);
}

static void a_heartbeat_is_a_comment_in_a_chunk(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    tg_buffer_clear(&fixture->pipe.received);
    fixture->pipe.room = 4;
    uint64_t written;
    assert_int_equal(tg_subscriber_write_heartbeat(&fixture->subscriber, &fixture->feed,
                                                   &fixture->pipe.transport, &written),
                     TG_ERR_AGAIN);
    fixture->pipe.room = 100;
    assert_int_equal(write_on(fixture), TG_OK);
    expect_received(fixture, "3\r\n:\n\n\r\n");
    drop(fixture);
}

static void a_farewell_waits_for_the_half_sent_event(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    tg_buffer_clear(&fixture->pipe.received);
    append(fixture, 5);
    append(fixture, 5);
    sync_reader(fixture);
    fixture->pipe.room = 10;
    assert_int_equal(write_on(fixture), TG_ERR_AGAIN);
    assert_int_equal(tg_subscriber_end(&fixture->subscriber, &fixture->feed, 1500), TG_OK);
    fixture->pipe.room = 3;
    assert_int_equal(write_on(fixture), TG_ERR_AGAIN);
    fixture->pipe.room = 1000;
    assert_int_equal(write_on(fixture), TG_ERR_CLOSED);
    expect_received(fixture, "17\r\ndata: 1 xxxxx\nid: e-1\n\n\r\nd\r\nretry: 1500\n\n\r\n0\r\n\r\n");
    drop(fixture);
}

/* ---- the end of the stream, and the beginning of a session -------------------------------------------- */

#define END "2a\r\nevent: tidegate.end\ndata: {\"reason\":\"x\"}\n\n\r\n"

static void end_stream(struct fixture *fixture)
{
    struct tg_event farewell = { .type = TG_STR("tidegate.end"),
                                 .data = TG_STR("{\"reason\":\"x\"}"),
                                 .is_control = true };
    assert_int_equal(tg_stream_end(fixture->stream, &farewell, 1), TG_OK);
}

static void who_is_up_to_date_gets_the_end_of_the_body(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    append(fixture, 0);
    end_stream(fixture);
    tg_buffer_clear(&fixture->pipe.received);
    assert_int_equal(write_on(fixture), TG_OK); /* it has not been told yet */
    sync_reader(fixture);
    assert_int_equal(write_on(fixture), TG_ERR_CLOSED);
    assert_true(fixture->subscriber.is_done);
    expect_received(fixture, "12\r\ndata: 1 \nid: e-1\n\n\r\n" END "0\r\n\r\n");
    drop(fixture);
}

static void who_is_behind_gets_all_of_it_first(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    append(fixture, 1000);
    end_stream(fixture);
    sync_reader(fixture);
    fixture->pipe.room = 100;
    assert_int_equal(write_on(fixture), TG_ERR_AGAIN);
    assert_false(fixture->subscriber.is_done);
    size_t length = 0;
    while (fixture->pipe.room = 7, write_on(fixture) == TG_ERR_AGAIN)
        assert_true((length += 7) < 2000);
    assert_true(fixture->subscriber.is_done);
    const char *received = fixture->pipe.received.data;
    size_t received_length = fixture->pipe.received.length;
    assert_string_equal(received + received_length - strlen(END "0\r\n\r\n"), END "0\r\n\r\n");
    drop(fixture);
}

static void a_late_client_gets_what_there_is_and_the_end(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    append(fixture, 0);
    append(fixture, 0);
    end_stream(fixture);
    assert_int_equal(begin(fixture, "e-1"), TG_ERR_CLOSED);
    expect_received(fixture, HELLO "12\r\ndata: 2 \nid: e-2\n\n\r\n" END "0\r\n\r\n");
    drop(fixture);
}

static void without_chunks_the_body_ends_with_the_connection(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->subscriber.is_bare = true;
    fixture->config.initial = TG_INITIAL_ALL;
    append(fixture, 0);
    end_stream(fixture);
    assert_int_equal(begin(fixture, ""), TG_ERR_CLOSED);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\ndata: 1 \nid: e-1\n\n"
                             "event: tidegate.end\ndata: {\"reason\":\"x\"}\n\n");
    drop(fixture);
}

static void nothing_follows_the_end_not_even_a_farewell(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    end_stream(fixture);
    sync_reader(fixture);
    tg_buffer_clear(&fixture->pipe.received);
    fixture->pipe.room = strlen(END) + 1;
    assert_int_equal(write_on(fixture), TG_ERR_AGAIN);
    assert_int_equal(tg_subscriber_end(&fixture->subscriber, &fixture->feed, 1500), TG_OK);
    fixture->pipe.room = 100;
    assert_int_equal(write_on(fixture), TG_ERR_CLOSED);
    expect_received(fixture, END "0\r\n\r\n");
    drop(fixture);
}

static enum tg_err begin_only(struct fixture *fixture, const char *last_id)
{
    struct tg_buffer out = { 0 };
    sync_reader(fixture);
    enum tg_err err = tg_subscriber_begin(&fixture->subscriber, &fixture->feed, tg_str_from(last_id), &out);
    assert_int_equal(out.length == 0, err == TG_ERR_CLOSED);
    tg_buffer_deinit(&out);
    return err;
}

static void who_has_all_of_an_ended_stream_is_told_so(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    append(fixture, 0);
    append(fixture, 0);
    assert_int_equal(begin_only(fixture, "e-2"), TG_OK); /* it goes on */
    end_stream(fixture);
    assert_int_equal(begin_only(fixture, "e-2"), TG_ERR_CLOSED);
    assert_int_equal(begin_only(fixture, "e-1"), TG_OK);
    assert_int_equal(begin_only(fixture, "e-0"), TG_OK);
    assert_int_equal(begin_only(fixture, "other"), TG_OK); /* a gap is to be told */
    assert_int_equal(begin_only(fixture, ""), TG_ERR_CLOSED);
    fixture->config.initial = TG_INITIAL_ALL;
    assert_int_equal(begin_only(fixture, ""), TG_OK);
    fixture->subscriber.is_first = true;
    assert_int_equal(begin_only(fixture, ""), TG_OK);
    drop(fixture);
}

static void an_ended_stream_without_events_has_nothing_to_send(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->config.initial = TG_INITIAL_ALL;
    end_stream(fixture);
    assert_int_equal(begin_only(fixture, ""), TG_ERR_CLOSED);
    assert_int_equal(begin_only(fixture, "e-0"), TG_ERR_CLOSED);
    drop(fixture);
}

static void a_new_session_is_told_its_id_and_gets_all_of_it(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->subscriber = (struct tg_subscriber){ .is_first = true, .is_bare = true };
    append(fixture, 0); /* before anybody listened */
    assert_int_equal(begin(fixture, ""), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nid: e-0\nevent: tidegate.hello\n\ndata: 1 \nid: e-1\n\n");
    drop(fixture);
}

static void a_new_session_for_an_unknown_id_says_so(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->subscriber = (struct tg_subscriber){ .is_first = true, .is_bare = true };
    fixture->config.after_gap = TG_AFTER_GAP_LIVE;
    append(fixture, 0);
    assert_int_equal(begin(fixture, "aaaabbbbccccdddd-7"), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nid: e-0\nevent: tidegate.hello\n\nevent: tidegate.gap\n"
                             "data: {\"reason\":\"unknown\",\"missed\":null,"
                             "\"after\":\"aaaabbbbccccdddd-7\",\"before\":\"e-1\"}\n\n"
                             "data: 1 \nid: e-1\n\n");
    drop(fixture);
}

static void the_first_id_stands_before_the_first_event(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->subscriber.is_bare = true;
    append(fixture, 0);
    assert_int_equal(begin(fixture, "e-0"), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\ndata: 1 \nid: e-1\n\n");
    assert_int_equal(atomic_load(&fixture->counters.gaps[TG_GAP_UNKNOWN]), 0);
    drop(fixture);
}

static void what_was_evicted_after_the_first_id_is_a_gap(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    struct tg_stream_options options = {
        .name = "s", .retain_events = 2, .retain_bytes = 1 << 20, .epoch = "e"
    };
    tg_reader_free(fixture->feed.reader);
    tg_stream_unref(fixture->stream);
    fixture->stream = tg_stream_new(&options);
    tg_stream_set_state(fixture->stream, TG_STREAM_UP);
    fixture->feed.reader = tg_reader_new(fixture->stream, on_wake, NULL);
    fixture->subscriber.is_bare = true;
    for (int i = 0; i < 4; i++)
        append(fixture, 0);
    assert_int_equal(begin(fixture, "e-0"), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\nevent: tidegate.gap\n"
                             "data: {\"reason\":\"evicted\",\"missed\":2,\"after\":\"e-0\","
                             "\"before\":\"e-3\"}\n\n"
                             "data: 3 \nid: e-3\n\ndata: 4 \nid: e-4\n\n");
    drop(fixture);
}

/* ---- any interleaving --------------------------------------------------------------------------------- */

/* A client that reads the stream and believes nothing. */
struct client {
    struct tg_buffer text; /* without chunk frames */
    size_t parsed;
    unsigned last;        /* number of the last event */
    unsigned long missed; /* told by gaps */
    unsigned gaps;
};

/* Takes complete chunks off the received bytes. */
static void unchunk(struct fixture *fixture, struct client *client)
{
    struct tg_buffer *received = &fixture->pipe.received;
    if (fixture->subscriber.is_bare) {
        assert_int_equal(tg_buffer_append(&client->text, received->data, received->length), TG_OK);
        tg_buffer_clear(received);
        return;
    }
    for (;;) {
        char *end;
        char *line_end = received->length ? memmem(received->data, received->length, "\r\n", 2) : NULL;
        if (!line_end)
            return;
        size_t size = strtoul(received->data, &end, 16);
        assert_ptr_equal(end, line_end);
        size_t head = (size_t)(line_end + 2 - received->data);
        if (received->length < head + size + 2)
            return;
        assert_memory_equal(received->data + head + size, "\r\n", 2);
        assert_int_equal(tg_buffer_append(&client->text, received->data + head, size), TG_OK);
        tg_buffer_consume(received, head + size + 2);
    }
}

static void take_block(struct client *client, const char *block)
{
    unsigned long missed, number, seq;
    const char *before = strstr(block, "\"before\":\"e-"), *id = strstr(block, "\nid: ");
    if (sscanf(block, "event: tidegate.gap\ndata: {\"reason\":\"lagged\",\"missed\":%lu", &missed) == 1) {
        client->missed += missed;
        client->gaps++;
        assert_non_null(before);
        assert_int_equal(strtoul(before + 12, NULL, 10), client->last + missed + 1);
        client->last += (unsigned)missed;
    } else if (id && sscanf(block, "data: %lu ", &number) == 1 && sscanf(id, "\nid: e-%lu", &seq) == 1) {
        assert_int_equal(seq, number);
        assert_int_equal(number, client->last + 1);
        client->last = (unsigned)number;
    } else if (block[0] != ':' && strncmp(block, "retry: ", 7) != 0) {
        fail_msg("unexpected: %s", block);
    }
}

static void parse_blocks(struct client *client)
{
    char *start = client->text.data, *end;
    while (start && (end = strstr(start, "\n\n"))) {
        *end = '\0';
        take_block(client, start);
        start = end + 2;
    }
    if (start)
        tg_buffer_consume(&client->text, (size_t)(start - client->text.data));
}

/* Returns how many gaps there were. */
static unsigned run_interleaving(unsigned seed, bool is_bare)
{
    struct fixture *fixture = make(200 << 10);
    struct client client = { 0 };
    fixture->subscriber.is_bare = is_bare;
    fixture->config.initial = TG_INITIAL_ALL;
    fixture->pipe.room = 5;
    enum tg_err err = begin(fixture, "");
    for (int step = 0; step < 3000; step++) {
        unsigned choice = (unsigned)rand_r(&seed);
        if (choice % 3 == 0) {
            append(fixture, choice % 5 ? choice % 300 : choice % 30000);
        } else if (choice % 3 == 1) {
            sync_reader(fixture);
        } else {
            fixture->pipe.room = choice % 31 == 0 ? choice % 100000 : choice % 50;
            err = write_on(fixture);
            assert_true(err == TG_OK || err == TG_ERR_AGAIN);
            unchunk(fixture, &client);
            parse_blocks(&client);
        }
    }
    sync_reader(fixture);
    do {
        fixture->pipe.room = SIZE_MAX;
        err = write_on(fixture);
    } while (err == TG_ERR_AGAIN);
    unchunk(fixture, &client);
    parse_blocks(&client);
    assert_int_equal(client.last, fixture->appended);
    tg_buffer_deinit(&client.text);
    drop(fixture);
    return client.gaps;
}

static void nothing_is_lost_twice_or_silently_whatever_the_order(void **state)
{
    (void)state;
    unsigned gaps = 0;
    for (unsigned seed = 1; seed <= 60; seed++)
        gaps += run_interleaving(seed, seed % 2);
    assert_true(gaps > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_write_carries_hello_and_replay),
        cmocka_unit_test(a_client_that_is_up_to_date_costs_one_write),
        cmocka_unit_test(an_upstream_that_is_down_is_told_when_nothing_is_replayed),
        cmocka_unit_test(an_unknown_id_gets_a_gap_first),
        cmocka_unit_test(a_partial_write_goes_on_at_the_byte),
        cmocka_unit_test(a_leftover_keeps_the_subscriber_behind),
        cmocka_unit_test(a_dead_socket_is_an_error),
        cmocka_unit_test(a_backlog_is_written_in_slices),
        cmocka_unit_test(a_heartbeat_is_a_comment_in_a_chunk),
        cmocka_unit_test(a_farewell_waits_for_the_half_sent_event),
        cmocka_unit_test(who_is_up_to_date_gets_the_end_of_the_body),
        cmocka_unit_test(who_is_behind_gets_all_of_it_first),
        cmocka_unit_test(a_late_client_gets_what_there_is_and_the_end),
        cmocka_unit_test(without_chunks_the_body_ends_with_the_connection),
        cmocka_unit_test(nothing_follows_the_end_not_even_a_farewell),
        cmocka_unit_test(who_has_all_of_an_ended_stream_is_told_so),
        cmocka_unit_test(an_ended_stream_without_events_has_nothing_to_send),
        cmocka_unit_test(a_new_session_is_told_its_id_and_gets_all_of_it),
        cmocka_unit_test(a_new_session_for_an_unknown_id_says_so),
        cmocka_unit_test(the_first_id_stands_before_the_first_event),
        cmocka_unit_test(what_was_evicted_after_the_first_id_is_a_gap),
        cmocka_unit_test(nothing_is_lost_twice_or_silently_whatever_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
