/* Health: pings, keepalives, and when a connection is given up. */
#include "upstream/health.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct tg_health start(struct tg_config_upstream config)
{
    struct tg_health health;

    tg_health_start(&health, &config, 1000);
    return health;
}

#define CONFIG(...) ((struct tg_config_upstream){ __VA_ARGS__ })

static void with_everything_off_nothing_is_due(void **state)
{
    struct tg_health health = start(CONFIG(.pong_timeout_ms = 10));

    (void)state;
    assert_int_equal(tg_health_next_ms(&health), 0);
    assert_int_equal(tg_health_poll(&health, UINT64_MAX / 2), TG_HEALTH_NONE);
}

static void silence_after_a_ping_is_death(void **state)
{
    struct tg_health health = start(CONFIG(.ping_every_ms = 100, .pong_timeout_ms = 50));

    (void)state;
    assert_int_equal(tg_health_next_ms(&health), 1100);
    assert_int_equal(tg_health_poll(&health, 1099), TG_HEALTH_NONE);
    assert_int_equal(tg_health_poll(&health, 1100), TG_HEALTH_PING);
    assert_int_equal(tg_health_next_ms(&health), 1150);
    assert_int_equal(tg_health_poll(&health, 1149), TG_HEALTH_NONE);
    assert_int_equal(tg_health_poll(&health, 1150), TG_HEALTH_DEAD);
}

static void anything_heard_is_life(void **state)
{
    struct tg_health health = start(CONFIG(.ping_every_ms = 100, .pong_timeout_ms = 50));

    (void)state;
    assert_int_equal(tg_health_poll(&health, 1100), TG_HEALTH_PING);
    tg_health_on_heard(&health, 1120);
    assert_int_equal(tg_health_poll(&health, 1150), TG_HEALTH_NONE);
    assert_int_equal(tg_health_next_ms(&health), 1200);
    assert_int_equal(tg_health_poll(&health, 1200), TG_HEALTH_PING);
    tg_health_on_message(&health, 1210);
    assert_int_equal(tg_health_poll(&health, 1260), TG_HEALTH_NONE);
}

static void pings_faster_than_the_timeout_do_not_put_death_off(void **state)
{
    struct tg_health health = start(CONFIG(.ping_every_ms = 100, .pong_timeout_ms = 250));

    (void)state;
    assert_int_equal(tg_health_poll(&health, 1100), TG_HEALTH_PING);
    assert_int_equal(tg_health_poll(&health, 1200), TG_HEALTH_PING);
    assert_int_equal(tg_health_poll(&health, 1300), TG_HEALTH_PING);
    assert_int_equal(tg_health_poll(&health, 1350), TG_HEALTH_DEAD);
}

static void without_a_message_it_is_idle(void **state)
{
    struct tg_health health = start(CONFIG(.idle_timeout_ms = 500));

    (void)state;
    tg_health_on_heard(&health, 1400);
    assert_int_equal(tg_health_next_ms(&health), 1500);
    tg_health_on_message(&health, 1400);
    assert_int_equal(tg_health_poll(&health, 1500), TG_HEALTH_NONE);
    assert_int_equal(tg_health_next_ms(&health), 1900);
    assert_int_equal(tg_health_poll(&health, 1900), TG_HEALTH_IDLE);
}

static void without_pings_any_sign_of_life_counts(void **state)
{
    static const enum tg_config_upstream_kind kinds[] = { TG_UPSTREAM_SSE, TG_UPSTREAM_NDJSON,
                                                          TG_UPSTREAM_POLL };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(kinds); i++) {
        struct tg_health health = start(CONFIG(.kind = kinds[i], .idle_timeout_ms = 500));
        tg_health_on_heard(&health, 1400);
        assert_int_equal(tg_health_poll(&health, 1899), TG_HEALTH_NONE);
        tg_health_on_message(&health, 1899);
        assert_int_equal(tg_health_next_ms(&health), 2399);
        assert_int_equal(tg_health_poll(&health, 2399), TG_HEALTH_IDLE);
    }
}

static void only_websocket_has_pings_and_keepalives(void **state)
{
    struct tg_health health =
        start(CONFIG(.kind = TG_UPSTREAM_SSE, .ping_every_ms = 100, .pong_timeout_ms = 50,
                     .keepalive_every_ms = 100, .keepalive_message = { .is_set = true }));

    (void)state;
    assert_int_equal(tg_health_next_ms(&health), 0);
    assert_int_equal(tg_health_poll(&health, UINT64_MAX / 2), TG_HEALTH_NONE);
}

static void keepalives_need_a_message(void **state)
{
    struct tg_health none = start(CONFIG(.keepalive_every_ms = 100));
    struct tg_health health =
        start(CONFIG(.keepalive_every_ms = 100, .keepalive_message = { .is_set = true }));

    (void)state;
    assert_int_equal(tg_health_next_ms(&none), 0);
    assert_int_equal(tg_health_poll(&health, 1100), TG_HEALTH_KEEPALIVE);
    assert_int_equal(tg_health_poll(&health, 1100), TG_HEALTH_NONE);
    assert_int_equal(tg_health_poll(&health, 1200), TG_HEALTH_KEEPALIVE);
}

static void a_worker_that_slept_sends_one_ping_not_many(void **state)
{
    struct tg_health health = start(CONFIG(.ping_every_ms = 100, .pong_timeout_ms = 50));

    (void)state;
    assert_int_equal(tg_health_poll(&health, 9000), TG_HEALTH_PING);
    assert_int_equal(tg_health_poll(&health, 9000), TG_HEALTH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_everything_off_nothing_is_due),
        cmocka_unit_test(silence_after_a_ping_is_death),
        cmocka_unit_test(anything_heard_is_life),
        cmocka_unit_test(pings_faster_than_the_timeout_do_not_put_death_off),
        cmocka_unit_test(without_a_message_it_is_idle),
        cmocka_unit_test(without_pings_any_sign_of_life_counts),
        cmocka_unit_test(only_websocket_has_pings_and_keepalives),
        cmocka_unit_test(keepalives_need_a_message),
        cmocka_unit_test(a_worker_that_slept_sends_one_ping_not_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
