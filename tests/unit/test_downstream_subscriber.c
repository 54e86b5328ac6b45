/* Unit tests: the subscriber's stages, on a real stream and a socket that takes what the test lets it. */
#include "subscriber_scene.h"

/* ---- single behaviours -------------------------------------------------------------------------------- */

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
    tg_stream_set_condition(fixture->stream, (struct tg_stream_condition){ .state = TG_STREAM_CONNECTING });
    fixture->subscriber.is_bare = true;
    assert_int_equal(begin(fixture, ""), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\n"
                             "event: tidegate.upstream\ndata: {\"state\":\"connecting\"}\n\n");
    drop(fixture);
}

/* Events may come while the upstream still counts as down: then the replay holds them, but not what tells of it. */
static void an_upstream_that_is_down_is_told_when_the_replay_does_not_tell_it(void **state)
{
    (void)state;
    const struct tg_stream_condition down = { TG_STREAM_DOWN, TG_REASON_STATUS, 401 };
    const struct tg_event marker = { .data = TG_STR("down"), .is_control = true };
    struct fixture *fixture = make(1 << 20);
    append(fixture, 0);
    tg_stream_set_condition(fixture->stream, down);
    assert_int_equal(tg_stream_append(fixture->stream, &marker, 0), TG_OK);
    append(fixture, 0);
    append(fixture, 0);
    sync_reader(fixture);
    fixture->subscriber.is_bare = true;
    assert_int_equal(begin(fixture, "e-1"), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\ndata: down\n\n"
                             "data: 2 \nid: e-2\n\ndata: 3 \nid: e-3\n\n");
    assert_int_equal(begin(fixture, "e-2"), TG_OK);
    expect_received(fixture, "retry: 1000\n:\nevent: tidegate.hello\n\n"
                             "event: tidegate.upstream\n"
                             "data: {\"state\":\"down\",\"reason\":\"status\",\"status\":401}\n\n"
                             "data: 3 \nid: e-3\n\n");
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

static void a_leftover_of_the_first_write_keeps_the_subscriber_behind(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->pipe.leaves = 5;
    assert_int_equal(begin(fixture, ""), TG_ERR_AGAIN);
    expect_received(fixture, HELLO);
    fixture->pipe.leftover = 0;
    assert_int_equal(write_on(fixture), TG_OK);
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
                                                   &fixture->pipe.socket, &written),
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
        cmocka_unit_test(an_upstream_that_is_down_is_told_when_the_replay_does_not_tell_it),
        cmocka_unit_test(an_unknown_id_gets_a_gap_first),
        cmocka_unit_test(a_partial_write_goes_on_at_the_byte),
        cmocka_unit_test(a_leftover_of_the_first_write_keeps_the_subscriber_behind),
        cmocka_unit_test(a_leftover_keeps_the_subscriber_behind),
        cmocka_unit_test(a_dead_socket_is_an_error),
        cmocka_unit_test(a_backlog_is_written_in_slices),
        cmocka_unit_test(a_heartbeat_is_a_comment_in_a_chunk),
        cmocka_unit_test(a_farewell_waits_for_the_half_sent_event),
        cmocka_unit_test(nothing_is_lost_twice_or_silently_whatever_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
