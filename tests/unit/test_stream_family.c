/* Families: streams made on demand, one behaviour a test. */
#include "family_fixture.h"

#include <stdio.h>

static int set_up(void **state)
{
    static struct fixture f;

    begin(&f, "orders", 1000);
    *state = &f;
    return 0;
}

/* ---- joining ---------------------------------------------------------------------------------- */

static void the_first_join_opens_the_member(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = must_join(f, "17");
    assert_int_equal(f->opened, 1);
    assert_ptr_equal(f->opening, &nothing);
    assert_true(f->has_subscribers);
    assert_string_equal(tg_stream_name(stream), "orders/17");
    tg_family_leave(f->family, stream);
}

static void further_joins_share_it(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *first = must_join(f, "17"), *second = must_join(f, "17");
    assert_ptr_equal(first, second);
    assert_int_equal(f->opened, 1);
    assert_int_equal(subscribers_of(first), 2);
    tg_family_leave(f->family, first);
    tg_family_leave(f->family, second);
}

static void each_key_has_a_member_of_its_own(void **state)
{
    struct fixture *f = *state;
    static const struct tg_str keys[] = { { "", 0 }, { "a", 1 }, { "a\0b", 3 }, { "a\0c", 3 }, { "ab", 2 } };
    struct tg_stream *streams[TG_COUNT_OF(keys)];

    for (size_t i = 0; i < TG_COUNT_OF(keys); i++)
        assert_int_equal(tg_family_join(f->family, keys[i], &nothing, &streams[i]), TG_OK);
    assert_int_equal(f->opened, TG_COUNT_OF(keys));
    assert_int_equal(members_of(f), TG_COUNT_OF(keys));
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++)
        tg_family_leave(f->family, streams[i]);
}

static void a_join_counts_as_a_subscriber_until_it_leaves(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = tg_stream_ref(must_join(f, "17"));
    assert_int_equal(subscribers_of(stream), 1);
    tg_family_leave(f->family, stream);
    assert_int_equal(subscribers_of(stream), 0);
    tg_stream_unref(stream);
}

static void more_members_than_allowed_are_refused(void **state)
{
    struct fixture *f = *state;
    struct tg_family_stats stats;
    struct tg_stream *third = NULL;

    end(f);
    begin(f, "orders", 2);
    tg_family_leave(f->family, must_join(f, "1"));
    tg_family_leave(f->family, must_join(f, "2"));
    assert_int_equal(join(f, "3", &third), TG_ERR_LIMIT);
    assert_null(third);
    assert_int_equal(tg_family_open_session(f->family, NULL, &nothing, &third), TG_ERR_LIMIT);
    tg_family_leave(f->family, must_join(f, "1"));
    tg_family_get_stats(f->family, &stats);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(f->opened, 2);
    sweep_after(f, LONG_MS);
    tg_family_leave(f->family, must_join(f, "3"));
}

static void on_demand(void *arg, bool has_subscribers)
{
    *(bool *)arg = has_subscribers;
}

static void the_writer_can_still_ask_for_demand(void **state)
{
    struct fixture *f = *state;
    bool has_demand = false;
    struct tg_stream *stream = must_join(f, "17");
    tg_stream_on_demand(stream, on_demand, &has_demand);
    tg_family_leave(f->family, stream);
    stream = must_join(f, "17");
    assert_true(has_demand);
    tg_family_leave(f->family, stream);
    assert_false(has_demand);
    sweep_after(f, LINGER_MS);
    assert_int_equal(f->closed, 1);
}

/* ---- a member that cannot be opened ----------------------------------------------------------- */

static void an_open_that_fails_is_told_to_who_asked(void **state)
{
    struct fixture *f = *state;
    struct tg_family_stats stats;
    struct tg_stream *stream = NULL;

    f->answer = TG_ERR_IO;
    assert_int_equal(join(f, "17", &stream), TG_ERR_IO);
    assert_null(stream);
    tg_family_get_stats(f->family, &stats);
    assert_int_equal(stats.members, 0);
    assert_int_equal(stats.opened, 0);
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 0);
    end(f);
    assert_int_equal(f->closed, 0);
}

/* Two ask for it at the same time. */
static void fail_to_join(struct fixture *f, const char *key)
{
    struct tg_stream *stream;

    f->answer = TG_ERR_IO;
    f->also_joined = key;
    assert_int_equal(join(f, key, &stream), TG_ERR_IO);
}

static void who_joined_meanwhile_learns_of_the_end(void **state)
{
    struct fixture *f = *state;

    fail_to_join(f, "17");
    assert_int_equal(f->opened, 1);
    assert_true(tg_stream_has_ended(f->also));
    assert_int_equal(members_of(f), 0);
    tg_family_leave(f->family, f->also);
    end(f);
    assert_int_equal(f->closed, 0);
}

static void who_asks_next_gets_a_new_member(void **state)
{
    struct fixture *f = *state;

    fail_to_join(f, "17");
    f->answer = TG_OK;
    f->also_joined = NULL;
    struct tg_stream *stream = must_join(f, "17");
    assert_ptr_not_equal(stream, f->also);
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(f->family, f->also);
    tg_family_leave(f->family, stream);
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 1);
}

/* ---- expiry ----------------------------------------------------------------------------------- */

static void a_member_stays_while_it_is_used(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *first = must_join(f, "17"), *second = must_join(f, "17");
    tg_family_leave(f->family, first);
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 0);
    tg_family_leave(f->family, second);
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 1);
}

