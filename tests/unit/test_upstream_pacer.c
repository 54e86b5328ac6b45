/* The pacer: slots, lines and turns, by hand and against a crowd. */
#include "upstream/pacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORKER = 7, START_MS = 1000000, GRANTS_MAX = 16 };

static uint64_t no_jitter(uint64_t bound)
{
    (void)bound;
    return 0;
}

static uint64_t most_jitter(uint64_t bound)
{
    return bound - 1;
}

static struct tg_pacer *make(uint64_t per_second, uint64_t burst)
{
    return tg_pacer_new(&(struct tg_pace){ .per_second = per_second, .burst = burst }, no_jitter);
}

static uint64_t ask(struct tg_pacer *pacer, const char *host, uint64_t stream, uint64_t now_ms)
{
    return tg_pacer_ask(
        pacer, &(struct tg_pacer_attempt){ .host = host, .port = 80, .stream = stream, .worker = WORKER },
        now_ms);
}

/* The ticket whose turn has come; 0: none. */
static uint64_t take(struct tg_pacer *pacer, uint64_t now_ms)
{
    struct tg_pacer_grant grant;

    if (tg_pacer_take_due(pacer, now_ms, &grant, 1) == 0)
        return 0;
    assert_int_equal(grant.worker, WORKER);
    tg_pacer_collect(pacer, grant.ticket);
    return grant.ticket;
}

static void a_burst_begins_at_once_and_the_rest_waits(void **state)
{
    struct tg_pacer *pacer = make(10, 3);

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(pacer, "a", 0, START_MS), 0);
    uint64_t fourth = ask(pacer, "a", 0, START_MS), fifth = ask(pacer, "a", 0, START_MS);
    assert_int_not_equal(fourth, 0);
    assert_int_equal(tg_pacer_next_ms(pacer), START_MS + 100);
    assert_int_equal(take(pacer, START_MS + 99), 0);
    assert_int_equal(take(pacer, START_MS + 100), fourth);
    assert_int_equal(take(pacer, START_MS + 100), 0);
    assert_int_equal(take(pacer, START_MS + 200), fifth);
    assert_true(tg_pacer_next_ms(pacer) == UINT64_MAX);
    tg_pacer_free(pacer);
}

static void after_a_pause_there_is_a_burst_again_and_no_more(void **state)
{
    struct tg_pacer *pacer = make(10, 3);

    (void)state;
    for (int round = 0; round < 3; round++) {
        uint64_t now_ms = START_MS + (uint64_t)round * 60000;
        for (int i = 0; i < 3; i++)
            assert_int_equal(ask(pacer, "a", 0, now_ms), 0);
        uint64_t ticket = ask(pacer, "a", 0, now_ms);
        assert_int_not_equal(ticket, 0);
        tg_pacer_give_up(pacer, ticket);
    }
    tg_pacer_free(pacer);
}

static void hosts_and_ports_have_slots_of_their_own(void **state)
{
    struct tg_pacer *pacer = make(10, 1);

    (void)state;
    assert_int_equal(ask(pacer, "a", 0, START_MS), 0);
    assert_int_equal(ask(pacer, "b", 0, START_MS), 0);
    assert_int_equal(tg_pacer_ask(pacer, &(struct tg_pacer_attempt){ .host = "a", .port = 81 }, START_MS), 0);
    assert_int_not_equal(ask(pacer, "a", 0, START_MS), 0);
    tg_pacer_free(pacer);
}

static void streams_take_turns_and_keep_the_order_within(void **state)
{
    struct tg_pacer *pacer = make(10, 1);
    uint64_t many[4], few[2];

    (void)state;
    ask(pacer, "a", 0, START_MS);
    for (int i = 0; i < 4; i++)
        many[i] = ask(pacer, "a", 1, START_MS);
    for (int i = 0; i < 2; i++)
        few[i] = ask(pacer, "a", 2, START_MS);
    const uint64_t expected[] = { many[0], few[0], many[1], few[1], many[2], many[3] };
    for (size_t i = 0; i < TG_COUNT_OF(expected); i++)
        assert_int_equal(take(pacer, START_MS + 100 * (i + 1)), expected[i]);
    tg_pacer_free(pacer);
}

