/* The supervisor: what it does in each situation, and rules that hold in all of them. */
#include "upstream/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t highest(uint64_t bound)
{
    return bound - 1;
}

static struct tg_supervisor make(enum tg_config_connect connect)
{
    struct tg_config_upstream config = {
        .connect = connect,
        .linger_ms = 500,
        .reconnect_first_ms = 100,
        .reconnect_max_ms = 1000,
        .reconnect_stable_ms = 10000,
    };
    struct tg_supervisor supervisor;

    tg_supervisor_init(&supervisor, &config, highest);
    return supervisor;
}

static struct tg_supervisor_actions send(struct tg_supervisor *supervisor, enum tg_supervisor_event_kind kind,
                                         uint64_t now_ms)
{
    struct tg_supervisor_actions actions;

    tg_supervisor_handle(supervisor, &(struct tg_supervisor_event){ .kind = kind }, now_ms, &actions);
    return actions;
}

static const struct tg_stream_condition closed = { .state = TG_STREAM_DOWN, .reason = TG_REASON_CLOSED };

/* The attempt fails, or the connection ends. */
static struct tg_supervisor_actions lose(struct tg_supervisor *supervisor, enum tg_wait wait,
                                         uint64_t retry_after_ms, uint64_t now_ms)
{
    const struct tg_supervisor_event event = {
        .kind = TG_SUPERVISOR_FAILED, .wait = wait, .retry_after_ms = retry_after_ms, .outage = closed
    };
    struct tg_supervisor_actions actions;

    tg_supervisor_handle(supervisor, &event, now_ms, &actions);
    return actions;
}

/* Waits as long as it must, connects and comes up. Returns when. */
static uint64_t come_up(struct tg_supervisor *supervisor, struct tg_supervisor_actions *ret_actions)
{
    uint64_t now_ms = supervisor->not_before_ms;

    assert_true(send(supervisor, TG_SUPERVISOR_TIME, now_ms).connect);
    *ret_actions = send(supervisor, TG_SUPERVISOR_OPENED, now_ms);
    return now_ms;
}

static struct tg_supervisor_actions demand(struct tg_supervisor *supervisor, bool has_demand, uint64_t now_ms)
{
    struct tg_supervisor_event event = { .kind = TG_SUPERVISOR_DEMAND, .has_demand = has_demand };
    struct tg_supervisor_actions actions;

    tg_supervisor_handle(supervisor, &event, now_ms, &actions);
    return actions;
}

static void start_connects_at_once(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    struct tg_supervisor_actions actions = send(&s, TG_SUPERVISOR_START, 1000);
    assert_true(actions.connect);
    assert_int_equal(actions.condition.state, TG_STREAM_CONNECTING);
    assert_int_equal(s.state, TG_UPSTREAM_CONNECTING);
    assert_int_equal(s.deadline_ms, 0);
}

static void coming_up_is_marked(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    struct tg_supervisor_actions actions = send(&s, TG_SUPERVISOR_OPENED, 1010);
    assert_true(actions.mark_up);
    assert_int_equal(actions.condition.state, TG_STREAM_UP);
}

static void one_outage_is_marked_once(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 1010).mark_down);
    for (int i = 0; i < 5; i++) {
        assert_true(send(&s, TG_SUPERVISOR_TIME, s.deadline_ms).connect);
        struct tg_supervisor_actions actions = lose(&s, TG_WAIT_USUAL, 0, s.not_before_ms + 1);
        assert_false(actions.mark_down);
        assert_int_equal(actions.condition.state, TG_STREAM_DOWN);
        assert_int_equal(actions.condition.reason, TG_REASON_CLOSED);
    }
    send(&s, TG_SUPERVISOR_TIME, s.deadline_ms);
    assert_true(send(&s, TG_SUPERVISOR_OPENED, 9000).mark_up);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 9010).mark_down);
}

static void waits_grow_until_a_connection_has_lasted(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    assert_int_equal(lose(&s, TG_WAIT_USUAL, 0, 1000).delay_ms, 100);
    assert_int_equal(s.deadline_ms, 1100);
    assert_false(send(&s, TG_SUPERVISOR_TIME, 1099).connect);
    uint64_t now_ms = come_up(&s, &actions);
    assert_int_equal(lose(&s, TG_WAIT_USUAL, 0, now_ms + 1).delay_ms, 200);
    now_ms = come_up(&s, &actions);
    assert_int_equal(lose(&s, TG_WAIT_USUAL, 0, now_ms + 9999).delay_ms, 400);
    now_ms = come_up(&s, &actions);
    assert_int_equal(lose(&s, TG_WAIT_USUAL, 0, now_ms + 10000).delay_ms, 100);
}

