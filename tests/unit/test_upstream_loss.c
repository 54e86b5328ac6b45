/* Unit tests: when lost messages are told, and that none is told twice or never. */
#include "upstream/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct told {
    uint64_t counts[TG_LOSS_REASONS];
    size_t events;
    enum tg_gap_reason first;
    size_t fails_after; /* so many; SIZE_MAX: never */
};

static enum tg_err tell(void *arg, enum tg_gap_reason reason, uint64_t count)
{
    struct told *told = arg;

    assert_true(count > 0);
    if (told->events >= told->fails_after)
        return TG_ERR_MEMORY;
    if (told->events++ == 0)
        told->first = reason;
    told->counts[reason - TG_GAP_OVERSIZE] += count;
    return TG_OK;
}

/* As the upstream does. */
static void lose(struct tg_loss *loss, struct told *told, enum tg_gap_reason reason, uint64_t now_ms)
{
    tg_loss_add(loss, reason, 1);
    if (tg_loss_is_due(loss, now_ms))
        (void)tg_loss_tell(loss, now_ms, tell, told);
}

static void nothing_lost_is_nothing_told(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = SIZE_MAX };

    (void)state;
    assert_false(tg_loss_is_due(&loss, 0));
    tg_loss_add(&loss, TG_GAP_MEMORY, 0);
    assert_false(tg_loss_is_due(&loss, 5));
    assert_int_equal(tg_loss_tell(&loss, 5, tell, &told), TG_OK);
    assert_int_equal(told.events, 0);
}

static void the_first_loss_is_told_at_once(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = SIZE_MAX };

    (void)state;
    lose(&loss, &told, TG_GAP_ENCODING, 7);
    assert_int_equal(told.events, 1);
    assert_int_equal(told.first, TG_GAP_ENCODING);
    assert_false(loss.is_pending);
}

static void further_losses_wait_for_an_event(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = SIZE_MAX };

    (void)state;
    for (int i = 0; i < 100000; i++)
        lose(&loss, &told, TG_GAP_OVERSIZE, 1000);
    assert_int_equal(told.events, 1);
    assert_int_equal(tg_loss_tell(&loss, 1000, tell, &told), TG_OK);
    tg_loss_on_event(&loss);
    assert_int_equal(told.events, 2);
    assert_int_equal(told.counts[0], 100000);
}

/* A day of nothing else. */
static void losses_without_an_event_are_told_ever_more_rarely(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = SIZE_MAX };
    uint64_t lost = 0;

    (void)state;
    for (uint64_t now_ms = 1; now_ms < 86400000; now_ms += 100, lost++)
        lose(&loss, &told, TG_GAP_OVERSIZE, now_ms);
    assert_in_range(told.events, 12, 40);
    assert_true(told.counts[0] <= lost && told.counts[0] > lost / 2);
    tg_loss_tell(&loss, 86400000, tell, &told);
    assert_int_equal(told.counts[0], lost);
}

/* However events and losses alternate: one gap event before each event at most, and one a second besides. */
static void gap_events_are_bounded_by_events(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = SIZE_MAX };
    size_t events = 0;

    (void)state;
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t now_ms = 1 + i / 10;
        for (uint64_t j = 0; j <= i % 3; j++)
            lose(&loss, &told, TG_GAP_OVERSIZE, now_ms);
        tg_loss_tell(&loss, now_ms, tell, &told);
        tg_loss_on_event(&loss);
        events++;
    }
    assert_int_equal(told.counts[0], 60000);
    assert_true(told.events <= events + 4);
    lose(&loss, &told, TG_GAP_OVERSIZE, 4001);
    assert_int_equal(told.counts[0], 60001);
}

static void each_reason_is_told_by_itself(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = SIZE_MAX };

    (void)state;
    tg_loss_add(&loss, TG_GAP_MEMORY, 3);
    tg_loss_add(&loss, TG_GAP_OVERSIZE, 1);
    tg_loss_add(&loss, TG_GAP_ENCODING, 2);
    assert_int_equal(tg_loss_tell(&loss, 1, tell, &told), TG_OK);
    assert_int_equal(told.events, 3);
    assert_int_equal(told.counts[0], 1);
    assert_int_equal(told.counts[1], 2);
    assert_int_equal(told.counts[2], 3);
}

static void what_cannot_be_told_is_kept(void **state)
{
    struct tg_loss loss = { 0 };
    struct told told = { .fails_after = 1 };

    (void)state;
    tg_loss_add(&loss, TG_GAP_OVERSIZE, 1);
    tg_loss_add(&loss, TG_GAP_MEMORY, 2);
    assert_int_equal(tg_loss_tell(&loss, 10, tell, &told), TG_ERR_MEMORY);
    assert_true(loss.is_pending);
    assert_false(tg_loss_is_due(&loss, 11)); /* not with each further message */
    assert_true(tg_loss_is_due(&loss, 1010));
    tg_loss_add(&loss, TG_GAP_MEMORY, 1);
    told.fails_after = SIZE_MAX;
    assert_int_equal(tg_loss_tell(&loss, 1010, tell, &told), TG_OK);
    assert_int_equal(told.counts[0], 1);
    assert_int_equal(told.counts[2], 3);
    assert_false(loss.is_pending);
}

static void shared_losses_are_taken_in_once_by_each(void **state)
{
    struct tg_loss_total total = { 0 }, known = { 0 }, known_later;
    struct tg_loss loss = { 0 }, later = { 0 };

    (void)state;
    tg_loss_total_add(&total, TG_GAP_ENCODING, 2);
    known_later = total;
    tg_loss_take_in(&loss, &known, &total);
    tg_loss_take_in(&loss, &known, &total);
    assert_int_equal(loss.counts[1], 2);
    tg_loss_take_in(&later, &known_later, &total);
    assert_false(later.is_pending);
    tg_loss_total_add(&total, TG_GAP_OVERSIZE, 1);
    tg_loss_take_in(&later, &known_later, &total);
    tg_loss_take_in(&loss, &known, &total);
    assert_int_equal(later.counts[0], 1);
    assert_int_equal(later.counts[1], 0);
    assert_int_equal(loss.counts[0], 1);
    assert_int_equal(loss.counts[1], 2);
}

static void the_data_is_that_of_other_gaps(void **state)
{
    struct tg_buffer data = { 0 };

    (void)state;
    assert_int_equal(tg_loss_write(&data, TG_GAP_OVERSIZE, 3, "abc-7"), TG_OK);
    assert_string_equal(data.data,
                        "{\"reason\":\"oversize\",\"missed\":3,\"after\":\"abc-7\",\"before\":null}");
    tg_buffer_clear(&data);
    assert_int_equal(tg_loss_write(&data, TG_GAP_ENCODING, 1, ""), TG_OK);
    assert_string_equal(data.data, "{\"reason\":\"encoding\",\"missed\":1,\"after\":null,\"before\":null}");
    assert_string_equal(tg_gap_reason_text(TG_GAP_MEMORY), "memory");
    tg_buffer_deinit(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lost_is_nothing_told),
        cmocka_unit_test(the_first_loss_is_told_at_once),
        cmocka_unit_test(further_losses_wait_for_an_event),
        cmocka_unit_test(losses_without_an_event_are_told_ever_more_rarely),
        cmocka_unit_test(gap_events_are_bounded_by_events),
        cmocka_unit_test(each_reason_is_told_by_itself),
        cmocka_unit_test(what_cannot_be_told_is_kept),
        cmocka_unit_test(shared_losses_are_taken_in_once_by_each),
        cmocka_unit_test(the_data_is_that_of_other_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
