/* Families: streams made on demand, one behaviour a test. Time is what the sweep is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tidegate/stream.h"

enum { LINGER_MS = 30000, LONG_MS = 1000000 };

struct fixture {
    struct tg_family *family;
    int opened, closed;
    enum tg_err answer;               /* of `open` */
    const struct tg_opening *opening; /* what came with the last one */
    bool has_subscribers;             /* so the stream says in `open` */
    struct tg_stream *closed_last;    /* borrowed: only to compare */
    /* While `open` runs, another one asks for the same key. */
    const char *also_joined;
    struct tg_stream *also;
    enum tg_err *sent; /* and sends a message: what became of it */
};

static const struct tg_opening nothing;

static enum tg_err join(struct fixture *f, const char *key, struct tg_stream **ret_stream)
{
    return tg_family_join(f->family, tg_str_from(key), &nothing, ret_stream);
}

static uint64_t subscribers_of(const struct tg_stream *stream)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(stream, &stats);
    return stats.subscribers;
}

static void on_sent(void *context, uint64_t id, enum tg_err result)
{
    (void)id;
    *(enum tg_err *)context = result;
}

static enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct fixture *f = arg;

    f->opened++;
    f->opening = opening;
    f->has_subscribers = subscribers_of(stream) > 0;
    if (f->also_joined) {
        assert_int_equal(join(f, f->also_joined, &f->also), TG_OK);
        assert_ptr_equal(f->also, stream);
    }
    if (f->sent)
        assert_int_equal(tg_stream_send(stream, TG_STR("hello"), false, on_sent, f->sent, 0), TG_OK);
    return f->answer;
}

static void on_close(void *arg, struct tg_stream *stream)
{
    struct fixture *f = arg;

    f->closed++;
    f->closed_last = stream;
}

static void begin_with(struct fixture *f, size_t max_members, uint64_t linger_ms)
{
    *f = (struct fixture){ 0 };
    f->family = tg_family_new(&(struct tg_family_options){
        .name = "orders",
        .retain_events = 100,
        .retain_bytes = 1 << 20,
        .max_members = max_members,
        .linger_ms = linger_ms,
        .hooks = { on_open, on_close, f },
    });
}

static void begin(struct fixture *f)
{
    begin_with(f, 100, LINGER_MS);
}

static void end(struct fixture *f)
{
    tg_family_free(f->family);
}

static struct tg_stream *must_join(struct fixture *f, const char *key)
{
    struct tg_stream *stream = NULL;

    assert_int_equal(join(f, key, &stream), TG_OK);
    return stream;
}

static void sweep_after(struct fixture *f, uint64_t ms)
{
    tg_family_sweep(f->family, tg_clock_now_ms() + ms);
}

static size_t members_of(struct fixture *f)
{
    struct tg_family_stats stats;

    tg_family_get_stats(f->family, &stats);
    return stats.members;
}

/* ---- joining ---------------------------------------------------------------------------------- */

static void the_first_join_opens_the_member(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *stream = must_join(&f, "17");
    assert_int_equal(f.opened, 1);
    assert_ptr_equal(f.opening, &nothing);
    assert_true(f.has_subscribers);
    assert_string_equal(tg_stream_name(stream), "orders/17");
    tg_family_leave(f.family, stream);
    end(&f);
}

static void further_joins_share_it(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *first = must_join(&f, "17"), *second = must_join(&f, "17");
    assert_ptr_equal(first, second);
    assert_int_equal(f.opened, 1);
    assert_int_equal(subscribers_of(first), 2);
    tg_family_leave(f.family, first);
    tg_family_leave(f.family, second);
    end(&f);
}

static void each_key_has_a_member_of_its_own(void **state)
{
    static const struct tg_str keys[] = { { "", 0 }, { "a", 1 }, { "a\0b", 3 }, { "a\0c", 3 }, { "ab", 2 } };
    struct tg_stream *streams[TG_COUNT_OF(keys)];
    struct fixture f;
    (void)state;

    begin(&f);
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++)
        assert_int_equal(tg_family_join(f.family, keys[i], &nothing, &streams[i]), TG_OK);
    assert_int_equal(f.opened, TG_COUNT_OF(keys));
    assert_int_equal(members_of(&f), TG_COUNT_OF(keys));
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++)
        tg_family_leave(f.family, streams[i]);
    end(&f);
}

static void a_join_counts_as_a_subscriber_until_it_leaves(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *stream = tg_stream_ref(must_join(&f, "17"));
    assert_int_equal(subscribers_of(stream), 1);
    tg_family_leave(f.family, stream);
    assert_int_equal(subscribers_of(stream), 0);
    tg_stream_unref(stream);
    end(&f);
}

