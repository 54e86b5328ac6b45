/* Families: their figures, and the memory that ten thousand members take. */
#include "family_fixture.h"

#include <malloc.h>
#include <stdio.h>

static struct tg_stream *join_number(struct fixture *f, int number)
{
    char key[16];

    snprintf(key, sizeof key, "%d", number);
    return must_join(f, key);
}

static void figures_are_sums_over_the_members(void **state)
{
    enum { MEMBERS = 300 };
    const struct tg_event event = { .data = { "x", 1 } };
    struct tg_stream *streams[MEMBERS];
    struct tg_stream_stats one;
    struct tg_family_stats stats;
    struct fixture f;
    (void)state;

    begin(&f, "orders", MEMBERS);
    tg_family_get_stats(f.family, &stats);
    assert_int_equal(stats.members, 0);
    for (int i = 0; i < MEMBERS; i++) {
        streams[i] = join_number(&f, i);
        tg_stream_append(streams[i], &event, 1);
    }
    tg_stream_get_stats(streams[0], &one);
    tg_family_get_stats(f.family, &stats);
    assert_int_equal(stats.members, MEMBERS);
    assert_int_equal(stats.opened, MEMBERS);
    assert_int_equal(stats.closed, 0);
    assert_int_equal(stats.events, MEMBERS);
    assert_int_equal(stats.bytes, MEMBERS * one.bytes);
    assert_int_equal(stats.retained_events, MEMBERS);
    assert_int_equal(stats.retained_bytes, MEMBERS * one.retained_bytes);
    assert_int_equal(stats.memory_bytes, MEMBERS * one.memory_bytes);
    assert_int_equal(stats.subscribers, MEMBERS);
    for (int i = 0; i < MEMBERS; i++)
        tg_family_leave(f.family, streams[i]);
    sweep_after(&f, LINGER_MS);
    tg_family_get_stats(f.family, &stats);
    assert_int_equal(stats.members, 0);
    assert_int_equal(stats.closed, MEMBERS);
    assert_int_equal(stats.bytes, 0);
    end(&f);
}

/* ---- memory ----------------------------------------------------------------------------------- */

__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t heap_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void join_many(struct fixture *f, int first, int count)
{
    for (int i = first; i < first + count; i++)
        tg_family_leave(f->family, join_number(f, i));
}

static void a_member_without_events_takes_little_memory(void **state)
{
    enum { MEMBERS = 10000 };
    struct fixture f;
    (void)state;

    begin(&f, "orders", MEMBERS);
    size_t before = heap_bytes();
    join_many(&f, 0, MEMBERS);
    assert_int_equal(members_of(&f), MEMBERS);
    assert_in_range(heap_bytes() - before, MEMBERS * 100, MEMBERS * 1200);
    end(&f);
}

static void members_that_come_and_go_leave_nothing_behind(void **state)
{
    enum { MEMBERS = 1000, ROUNDS = 10 };
    struct fixture f;
    (void)state;

    begin(&f, "orders", MEMBERS);
    size_t after_first = 0;
    for (int round = 0; round < ROUNDS; round++) {
        join_many(&f, round * MEMBERS, MEMBERS);
        sweep_after(&f, LINGER_MS);
        assert_int_equal(members_of(&f), 0);
        if (round == 0)
            after_first = heap_bytes();
    }
    assert_int_equal(f.closed, MEMBERS * ROUNDS);
    assert_true(heap_bytes() <= after_first + 100 * 1024); /* one round's members take ten times that */
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_sums_over_the_members),
        cmocka_unit_test(a_member_without_events_takes_little_memory),
        cmocka_unit_test(members_that_come_and_go_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