static void a_connection_proves_itself_by_time(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    lose(&s, TG_WAIT_USUAL, 0, 0);
    send(&s, TG_SUPERVISOR_TIME, 100);
    send(&s, TG_SUPERVISOR_OPENED, 200);
    assert_int_equal(s.deadline_ms, 10200);
    send(&s, TG_SUPERVISOR_TIME, 10200);
    assert_true(s.is_proved);
    assert_int_equal(s.deadline_ms, 0);
}

static void with_no_time_to_last_each_connection_is_proved(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    s.stable_ms = 0;
    send(&s, TG_SUPERVISOR_START, 1000);
    send(&s, TG_SUPERVISOR_OPENED, 1000);
    for (int i = 0; i < 5; i++) {
        actions = lose(&s, TG_WAIT_USUAL, 0, s.up_since_ms);
        assert_true(actions.mark_down);
        assert_int_equal(actions.delay_ms, 100);
        come_up(&s, &actions);
        assert_true(actions.mark_up);
        assert_int_equal(actions.flaps, 0);
    }
}

/* ---- how soon ------------------------------------------------------------------------------------- */

static void not_soon_is_a_long_wait_at_once_and_for_the_next_failures(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    assert_int_equal(lose(&s, TG_WAIT_LONGEST, 0, 1000).delay_ms, 1000);
    come_up(&s, &actions);
    assert_int_equal(lose(&s, TG_WAIT_USUAL, 0, s.up_since_ms).delay_ms, 1000);
    come_up(&s, &actions);
    assert_int_equal(lose(&s, TG_WAIT_LONGEST, 5000, s.up_since_ms).delay_ms, 5000);
}

static void something_new_to_ask_with_shortens_a_long_wait_once(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    s.backoff.max_ms = 100000;
    lose(&s, TG_WAIT_LONGEST, 0, 1000);
    send(&s, TG_SUPERVISOR_RENEWED, 2000);
    assert_int_equal(s.deadline_ms, 2100);
    send(&s, TG_SUPERVISOR_RENEWED, 2050);
    assert_int_equal(s.deadline_ms, 2100);
    assert_true(send(&s, TG_SUPERVISOR_TIME, 2100).connect);
    send(&s, TG_SUPERVISOR_RENEWED, 2300); /* that attempt is judged first */
    assert_int_equal(s.state, TG_UPSTREAM_CONNECTING);
    lose(&s, TG_WAIT_USUAL, 0, 2300);
    uint64_t deadline_ms = s.deadline_ms;
    send(&s, TG_SUPERVISOR_RENEWED, 2301);
    assert_int_equal(s.deadline_ms, deadline_ms);
}

static void what_the_backend_asks_for_is_not_shortened(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    lose(&s, TG_WAIT_LONGEST, 50000, 1000);
    send(&s, TG_SUPERVISOR_RENEWED, 2000);
    assert_int_equal(s.deadline_ms, 51000);
}

static void clients_that_are_sent_away_together_are_spread_and_not_punished(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    assert_int_equal(lose(&s, TG_WAIT_SPREAD, 0, 1000).delay_ms, 1000);
    come_up(&s, &actions);
    assert_int_equal(lose(&s, TG_WAIT_USUAL, 0, s.up_since_ms).delay_ms, 100);
}

static void a_recycled_answer_waits_as_the_backend_asks_and_never_longer(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    s.backoff.max_ms = 30000;
    send(&s, TG_SUPERVISOR_START, 1000);
    send(&s, TG_SUPERVISOR_OPENED, 1000);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(lose(&s, TG_WAIT_RECYCLE, 500, s.up_since_ms).delay_ms, 550);
        come_up(&s, &actions);
        assert_int_equal(lose(&s, TG_WAIT_RECYCLE, 0, s.up_since_ms).delay_ms, 2700);
        come_up(&s, &actions);
        assert_int_equal(lose(&s, TG_WAIT_RECYCLE, 1, s.up_since_ms).delay_ms, 110); /* `first` at least */
        come_up(&s, &actions);
    }
    s.backoff.max_ms = 1000;
    assert_int_equal(lose(&s, TG_WAIT_RECYCLE, 0, s.up_since_ms).delay_ms, 900);
}