static void a_member_stays_for_linger_after_the_last_one_left(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = must_join(f, "17");
    uint64_t before_ms = tg_clock_now_ms();
    tg_family_leave(f->family, stream);
    tg_family_sweep(f->family, before_ms + LINGER_MS - 1);
    assert_int_equal(f->closed, 0);
    tg_family_sweep(f->family, tg_clock_now_ms() + LINGER_MS);
    assert_int_equal(f->closed, 1);
    assert_int_equal(members_of(f), 0);
}

static void a_member_that_lingers_is_joined_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *first = must_join(f, "17");
    tg_family_leave(f->family, first);
    struct tg_stream *second = must_join(f, "17");
    assert_ptr_equal(first, second);
    assert_int_equal(f->opened, 1);
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 0);
    tg_family_leave(f->family, second);
}

static void a_member_that_was_closed_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *old = tg_stream_ref(must_join(f, "17"));
    tg_family_leave(f->family, old);
    sweep_after(f, LONG_MS);
    struct tg_stream *new = must_join(f, "17");
    assert_ptr_not_equal(new, old);
    assert_string_not_equal(tg_stream_epoch(new), tg_stream_epoch(old));
    assert_int_equal(f->opened, 2);
    tg_family_leave(f->family, new);
    tg_stream_unref(old);
}

static void a_subscriber_that_did_not_join_keeps_the_member_too(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = tg_stream_ref(must_join(f, "17"));
    tg_stream_subscriber_added(stream);
    tg_family_leave(f->family, stream);
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 0);
    tg_stream_subscriber_removed(stream);
    sweep_after(f, LINGER_MS);
    assert_int_equal(f->closed, 1);
    tg_stream_unref(stream);
}

static void the_stream_of_a_closed_member_may_live_on(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = tg_stream_ref(must_join(f, "17"));
    tg_family_leave(f->family, stream);
    sweep_after(f, LONG_MS);
    end(f);
    tg_stream_subscriber_added(stream);
    tg_stream_subscriber_removed(stream);
    tg_stream_unref(stream);
}

static void the_one_idle_longest_goes_first(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *streams[3];
    char key[] = "0";

    for (int i = 0; i < 3; i++, key[0]++)
        streams[i] = must_join(f, key);
    tg_family_leave(f->family, streams[1]);
    tg_family_leave(f->family, streams[0]);
    tg_family_leave(f->family, streams[2]);
    tg_family_leave(f->family, must_join(f, "1"));
    sweep_after(f, LONG_MS);
    assert_int_equal(f->closed, 3);
    assert_ptr_equal(f->closed_last, streams[1]);
}

static void a_member_whose_stream_has_ended_stays_for_linger(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = must_join(f, "17");
    tg_stream_end(stream, NULL, 1);
    tg_family_leave(f->family, stream);
    stream = must_join(f, "17");
    assert_true(tg_stream_has_ended(stream));
    tg_family_leave(f->family, stream);
    sweep_after(f, LONG_MS);
    stream = must_join(f, "17");
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(f->family, stream);
}

static void freeing_the_family_closes_all_members(void **state)
{
    struct fixture *f = *state;
    char key[8];

    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "%d", i);
        tg_family_leave(f->family, must_join(f, key));
    }
    end(f);
    assert_int_equal(f->closed, 300);
    tg_family_free(NULL);
}

/* ---- messages for the backend ------------------------------------------------------------------ */

static void count_wake(void *arg)
{
    ++*(int *)arg;
}

static void messages_wait_until_the_member_has_a_writer(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream;
    enum tg_err result = TG_ERR_AGAIN;
    int wakes = 0;

    assert_int_equal(join(f, "a", &stream), TG_OK);
    assert_int_equal(tg_stream_send(stream, TG_STR("hello"), false, on_sent, &result, 0), TG_OK);
    assert_int_equal(result, TG_ERR_AGAIN);
    tg_stream_on_outgoing(stream, count_wake, &wakes);
    assert_int_equal(wakes, 1);
    tg_outgoing_finish(tg_stream_take_outgoing(stream), TG_OK);
    assert_int_equal(result, TG_OK);
    tg_family_leave(f->family, stream);
    end(f);
}

static void messages_for_a_member_that_is_given_up_fail(void **state)
{
    struct fixture *f = *state;
    enum tg_err result = TG_ERR_AGAIN;

    f->sent = &result;
    fail_to_join(f, "a");
    assert_int_equal(result, TG_ERR_CLOSED);
    tg_family_leave(f->family, f->also);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_join_opens_the_member),
        TEST(further_joins_share_it),
        TEST(each_key_has_a_member_of_its_own),
        TEST(a_join_counts_as_a_subscriber_until_it_leaves),
        TEST(more_members_than_allowed_are_refused),
        TEST(the_writer_can_still_ask_for_demand),
        TEST(an_open_that_fails_is_told_to_who_asked),
        TEST(who_joined_meanwhile_learns_of_the_end),
        TEST(who_asks_next_gets_a_new_member),
        TEST(a_member_stays_while_it_is_used),
        TEST(a_member_stays_for_linger_after_the_last_one_left),
        TEST(a_member_that_lingers_is_joined_as_it_is),
        TEST(a_member_that_was_closed_is_made_anew),
        TEST(a_subscriber_that_did_not_join_keeps_the_member_too),
        TEST(the_stream_of_a_closed_member_may_live_on),
        TEST(the_one_idle_longest_goes_first),
        TEST(a_member_whose_stream_has_ended_stays_for_linger),
        TEST(freeing_the_family_closes_all_members),
        TEST(messages_wait_until_the_member_has_a_writer),
        TEST(messages_for_a_member_that_is_given_up_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