static void more_members_than_allowed_are_refused(void **state)
{
    struct tg_family_stats stats;
    struct tg_stream *third = NULL;
    struct fixture f;
    (void)state;

    begin_with(&f, 2, LINGER_MS);
    tg_family_leave(f.family, must_join(&f, "1"));
    tg_family_leave(f.family, must_join(&f, "2"));
    assert_int_equal(join(&f, "3", &third), TG_ERR_LIMIT);
    assert_null(third);
    assert_int_equal(tg_family_open_session(f.family, NULL, &nothing, &third), TG_ERR_LIMIT);
    tg_family_leave(f.family, must_join(&f, "1"));
    tg_family_get_stats(f.family, &stats);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(f.opened, 2);
    sweep_after(&f, LONG_MS);
    tg_family_leave(f.family, must_join(&f, "3"));
    end(&f);
}

static void on_demand(void *arg, bool has_subscribers)
{
    *(bool *)arg = has_subscribers;
}

static void the_writer_can_still_ask_for_demand(void **state)
{
    struct fixture f;
    bool has_demand = false;
    (void)state;

    begin(&f);
    struct tg_stream *stream = must_join(&f, "17");
    tg_stream_on_demand(stream, on_demand, &has_demand);
    tg_family_leave(f.family, stream);
    stream = must_join(&f, "17");
    assert_true(has_demand);
    tg_family_leave(f.family, stream);
    assert_false(has_demand);
    sweep_after(&f, LINGER_MS);
    assert_int_equal(f.closed, 1);
    end(&f);
}

/* ---- a member that cannot be opened ----------------------------------------------------------- */

static void an_open_that_fails_is_told_to_who_asked(void **state)
{
    struct tg_family_stats stats;
    struct tg_stream *stream = NULL;
    struct fixture f;
    (void)state;

    begin(&f);
    f.answer = TG_ERR_IO;
    assert_int_equal(join(&f, "17", &stream), TG_ERR_IO);
    assert_null(stream);
    tg_family_get_stats(f.family, &stats);
    assert_int_equal(stats.members, 0);
    assert_int_equal(stats.opened, 0);
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 0);
    end(&f);
    assert_int_equal(f.closed, 0);
}

static void who_joined_meanwhile_learns_of_the_end(void **state)
{
    struct tg_stream *stream;
    struct fixture f;
    (void)state;

    begin(&f);
    f.answer = TG_ERR_IO;
    f.also_joined = "17";
    assert_int_equal(join(&f, "17", &stream), TG_ERR_IO);
    assert_int_equal(f.opened, 1);
    assert_true(tg_stream_has_ended(f.also));
    assert_int_equal(members_of(&f), 0);
    tg_family_leave(f.family, f.also);
    end(&f);
    assert_int_equal(f.closed, 0);
}

static void who_asks_next_gets_a_new_member(void **state)
{
    struct tg_stream *stream;
    struct fixture f;
    (void)state;

    begin(&f);
    f.answer = TG_ERR_IO;
    f.also_joined = "17";
    assert_int_equal(join(&f, "17", &stream), TG_ERR_IO);
    f.answer = TG_OK;
    f.also_joined = NULL;
    stream = must_join(&f, "17");
    assert_ptr_not_equal(stream, f.also);
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(f.family, f.also);
    tg_family_leave(f.family, stream);
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 1);
    end(&f);
}

/* ---- expiry ----------------------------------------------------------------------------------- */

static void a_member_stays_while_it_is_used(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *first = must_join(&f, "17"), *second = must_join(&f, "17");
    tg_family_leave(f.family, first);
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 0);
    tg_family_leave(f.family, second);
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 1);
    end(&f);
}

static void a_member_stays_for_linger_after_the_last_one_left(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *stream = must_join(&f, "17");
    uint64_t before_ms = tg_clock_now_ms();
    tg_family_leave(f.family, stream);
    tg_family_sweep(f.family, before_ms + LINGER_MS - 1);
    assert_int_equal(f.closed, 0);
    tg_family_sweep(f.family, tg_clock_now_ms() + LINGER_MS);
    assert_int_equal(f.closed, 1);
    assert_int_equal(members_of(&f), 0);
    end(&f);
}

static void a_member_that_lingers_is_joined_as_it_is(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *first = must_join(&f, "17");
    tg_family_leave(f.family, first);
    struct tg_stream *second = must_join(&f, "17");
    assert_ptr_equal(first, second);
    assert_int_equal(f.opened, 1);
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 0);
    tg_family_leave(f.family, second);
    end(&f);
}

static void a_member_that_was_closed_is_made_anew(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *old = tg_stream_ref(must_join(&f, "17"));
    tg_family_leave(f.family, old);
    sweep_after(&f, LONG_MS);
    struct tg_stream *new = must_join(&f, "17");
    assert_ptr_not_equal(new, old);
    assert_string_not_equal(tg_stream_epoch(new), tg_stream_epoch(old));
    assert_int_equal(f.opened, 2);
    tg_family_leave(f.family, new);
    tg_stream_unref(old);
    end(&f);
}

static void a_subscriber_that_did_not_join_keeps_the_member_too(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *stream = tg_stream_ref(must_join(&f, "17"));
    tg_stream_subscriber_added(stream);
    tg_family_leave(f.family, stream);
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 0);
    tg_stream_subscriber_removed(stream);
    sweep_after(&f, LINGER_MS);
    assert_int_equal(f.closed, 1);
    tg_stream_unref(stream);
    end(&f);
}