/* ---- what is told ----------------------------------------------------------------------------------- */

static void a_restart_of_a_backend_that_had_lasted_is_told_at_once(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    assert_true(send(&s, TG_SUPERVISOR_OPENED, 0).mark_up);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 10000).mark_down);
    for (int i = 0; i < 3; i++) { /* still starting */
        send(&s, TG_SUPERVISOR_TIME, s.not_before_ms);
        assert_false(lose(&s, TG_WAIT_USUAL, 0, s.not_before_ms).mark_down);
    }
    come_up(&s, &actions);
    assert_true(actions.mark_up);
    assert_int_equal(actions.flaps, 0);
}

static void after_one_that_broke_soon_the_next_is_told_once_it_has_lasted_a_little(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    send(&s, TG_SUPERVISOR_OPENED, 0);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 9999).mark_down);
    uint64_t now_ms = come_up(&s, &actions);
    assert_false(actions.mark_up);
    assert_int_equal(actions.condition.state, TG_STREAM_DOWN);
    assert_int_equal(s.deadline_ms, now_ms + 1000);
    actions = send(&s, TG_SUPERVISOR_TIME, now_ms + 1000);
    assert_true(actions.mark_up);
    assert_int_equal(actions.flaps, 0);
    assert_int_equal(actions.condition.state, TG_STREAM_UP);
    assert_int_equal(s.deadline_ms, now_ms + 10000);
}

static void a_backend_that_says_one_thing_and_hangs_up_is_told_once_and_counted(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    assert_true(send(&s, TG_SUPERVISOR_OPENED, 0).mark_up);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 1).mark_down);
    for (int i = 0; i < 7; i++) {
        come_up(&s, &actions);
        assert_false(actions.mark_up);
        actions = lose(&s, TG_WAIT_USUAL, 0, s.up_since_ms + 1);
        assert_false(actions.mark_down);
        assert_int_equal(actions.condition.state, TG_STREAM_DOWN);
    }
    uint64_t now_ms = come_up(&s, &actions);
    actions = send(&s, TG_SUPERVISOR_TIME, now_ms + 1000);
    assert_true(actions.mark_up);
    assert_int_equal(actions.flaps, 7);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, now_ms + 2000).mark_down);
    now_ms = come_up(&s, &actions);
    assert_int_equal(send(&s, TG_SUPERVISOR_TIME, now_ms + 1000).flaps, 0);
}

static void a_late_timer_loses_no_marker(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    send(&s, TG_SUPERVISOR_OPENED, 0);
    lose(&s, TG_WAIT_USUAL, 0, 1);
    come_up(&s, &actions);
    actions = lose(&s, TG_WAIT_USUAL, 0, s.up_since_ms + 10000);
    assert_true(actions.mark_up);
    assert_true(actions.mark_down);
    assert_int_equal(actions.delay_ms, 100);
    assert_int_equal(actions.condition.state, TG_STREAM_DOWN);
}

/* A script that answers with what there is, and ends: the next request is part of the plan. */
static void answers_in_portions_are_no_outages(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    s.backoff.max_ms = 30000;
    send(&s, TG_SUPERVISOR_START, 0);
    assert_true(send(&s, TG_SUPERVISOR_OPENED, 0).mark_up);
    for (int i = 0; i < 10; i++) {
        actions = lose(&s, TG_WAIT_RECYCLE, 0, s.up_since_ms + 10);
        assert_false(actions.mark_down);
        assert_int_equal(actions.condition.state, TG_STREAM_UP);
        come_up(&s, &actions);
        assert_false(actions.mark_up);
    }
    assert_true(s.is_proved);
    lose(&s, TG_WAIT_RECYCLE, 0, s.up_since_ms + 10);
    assert_true(send(&s, TG_SUPERVISOR_TIME, s.not_before_ms).connect);
    actions = lose(&s, TG_WAIT_USUAL, 0, s.not_before_ms); /* it is not there: now it is one */
    assert_true(actions.mark_down);
    assert_int_equal(actions.delay_ms, 100);
    come_up(&s, &actions);
    assert_true(actions.mark_up);
}

static void a_long_answer_that_is_recycled_is_told(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    send(&s, TG_SUPERVISOR_OPENED, 0);
    assert_true(lose(&s, TG_WAIT_RECYCLE, 0, 60000).mark_down);
    come_up(&s, &actions);
    assert_true(actions.mark_up);
    assert_true(s.is_proved);
}

