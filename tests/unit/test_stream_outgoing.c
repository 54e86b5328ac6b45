/* The way back: what clients send waits for the stream's writer, and each message is told once what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tidegate/stream.h"

enum { TOLD_MAX = 16 };

struct fixture {
    struct tg_stream *stream;
    int wakes;
    struct told {
        uint64_t id;
        enum tg_err result;
    } told[TOLD_MAX];
    size_t told_count;
};

static void on_wake(void *arg)
{
    ((struct fixture *)arg)->wakes++;
}

static void on_sent(void *context, uint64_t id, enum tg_err result)
{
    struct fixture *f = context;

    assert_true(f->told_count < TOLD_MAX);
    f->told[f->told_count++] = (struct told){ id, result };
}

static struct tg_stream *make_stream(void)
{
    return tg_stream_new(
        &(struct tg_stream_options){ .name = "s", .retain_events = 10, .retain_bytes = 1 << 20 });
}

static void begin(struct fixture *f)
{
    *f = (struct fixture){ .stream = make_stream() };
    tg_stream_on_outgoing(f->stream, on_wake, f);
}

/* Once more does no harm: a test may look at what it does, and comes to its teardown, too. */
static void end(struct fixture *f)
{
    if (!f->stream)
        return;
    tg_stream_on_outgoing(f->stream, NULL, NULL);
    tg_stream_unref(f->stream);
    f->stream = NULL;
}

static int set_up(void **state)
{
    static struct fixture f;

    begin(&f);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    end(*state);
    return 0;
}

static enum tg_err send_text(struct fixture *f, uint64_t id, const char *text)
{
    return tg_stream_send(f->stream, tg_str_from(text), false, on_sent, f, id);
}

static void assert_told(const struct fixture *f, size_t index, uint64_t id, enum tg_err result)
{
    assert_true(index < f->told_count);
    assert_int_equal(f->told[index].id, id);
    assert_int_equal(f->told[index].result, result);
}

static void a_stream_whose_writer_takes_no_messages_refuses_them(void **state)
{
    struct fixture f = { .stream = make_stream() };
    (void)state;

    assert_int_equal(send_text(&f, 1, "a"), TG_ERR_CLOSED);
    assert_null(tg_stream_take_outgoing(f.stream));
    assert_int_equal(f.told_count, 0);
    tg_stream_on_outgoing(f.stream, NULL, NULL);
    tg_stream_unref(f.stream);
}

static void messages_are_taken_in_order_with_all_that_came_with_them(void **state)
{
    struct fixture *f = *state;
    char bytes[] = { 'a', '\0', 'b' };

    assert_int_equal(tg_stream_send(f->stream, (struct tg_str){ bytes, 3 }, true, on_sent, f, 7), TG_OK);
    memset(bytes, 'z', sizeof bytes); /* they were copied */
    assert_int_equal(send_text(f, 8, ""), TG_OK);

    struct tg_outgoing *first = tg_stream_take_outgoing(f->stream), *second = first->next;
    assert_int_equal(first->id, 7);
    assert_true(first->is_binary);
    assert_int_equal(first->length, 3);
    assert_memory_equal(first->bytes, "a\0b", 3);
    assert_int_equal(second->id, 8);
    assert_false(second->is_binary);
    assert_int_equal(second->length, 0);
    assert_null(second->next);
    assert_null(tg_stream_take_outgoing(f->stream));
    tg_outgoing_finish(first, TG_OK);
    tg_outgoing_finish(second, TG_OK);
}

static void who_sent_is_told_when_the_message_is_finished(void **state)
{
    struct fixture *f = *state;

    send_text(f, 1, "a");
    struct tg_outgoing *outgoing = tg_stream_take_outgoing(f->stream);
    assert_int_equal(f->told_count, 0);
    tg_outgoing_finish(outgoing, TG_ERR_INVALID);
    assert_int_equal(f->told_count, 1);
    assert_told(f, 0, 1, TG_ERR_INVALID);
    end(f);
    assert_int_equal(f->told_count, 1);
}

static void nobody_need_ask_what_became_of_a_message(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tg_stream_send(f->stream, TG_STR("a"), false, NULL, NULL, 0), TG_OK);
    tg_outgoing_finish(tg_stream_take_outgoing(f->stream), TG_OK);
}

static void the_writer_is_woken_once_until_it_takes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->wakes, 0);
    send_text(f, 1, "a");
    send_text(f, 2, "b");
    assert_int_equal(f->wakes, 1);
    struct tg_outgoing *outgoing = tg_stream_take_outgoing(f->stream);
    tg_outgoing_finish(outgoing->next, TG_OK);
    tg_outgoing_finish(outgoing, TG_OK);
    assert_int_equal(f->wakes, 1);
    send_text(f, 3, "c");
    assert_int_equal(f->wakes, 2);
}

static void what_waits_fails_when_the_writer_takes_no_more(void **state)
{
    struct fixture *f = *state;

    send_text(f, 1, "a");
    send_text(f, 2, "b");
    tg_stream_on_outgoing(f->stream, NULL, NULL);
    assert_int_equal(f->told_count, 2);
    assert_told(f, 0, 1, TG_ERR_CLOSED);
    assert_told(f, 1, 2, TG_ERR_CLOSED);
    assert_int_equal(send_text(f, 3, "c"), TG_ERR_CLOSED);
    assert_int_equal(f->told_count, 2);
}

static void the_next_writer_is_woken_anew(void **state)
{
    struct fixture *f = *state;

    send_text(f, 1, "a");
    tg_stream_on_outgoing(f->stream, NULL, NULL);
    tg_stream_on_outgoing(f->stream, on_wake, f);
    assert_int_equal(f->wakes, 1);
    send_text(f, 2, "b");
    assert_int_equal(f->wakes, 2);
}

