/* Unit tests: a subscriber at the end of a stream, and at the beginning of a session. */
#include "subscriber_scene.h"

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

#define BEGINNING                                                                                            \
    "retry: 1000\n:\nevent: tidegate.hello\n\n"                                                              \
    "event: tidegate.upstream\ndata: {\"state\":\"connecting\"}\nid: e-0\n\n"

static void a_new_session_is_told_its_id_and_gets_all_of_it(void **state)
{
    (void)state;
    struct fixture *fixture = make(1 << 20);
    fixture->subscriber = (struct tg_subscriber){ .is_first = true, .is_bare = true };
    append(fixture, 0); /* before anybody listened */
    assert_int_equal(begin(fixture, ""), TG_OK);
    expect_received(fixture, BEGINNING "data: 1 \nid: e-1\n\n");
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
    expect_received(fixture, BEGINNING "event: tidegate.gap\n"
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
    tg_stream_set_condition(fixture->stream, (struct tg_stream_condition){ .state = TG_STREAM_UP });
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

/* ---- plain sessions ----------------------------------------------------------------------------------- */

static struct fixture *make_plain(uint64_t retain_bytes)
{
    struct fixture *fixture = make(retain_bytes);
    fixture->config.scope = TG_SCOPE_CLIENT;
    fixture->config.session.is_plain = true;
    fixture->subscriber.is_first = true;
    return fixture;
}

static void append_plain(struct fixture *fixture, const char *data)
{
    struct tg_event event = { .data = tg_str_from(data), .has_no_id = true };
    assert_int_equal(tg_stream_append(fixture->stream, &event, 1), TG_OK);
    sync_reader(fixture);
}

static void a_plain_session_has_the_events_and_nothing_else(void **state)
{
    (void)state;
    struct fixture *fixture = make_plain(1 << 20);
    append_plain(fixture, "1");
    assert_int_equal(begin(fixture, "some-1"), TG_OK);
    append_plain(fixture, "[DONE]");
    tg_stream_end(fixture->stream, NULL, 1);
    sync_reader(fixture);
    assert_int_equal(write_on(fixture), TG_ERR_CLOSED);
    expect_received(fixture, "3\r\n:\n\n\r\n9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    drop(fixture);
}

static void a_plain_answer_that_breaks_off_is_not_completed(void **state)
{
    (void)state;
    struct fixture *fixture = make_plain(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    append_plain(fixture, "1");
    tg_stream_break_off(fixture->stream);
    sync_reader(fixture);
    assert_int_equal(write_on(fixture), TG_ERR_CLOSED);
    expect_received(fixture, "3\r\n:\n\n\r\n9\r\ndata: 1\n\n\r\n");
    drop(fixture);
}

static void who_has_to_leave_a_plain_session_is_told_by_its_connection(void **state)
{
    (void)state;
    struct fixture *fixture = make_plain(1 << 20);
    assert_int_equal(begin(fixture, ""), TG_OK);
    append_plain(fixture, "1");
    fixture->pipe.room = 6;
    assert_int_equal(write_on(fixture), TG_ERR_AGAIN);
    assert_int_equal(tg_subscriber_end(&fixture->subscriber, &fixture->feed, 1000), TG_OK);
    fixture->pipe.room = SIZE_MAX;
    assert_int_equal(write_on(fixture), TG_ERR_CLOSED);
    expect_received(fixture, "3\r\n:\n\n\r\n9\r\ndata: 1\n\n\r\n");
    drop(fixture);
}

static void who_misses_something_of_a_plain_session_is_given_up(void **state)
{
    (void)state;
    struct fixture *fixture = make_plain(4096);
    char data[1024];
    memset(data, 'x', sizeof(data));
    data[sizeof(data) - 1] = '\0';
    assert_int_equal(begin(fixture, ""), TG_OK);
    fixture->pipe.room = 0;
    for (int i = 0; i < 10000 && !tg_subscriber_is_away(&fixture->subscriber); i++)
        append_plain(fixture, data);
    assert_true(tg_subscriber_is_away(&fixture->subscriber));
    fixture->pipe.room = SIZE_MAX;
    assert_int_equal(write_on(fixture), TG_ERR_LIMIT);
    drop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(a_plain_session_has_the_events_and_nothing_else),
        cmocka_unit_test(a_plain_answer_that_breaks_off_is_not_completed),
        cmocka_unit_test(who_has_to_leave_a_plain_session_is_told_by_its_connection),
        cmocka_unit_test(who_misses_something_of_a_plain_session_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