static void nobody_overtakes_those_who_wait(void **state)
{
    struct tg_pacer *pacer = make(10, 1);

    (void)state;
    ask(pacer, "a", 0, START_MS);
    uint64_t first = ask(pacer, "a", 0, START_MS);
    uint64_t second = ask(pacer, "a", 0, START_MS + 150); /* a slot is free, but it is the first one's */
    assert_int_not_equal(second, 0);
    assert_int_equal(take(pacer, START_MS + 150), first);
    assert_int_equal(take(pacer, START_MS + 150), 0);
    assert_int_equal(take(pacer, START_MS + 200), second);
    tg_pacer_free(pacer);
}

static void a_ticket_given_up_leaves_its_turn_to_the_next(void **state)
{
    struct tg_pacer *pacer = make(10, 1);

    (void)state;
    ask(pacer, "a", 0, START_MS);
    uint64_t first = ask(pacer, "a", 0, START_MS), second = ask(pacer, "a", 1, START_MS);
    tg_pacer_give_up(pacer, first);
    tg_pacer_give_up(pacer, first);
    assert_int_equal(take(pacer, START_MS + 100), second);
    tg_pacer_free(pacer);
}

/* The mail of the grant and the end of the attempt may cross. */
static void a_granted_ticket_given_up_gives_its_slot_back(void **state)
{
    struct tg_pacer *pacer = make(10, 1);
    struct tg_pacer_grant grant;

    (void)state;
    ask(pacer, "a", 0, START_MS);
    uint64_t first = ask(pacer, "a", 0, START_MS);
    assert_int_equal(tg_pacer_take_due(pacer, START_MS + 100, &grant, 1), 1);
    assert_int_equal(grant.ticket, first);
    tg_pacer_give_up(pacer, first);
    assert_int_equal(ask(pacer, "a", 0, START_MS + 100), 0);
    assert_int_not_equal(ask(pacer, "a", 0, START_MS + 100), 0);
    tg_pacer_free(pacer);
}

static void jitter_moves_turns_but_not_the_rate(void **state)
{
    struct tg_pacer *pacer = tg_pacer_new(&(struct tg_pace){ .per_second = 100, .burst = 1 }, most_jitter);
    uint64_t now_ms = START_MS, count = 0;

    (void)state;
    ask(pacer, "a", 0, START_MS);
    for (int i = 0; i < 100; i++)
        ask(pacer, "a", 0, START_MS);
    for (; count < 100; count += take(pacer, now_ms) != 0)
        now_ms = tg_pacer_next_ms(pacer);
    assert_in_range(now_ms - START_MS, 1000, 1011);
    tg_pacer_free(pacer);
}

static void a_worker_that_was_busy_does_not_make_up_for_it_in_a_crowd(void **state)
{
    struct tg_pacer *pacer = make(100, 50);
    struct tg_pacer_grant grants[GRANTS_MAX];

    (void)state;
    for (int i = 0; i < 100; i++)
        ask(pacer, "a", 0, START_MS);
    assert_in_range(tg_pacer_take_due(pacer, START_MS + 10000, grants, GRANTS_MAX), 1, 4);
    tg_pacer_free(pacer);
}

static void clocks_may_go_back_a_little(void **state)
{
    struct tg_pacer *pacer = make(10, 2);

    (void)state;
    assert_int_equal(ask(pacer, "a", 0, START_MS), 0);
    uint64_t ticket = ask(pacer, "a", 0, START_MS - 3);
    assert_int_equal(tg_pacer_next_ms(pacer), START_MS);
    assert_int_equal(take(pacer, START_MS - 3), 0);
    assert_int_equal(take(pacer, START_MS), ticket);
    assert_int_equal(tg_pacer_next_ms(pacer), UINT64_MAX);
    tg_pacer_free(pacer);
}