/* ---- the rest ---------------------------------------------------------------------------------------- */

static void retry_after_is_honoured(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);
    struct tg_supervisor_event event = { .kind = TG_SUPERVISOR_FAILED, .retry_after_ms = 60000 };
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    tg_supervisor_handle(&s, &event, 1000, &actions);
    assert_int_equal(actions.delay_ms, 60000);
    assert_false(send(&s, TG_SUPERVISOR_TIME, 60999).connect);
    assert_true(send(&s, TG_SUPERVISOR_TIME, 61000).connect);
}

static void on_demand_waits_for_the_first(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ON_DEMAND);

    (void)state;
    assert_false(send(&s, TG_SUPERVISOR_START, 1000).connect);
    assert_int_equal(s.state, TG_UPSTREAM_IDLE);
    assert_false(demand(&s, false, 1000).connect);
    assert_true(demand(&s, true, 1100).connect);
    assert_false(demand(&s, true, 1101).connect);
}

static void on_demand_lingers_then_leaves_without_a_marker(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ON_DEMAND);

    (void)state;
    s.stable_ms = 0;
    send(&s, TG_SUPERVISOR_START, 0);
    demand(&s, true, 1000);
    send(&s, TG_SUPERVISOR_OPENED, 1010);
    demand(&s, false, 2000);
    assert_int_equal(s.deadline_ms, 2500);
    demand(&s, true, 2400); /* back in time */
    assert_int_equal(s.deadline_ms, 0);
    demand(&s, false, 3000);
    struct tg_supervisor_actions actions = send(&s, TG_SUPERVISOR_TIME, 3500);
    assert_true(actions.disconnect);
    assert_false(actions.mark_down);
    assert_int_equal(actions.condition.state, TG_STREAM_CONNECTING);
    assert_int_equal(s.state, TG_UPSTREAM_IDLE);
    assert_true(demand(&s, true, 4000).connect);
    assert_true(send(&s, TG_SUPERVISOR_OPENED, 4010).mark_up); /* who came meanwhile was told to wait */
}

static void coming_and_going_does_not_bypass_the_back_off(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ON_DEMAND);
    struct tg_supervisor_event event = { .kind = TG_SUPERVISOR_FAILED, .retry_after_ms = 60000 };
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    demand(&s, true, 1000);
    tg_supervisor_handle(&s, &event, 1000, &actions);
    demand(&s, false, 1100);
    send(&s, TG_SUPERVISOR_TIME, 1600);
    assert_int_equal(s.state, TG_UPSTREAM_IDLE);
    actions = demand(&s, true, 2000);
    assert_false(actions.connect);
    assert_int_equal(s.state, TG_UPSTREAM_WAITING);
    assert_int_equal(s.deadline_ms, 61000);
    assert_true(send(&s, TG_SUPERVISOR_TIME, 61000).connect);
}

/* Whoever came while it was idle was told that it is being connected. */
static void an_outage_after_idleness_is_told_again(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ON_DEMAND);
    struct tg_supervisor_actions actions;

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    demand(&s, true, 1000);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 1000).mark_down);
    demand(&s, false, 1100);
    actions = send(&s, TG_SUPERVISOR_TIME, 1600);
    assert_int_equal(s.state, TG_UPSTREAM_IDLE);
    assert_int_equal(actions.condition.state, TG_STREAM_CONNECTING);
    assert_true(demand(&s, true, 2000).connect);
    assert_true(lose(&s, TG_WAIT_USUAL, 0, 2001).mark_down);
}

static void stop_is_final(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    send(&s, TG_SUPERVISOR_OPENED, 10);
    struct tg_supervisor_actions actions = send(&s, TG_SUPERVISOR_STOP, 20);
    assert_true(actions.disconnect);
    assert_false(actions.mark_down);
    assert_int_equal(s.deadline_ms, 0);
    assert_false(send(&s, TG_SUPERVISOR_START, 30).connect);
    assert_false(send(&s, TG_SUPERVISOR_TIME, 30).connect);
    assert_false(demand(&s, true, 30).connect);
}

