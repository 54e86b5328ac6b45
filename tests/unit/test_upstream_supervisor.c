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
        .connect = connect, .linger_ms = 500, .reconnect_first_ms = 100, .reconnect_max_ms = 1000
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
    assert_int_equal(actions.stream_state, TG_STREAM_CONNECTING);
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
    assert_int_equal(actions.stream_state, TG_STREAM_UP);
}

static void one_outage_is_marked_once(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    assert_true(send(&s, TG_SUPERVISOR_FAILED, 1010).mark_down);
    for (int i = 0; i < 5; i++) {
        assert_true(send(&s, TG_SUPERVISOR_TIME, s.deadline_ms).connect);
        struct tg_supervisor_actions actions = send(&s, TG_SUPERVISOR_FAILED, s.not_before_ms + 1);
        assert_false(actions.mark_down);
        assert_int_equal(actions.stream_state, TG_STREAM_DOWN);
    }
    send(&s, TG_SUPERVISOR_TIME, s.deadline_ms);
    assert_true(send(&s, TG_SUPERVISOR_OPENED, 9000).mark_up);
    assert_true(send(&s, TG_SUPERVISOR_FAILED, 9010).mark_down);
}

static void waits_grow_until_a_connection_proves_itself(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 1000);
    assert_int_equal(send(&s, TG_SUPERVISOR_FAILED, 1000).delay_ms, 100);
    assert_int_equal(s.deadline_ms, 1100);
    assert_false(send(&s, TG_SUPERVISOR_TIME, 1099).connect);
    assert_true(send(&s, TG_SUPERVISOR_TIME, 1100).connect);
    send(&s, TG_SUPERVISOR_OPENED, 1100); /* up, but dropped at once: not proved */
    assert_int_equal(send(&s, TG_SUPERVISOR_FAILED, 1101).delay_ms, 200);
    send(&s, TG_SUPERVISOR_TIME, s.deadline_ms);
    send(&s, TG_SUPERVISOR_OPENED, 2000);
    send(&s, TG_SUPERVISOR_PROVED, 2001);
    assert_int_equal(send(&s, TG_SUPERVISOR_FAILED, 2002).delay_ms, 100);
}

static void ten_seconds_up_are_proof(void **state)
{
    struct tg_supervisor s = make(TG_CONNECT_ALWAYS);

    (void)state;
    send(&s, TG_SUPERVISOR_START, 0);
    send(&s, TG_SUPERVISOR_FAILED, 0);
    send(&s, TG_SUPERVISOR_TIME, 100);
    send(&s, TG_SUPERVISOR_OPENED, 200);
    assert_int_equal(s.deadline_ms, 10200);
    send(&s, TG_SUPERVISOR_TIME, 10200);
    assert_true(s.is_proved);
    assert_int_equal(s.deadline_ms, 0);
    assert_int_equal(send(&s, TG_SUPERVISOR_FAILED, 10300).delay_ms, 100);
}

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
    send(&s, TG_SUPERVISOR_START, 0);
    demand(&s, true, 1000);
    send(&s, TG_SUPERVISOR_OPENED, 1010);
    send(&s, TG_SUPERVISOR_PROVED, 1011);
    demand(&s, false, 2000);
    assert_int_equal(s.deadline_ms, 2500);
    demand(&s, true, 2400); /* back in time */
    assert_int_equal(s.deadline_ms, 0);
    demand(&s, false, 3000);
    struct tg_supervisor_actions actions = send(&s, TG_SUPERVISOR_TIME, 3500);
    assert_true(actions.disconnect);
    assert_false(actions.mark_down);
    assert_int_equal(actions.stream_state, TG_STREAM_CONNECTING);
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
                .retry_after_ms = random() % 4 ? 0 : (uint64_t)(random() % 3000),
            };
            struct tg_supervisor_actions actions;
            if (event.kind == TG_SUPERVISOR_TIME && s.deadline_ms > now_ms)
                now_ms = s.deadline_ms;
            now_ms += (uint64_t)(random() % 200);
            /* A connection opens, proves itself and fails only while there is one. */
            bool is_of_connection = event.kind == TG_SUPERVISOR_OPENED ||
                                    event.kind == TG_SUPERVISOR_PROVED || event.kind == TG_SUPERVISOR_FAILED;
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
            assert_false(actions.mark_down && last == MARKED_DOWN);
            last = actions.mark_up ? MARKED_UP : actions.mark_down ? MARKED_DOWN : last;
            if (s.state == TG_UPSTREAM_IDLE && last == MARKED_UP)
                last = NEVER; /* whoever comes is told that it is being connected */
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
        cmocka_unit_test(waits_grow_until_a_connection_proves_itself),
        cmocka_unit_test(ten_seconds_up_are_proof),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(on_demand_waits_for_the_first),
        cmocka_unit_test(on_demand_lingers_then_leaves_without_a_marker),
        cmocka_unit_test(coming_and_going_does_not_bypass_the_back_off),
        cmocka_unit_test(stop_is_final),
        cmocka_unit_test(rules_hold_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
