/* What has been seen: the last so many keys, against a plain list of them. */
#include "translate/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tg_seen_key key_of(struct tg_seen *seen, uint64_t number)
{
    struct tg_seen_key key;
    struct tg_str bytes = { (const char *)&number, sizeof(number) };

    assert_true(tg_seen_make_key(seen, bytes, TG_STR(""), &key));
    return key;
}

static bool has(struct tg_seen *seen, uint64_t number)
{
    struct tg_seen_key key = key_of(seen, number);
    return tg_seen_has(seen, &key);
}

static void add(struct tg_seen *seen, uint64_t number)
{
    struct tg_seen_key key = key_of(seen, number);
    tg_seen_add(seen, &key);
}

static void what_was_added_is_seen(void **state)
{
    struct tg_seen *seen = tg_seen_new(10);

    (void)state;
    assert_false(has(seen, 1));
    add(seen, 1);
    assert_true(has(seen, 1));
    assert_false(has(seen, 2));
    tg_seen_free(seen);
}

static void the_oldest_is_forgotten_first(void **state)
{
    struct tg_seen *seen = tg_seen_new(3);

    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        add(seen, i);
    assert_false(has(seen, 1));
    assert_true(has(seen, 2) && has(seen, 3) && has(seen, 4));
    add(seen, 1);
    assert_false(has(seen, 2));
    assert_true(has(seen, 1) && has(seen, 3) && has(seen, 4));
    tg_seen_free(seen);
}

static void one_can_be_remembered_and_none(void **state)
{
    struct tg_seen *one = tg_seen_new(1), *none = tg_seen_new(0);

    (void)state;
    for (uint64_t i = 1; i < 10; i++) {
        add(one, i);
        add(none, i);
        assert_true(has(one, i));
        assert_false(has(one, i - 1));
        assert_false(has(none, i));
    }
    tg_seen_free(one);
    tg_seen_free(none);
    tg_seen_free(NULL);
}

/* Exactly the last so many, while it grows and long after. */
static void it_remembers_exactly_the_last(void **state)
{
    static const size_t sizes[] = { 2, 63, 64, 65, 100, 1000 };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(sizes); i++) {
        struct tg_seen *seen = tg_seen_new(sizes[i]);
        for (uint64_t next = 0; next < 5 * sizes[i]; next++) {
            assert_false(has(seen, next));
            add(seen, next);
            uint64_t oldest = next >= sizes[i] ? next - sizes[i] + 1 : 0;
            assert_true(has(seen, oldest));
            assert_true(has(seen, oldest + (next - oldest) / 2));
            assert_true(oldest == 0 || !has(seen, oldest - 1));
        }
        for (uint64_t number = 0; number < 5 * sizes[i]; number++)
            assert_int_equal(has(seen, number), number >= 4 * sizes[i]);
        tg_seen_free(seen);
    }
}

/* Keys that all want the same few places in the table: what is removed must not hide what stays. */
static void crowded_places_lose_nothing(void **state)
{
    enum { REMEMBER = 60, ROUNDS = 2000 };
    struct tg_seen *seen = tg_seen_new(REMEMBER);

    (void)state;
    for (uint64_t next = 0; next < ROUNDS; next++) {
        /* The table has 128 places; these want the last two and the first two. */
        struct tg_seen_key key = { { (next * 7 % 4 + 126) % 128, next } };
        assert_false(tg_seen_has(seen, &key));
        tg_seen_add(seen, &key);
        for (uint64_t back = 0; back <= next && back < REMEMBER + 2; back++) {
            uint64_t number = next - back;
            struct tg_seen_key old = { { (number * 7 % 4 + 126) % 128, number } };
            assert_int_equal(tg_seen_has(seen, &old), back < REMEMBER);
        }
    }
    tg_seen_free(seen);
}

static void parts_of_a_key_are_told_apart(void **state)
{
    struct tg_seen *seen = tg_seen_new(10);
    struct tg_seen_key a, b, c;

    (void)state;
    assert_true(tg_seen_make_key(seen, TG_STR("ab"), TG_STR("c"), &a));
    assert_true(tg_seen_make_key(seen, TG_STR("a"), TG_STR("bc"), &b));
    assert_true(tg_seen_make_key(seen, TG_STR("ab"), TG_STR("c"), &c));
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_memory_equal(&a, &c, sizeof(a));
    tg_seen_free(seen);
}

static void keys_differ_from_one_memory_to_the_next(void **state)
{
    struct tg_seen *one = tg_seen_new(10), *other = tg_seen_new(10);
    struct tg_seen_key a, b;

    (void)state;
    assert_true(tg_seen_make_key(one, TG_STR("a"), TG_STR(""), &a));
    assert_true(tg_seen_make_key(other, TG_STR("a"), TG_STR(""), &b));
    assert_memory_not_equal(&a, &b, sizeof(a));
    tg_seen_free(one);
    tg_seen_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_seen),
        cmocka_unit_test(the_oldest_is_forgotten_first),
        cmocka_unit_test(one_can_be_remembered_and_none),
        cmocka_unit_test(it_remembers_exactly_the_last),
        cmocka_unit_test(crowded_places_lose_nothing),
        cmocka_unit_test(parts_of_a_key_are_told_apart),
        cmocka_unit_test(keys_differ_from_one_memory_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