static void places_are_forgotten_once_they_have_all_slots(void **state)
{
    struct tg_pacer *pacer = make(10, 2);
    char host[32];

    (void)state;
    uint64_t waiting = 0;
    for (int i = 0; i < 3; i++)
        waiting = ask(pacer, "waited-for", 0, START_MS);
    for (int i = 0; i < 100000; i++) {
        snprintf(host, sizeof(host), "host-%d", i);
        ask(pacer, host, 0, START_MS + (uint64_t)i);
    }
    assert_in_range(tg_pacer_count_places(pacer), 100, 300);
    assert_int_equal(take(pacer, START_MS + 100000), waiting);
    tg_pacer_free(pacer);
}

static void the_table_is_bounded_whatever_the_rate(void **state)
{
    struct tg_pacer *pacer = make(1, 1000000);
    char host[32];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(host, sizeof(host), "host-%d", i);
        ask(pacer, host, 0, START_MS);
    }
    assert_in_range(tg_pacer_count_places(pacer), 1, 16384);
    tg_pacer_free(pacer);
}

/* Many places and streams, tickets given up at any time: every other ticket gets its turn once, and no place more turns
 * than its rate. */
static void a_crowd_gets_its_turns(void **state)
{
    enum { PLACES = 20, STREAMS = 5, ROUNDS = 2000, PER_SECOND = 50, BURST = 5 };
    struct tg_pacer *pacer = tg_pacer_new(&(struct tg_pace){ PER_SECOND, BURST }, tg_random_below);
    unsigned begun[PLACES] = { 0 };
    static unsigned char place_of[4 * ROUNDS]; /* by ticket; 0: none waits */
    uint64_t now_ms = START_MS, waiting = 0, granted = 0, given_up = 0, asked = 0;
    char host[32];

    (void)state;
    for (int i = 0; i < 4 * ROUNDS; i++, asked++) {
        unsigned place = (unsigned)tg_random_below(PLACES);
        snprintf(host, sizeof(host), "host-%u", place);
        uint64_t ticket = ask(pacer, host, tg_random_below(STREAMS), now_ms);
        now_ms += tg_random_below(3);
        if (ticket == 0) {
            begun[place]++;
            continue;
        }
        waiting++;
        place_of[ticket] = (unsigned char)(place + 1);
        if (tg_random_below(3) == 0) {
            tg_pacer_give_up(pacer, ticket);
            place_of[ticket] = 0;
            given_up++;
        }
    }
    for (uint64_t next_ms; (next_ms = tg_pacer_next_ms(pacer)) != UINT64_MAX;) {
        now_ms = next_ms > now_ms ? next_ms : now_ms;
        uint64_t ticket = take(pacer, now_ms);
        if (ticket == 0)
            continue;
        assert_int_not_equal(place_of[ticket], 0);
        begun[place_of[ticket] - 1]++;
        place_of[ticket] = 0;
        granted++;
    }
    assert_int_equal(granted + given_up, waiting);
    for (int i = 0; i < PLACES; i++)
        assert_true(begun[i] <= BURST + 3 + (now_ms - START_MS) * PER_SECOND / 1000);
    tg_pacer_free(pacer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_begins_at_once_and_the_rest_waits),
        cmocka_unit_test(after_a_pause_there_is_a_burst_again_and_no_more),
        cmocka_unit_test(hosts_and_ports_have_slots_of_their_own),
        cmocka_unit_test(streams_take_turns_and_keep_the_order_within),
        cmocka_unit_test(nobody_overtakes_those_who_wait),
        cmocka_unit_test(a_ticket_given_up_leaves_its_turn_to_the_next),
        cmocka_unit_test(a_granted_ticket_given_up_gives_its_slot_back),
        cmocka_unit_test(jitter_moves_turns_but_not_the_rate),
        cmocka_unit_test(a_worker_that_was_busy_does_not_make_up_for_it_in_a_crowd),
        cmocka_unit_test(clocks_may_go_back_a_little),
        cmocka_unit_test(places_are_forgotten_once_they_have_all_slots),
        cmocka_unit_test(the_table_is_bounded_whatever_the_rate),
        cmocka_unit_test(a_crowd_gets_its_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