static void the_stream_of_a_closed_member_may_live_on(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *stream = tg_stream_ref(must_join(&f, "17"));
    tg_family_leave(f.family, stream);
    sweep_after(&f, LONG_MS);
    end(&f);
    tg_stream_subscriber_added(stream);
    tg_stream_subscriber_removed(stream);
    tg_stream_unref(stream);
}

static void the_one_idle_longest_goes_first(void **state)
{
    struct tg_stream *streams[3];
    struct fixture f;
    char key[] = "0";
    (void)state;

    begin(&f);
    for (int i = 0; i < 3; i++, key[0]++)
        streams[i] = must_join(&f, key);
    tg_family_leave(f.family, streams[1]);
    tg_family_leave(f.family, streams[0]);
    tg_family_leave(f.family, streams[2]);
    tg_family_leave(f.family, must_join(&f, "1"));
    sweep_after(&f, LONG_MS);
    assert_int_equal(f.closed, 3);
    assert_ptr_equal(f.closed_last, streams[1]);
    end(&f);
}

static void a_member_whose_stream_has_ended_stays_for_linger(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f);
    struct tg_stream *stream = must_join(&f, "17");
    tg_stream_end(stream, NULL, 1);
    tg_family_leave(f.family, stream);
    stream = must_join(&f, "17");
    assert_true(tg_stream_has_ended(stream));
    tg_family_leave(f.family, stream);
    sweep_after(&f, LONG_MS);
    stream = must_join(&f, "17");
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(f.family, stream);
    end(&f);
}

static void freeing_the_family_closes_all_members(void **state)
{
    struct fixture f;
    char key[8];
    (void)state;

    begin_with(&f, 1000, LINGER_MS);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "%d", i);
        tg_family_leave(f.family, must_join(&f, key));
    }
    end(&f);
    assert_int_equal(f.closed, 300);
    tg_family_free(NULL);
}

/* ---- messages for the backend ------------------------------------------------------------------ */

static void count_wake(void *arg)
{
    ++*(int *)arg;
}

static void messages_wait_until_the_member_has_a_writer(void **state)
{
    struct fixture f;
    struct tg_stream *stream;
    enum tg_err result = TG_ERR_AGAIN;
    int wakes = 0;
    (void)state;

    begin(&f);
    assert_int_equal(join(&f, "a", &stream), TG_OK);
    assert_int_equal(tg_stream_send(stream, TG_STR("hello"), false, on_sent, &result, 0), TG_OK);
    assert_int_equal(result, TG_ERR_AGAIN);
    tg_stream_on_outgoing(stream, count_wake, &wakes);
    assert_int_equal(wakes, 1);
    tg_outgoing_finish(tg_stream_take_outgoing(stream), TG_OK);
    assert_int_equal(result, TG_OK);
    tg_family_leave(f.family, stream);
    end(&f);
}

static void messages_for_a_member_that_is_given_up_fail(void **state)
{
    struct fixture f;
    enum tg_err result = TG_ERR_AGAIN;
    struct tg_stream *stream;
    (void)state;

    begin(&f);
    f.answer = TG_ERR_IO;
    f.also_joined = "a";
    f.sent = &result;
    assert_int_equal(join(&f, "a", &stream), TG_ERR_IO);
    assert_int_equal(result, TG_ERR_CLOSED);
    tg_family_leave(f.family, f.also);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_join_opens_the_member),
        cmocka_unit_test(further_joins_share_it),
        cmocka_unit_test(each_key_has_a_member_of_its_own),
        cmocka_unit_test(a_join_counts_as_a_subscriber_until_it_leaves),
        cmocka_unit_test(more_members_than_allowed_are_refused),
        cmocka_unit_test(the_writer_can_still_ask_for_demand),
        cmocka_unit_test(an_open_that_fails_is_told_to_who_asked),
        cmocka_unit_test(who_joined_meanwhile_learns_of_the_end),
        cmocka_unit_test(who_asks_next_gets_a_new_member),
        cmocka_unit_test(a_member_stays_while_it_is_used),
        cmocka_unit_test(a_member_stays_for_linger_after_the_last_one_left),
        cmocka_unit_test(a_member_that_lingers_is_joined_as_it_is),
        cmocka_unit_test(a_member_that_was_closed_is_made_anew),
        cmocka_unit_test(a_subscriber_that_did_not_join_keeps_the_member_too),
        cmocka_unit_test(the_stream_of_a_closed_member_may_live_on),
        cmocka_unit_test(the_one_idle_longest_goes_first),
        cmocka_unit_test(a_member_whose_stream_has_ended_stays_for_linger),
        cmocka_unit_test(freeing_the_family_closes_all_members),
        cmocka_unit_test(messages_wait_until_the_member_has_a_writer),
        cmocka_unit_test(messages_for_a_member_that_is_given_up_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