/* Any order of events: never two connections, never a marker twice, never a deadline that never moves on. */
static void rules_hold_in_any_order(void **state)
{
    (void)state;
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        struct tg_supervisor s = make(round % 2 ? TG_CONNECT_ON_DEMAND : TG_CONNECT_ALWAYS);
        bool is_connected = false;
        enum { NEVER, MARKED_UP, MARKED_DOWN } last = NEVER;
        uint64_t now_ms = 1;
        for (int step = 0; step < 60; step++) {
            struct tg_supervisor_event event = {
                .kind =
                    (enum tg_supervisor_event_kind)(random() % (TG_SUPERVISOR_STOP + (random() % 50 == 0))),
                .has_demand = random() % 2,
                .wait = (enum tg_wait)(random() % (TG_WAIT_SPREAD + 1)),
                .retry_after_ms = random() % 4 ? 0 : (uint64_t)(random() % 3000),
                .outage = closed,
            };
            struct tg_supervisor_actions actions;
            if (event.kind == TG_SUPERVISOR_TIME && s.deadline_ms > now_ms)
                now_ms = s.deadline_ms;
            now_ms += (uint64_t)(random() % 200);
            /* A connection opens and fails only while there is one. */
            bool is_of_connection = event.kind == TG_SUPERVISOR_OPENED || event.kind == TG_SUPERVISOR_FAILED;
            if (is_of_connection && !is_connected)
                continue;
            tg_supervisor_handle(&s, &event, now_ms, &actions);
            if (event.kind == TG_SUPERVISOR_FAILED)
                is_connected = false;
            if (actions.disconnect) {
                assert_true(is_connected);
                is_connected = false;
            }
            if (actions.connect) {
                assert_false(is_connected);
                assert_true(now_ms >= s.not_before_ms);
                is_connected = true;
            }
            assert_false(actions.mark_up && last == MARKED_UP);
            assert_false(actions.mark_down && !actions.mark_up && last == MARKED_DOWN);
            last = actions.mark_down ? MARKED_DOWN : actions.mark_up ? MARKED_UP : last;
            if (s.state == TG_UPSTREAM_IDLE)
                last = NEVER; /* whoever comes is told that it is being connected */
            /* Who comes is told what the others were. */
            if (s.state != TG_UPSTREAM_STOPPED)
                assert_int_equal(actions.condition.state, last == MARKED_UP     ? TG_STREAM_UP
                                                          : last == MARKED_DOWN ? TG_STREAM_DOWN
                                                                                : TG_STREAM_CONNECTING);
            assert_int_equal(is_connected, s.state == TG_UPSTREAM_CONNECTING || s.state == TG_UPSTREAM_UP);
            if (event.kind == TG_SUPERVISOR_TIME)
                assert_true(s.deadline_ms == 0 || s.deadline_ms > now_ms);
            if (s.state == TG_UPSTREAM_WAITING)
                assert_true(s.deadline_ms != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_connects_at_once),
        cmocka_unit_test(coming_up_is_marked),
        cmocka_unit_test(one_outage_is_marked_once),
        cmocka_unit_test(waits_grow_until_a_connection_has_lasted),
        cmocka_unit_test(a_connection_proves_itself_by_time),
        cmocka_unit_test(with_no_time_to_last_each_connection_is_proved),
        cmocka_unit_test(not_soon_is_a_long_wait_at_once_and_for_the_next_failures),
        cmocka_unit_test(something_new_to_ask_with_shortens_a_long_wait_once),
        cmocka_unit_test(what_the_backend_asks_for_is_not_shortened),
        cmocka_unit_test(clients_that_are_sent_away_together_are_spread_and_not_punished),
        cmocka_unit_test(a_recycled_answer_waits_as_the_backend_asks_and_never_longer),
        cmocka_unit_test(a_restart_of_a_backend_that_had_lasted_is_told_at_once),
        cmocka_unit_test(after_one_that_broke_soon_the_next_is_told_once_it_has_lasted_a_little),
        cmocka_unit_test(a_backend_that_says_one_thing_and_hangs_up_is_told_once_and_counted),
        cmocka_unit_test(a_late_timer_loses_no_marker),
        cmocka_unit_test(answers_in_portions_are_no_outages),
        cmocka_unit_test(a_long_answer_that_is_recycled_is_told),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(on_demand_waits_for_the_first),
        cmocka_unit_test(on_demand_lingers_then_leaves_without_a_marker),
        cmocka_unit_test(coming_and_going_does_not_bypass_the_back_off),
        cmocka_unit_test(an_outage_after_idleness_is_told_again),
        cmocka_unit_test(stop_is_final),
        cmocka_unit_test(rules_hold_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