static void a_writer_that_takes_over_is_told_of_what_waits(void **state)
{
    struct fixture *f = *state;
    struct fixture other = { 0 };

    send_text(f, 1, "a");
    tg_stream_on_outgoing(f->stream, on_wake, &other);
    assert_int_equal(other.wakes, 1);
    send_text(f, 2, "b");
    assert_int_equal(other.wakes, 1);
    assert_int_equal(f->wakes, 1);
    assert_int_equal(f->told_count, 0);
    end(f);
}

static void what_waits_fails_when_the_stream_ends(void **state)
{
    struct fixture *f = *state;

    send_text(f, 1, "a");
    tg_stream_end(f->stream, NULL, 1);
    assert_int_equal(f->told_count, 1);
    assert_told(f, 0, 1, TG_ERR_CLOSED);
}

static void a_stream_that_has_ended_takes_no_messages(void **state)
{
    struct fixture *f = *state;

    tg_stream_end(f->stream, NULL, 1);
    assert_int_equal(send_text(f, 1, "a"), TG_ERR_CLOSED);
    tg_stream_on_outgoing(f->stream, on_wake, f);
    assert_int_equal(send_text(f, 2, "b"), TG_ERR_CLOSED);
}

static void what_waits_fails_with_the_last_reference(void **state)
{
    struct fixture *f = *state;

    send_text(f, 1, "a");
    tg_stream_unref(f->stream);
    f->stream = NULL;
    assert_int_equal(f->told_count, 1);
    assert_told(f, 0, 1, TG_ERR_CLOSED);
}

/* ---- the limit -------------------------------------------------------------------------------- */

static char block[TG_OUTGOING_BYTES_MAX + 1];

static void more_than_may_wait_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct tg_str half = { block, TG_OUTGOING_BYTES_MAX / 2 };

    assert_int_equal(tg_stream_send(f->stream, half, false, on_sent, f, 1), TG_OK);
    assert_int_equal(tg_stream_send(f->stream, half, false, on_sent, f, 2), TG_ERR_LIMIT);
    assert_int_equal(send_text(f, 3, "small"), TG_OK);
    assert_int_equal(f->told_count, 0);
    end(f);
    assert_int_equal(f->told_count, 2);
}

static void what_was_taken_counts_no_more(void **state)
{
    struct fixture *f = *state;
    const struct tg_str half = { block, TG_OUTGOING_BYTES_MAX / 2 };

    assert_int_equal(tg_stream_send(f->stream, half, false, on_sent, f, 1), TG_OK);
    tg_outgoing_finish(tg_stream_take_outgoing(f->stream), TG_OK);
    assert_int_equal(tg_stream_send(f->stream, half, false, on_sent, f, 2), TG_OK);
}

static void a_message_for_which_none_has_to_wait_is_never_too_large(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tg_stream_send(f->stream, (struct tg_str){ block, sizeof block }, false, on_sent, f, 1),
                     TG_OK);
    assert_int_equal(send_text(f, 2, "a"), TG_ERR_LIMIT);
}

static void many_empty_messages_are_not_free(void **state)
{
    struct fixture *f = *state;
    int sent = 0;

    while (sent < TG_OUTGOING_BYTES_MAX &&
           tg_stream_send(f->stream, (struct tg_str){ NULL, 0 }, false, NULL, NULL, 0) == TG_OK)
        sent++;
    assert_in_range(sent, 1000, TG_OUTGOING_BYTES_MAX / sizeof(struct tg_outgoing));
}

/* Each with a writer that takes nothing. */
static void many_streams_have_a_limit_together(void **state)
{
    enum { STREAMS = 20, HALF = TG_OUTGOING_BYTES_MAX / 2 - 1024 };
    struct fixture fixtures[STREAMS];
    static char filler[HALF];
    const struct tg_str half = { filler, HALF };
    int refused = 0;
    (void)state;

    for (int i = 0; i < STREAMS; i++) {
        begin(&fixtures[i]);
        assert_int_equal(tg_stream_send(fixtures[i].stream, half, true, NULL, NULL, 0), TG_OK);
        refused += tg_stream_send(fixtures[i].stream, half, true, NULL, NULL, 0) == TG_ERR_LIMIT;
    }
    assert_in_range(refused, 1, STREAMS - 10);
    for (int i = 0; i < STREAMS; i++)
        end(&fixtures[i]);
    begin(&fixtures[0]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tg_stream_send(fixtures[0].stream, half, true, NULL, NULL, 0), TG_OK);
    end(&fixtures[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_whose_writer_takes_no_messages_refuses_them),
        TEST(messages_are_taken_in_order_with_all_that_came_with_them),
        TEST(who_sent_is_told_when_the_message_is_finished),
        TEST(nobody_need_ask_what_became_of_a_message),
        TEST(the_writer_is_woken_once_until_it_takes),
        TEST(what_waits_fails_when_the_writer_takes_no_more),
        TEST(the_next_writer_is_woken_anew),
        TEST(a_writer_that_takes_over_is_told_of_what_waits),
        TEST(what_waits_fails_when_the_stream_ends),
        TEST(a_stream_that_has_ended_takes_no_messages),
        TEST(what_waits_fails_with_the_last_reference),
        TEST(more_than_may_wait_is_refused),
        TEST(what_was_taken_counts_no_more),
        TEST(a_message_for_which_none_has_to_wait_is_never_too_large),
        TEST(many_empty_messages_are_not_free),
        cmocka_unit_test(many_streams_have_a_limit_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
