/* Unit tests: counts of connections, and the wheel of deadlines. */
#include "downstream/limits.h"
#include "downstream/wheel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tg_address *take(struct tg_addresses *addresses, const char *text, enum tg_err result)
{
    struct sockaddr_storage peer = { 0 };
    struct sockaddr_in *in = (struct sockaddr_in *)&peer;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&peer;
    struct tg_address *address = NULL;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
    } else {
        in6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    }
    assert_int_equal(tg_addresses_take(addresses, (struct sockaddr *)&peer, &address), result);
    return address;
}

static void each_address_has_its_own_count(void **state)
{
    (void)state;
    struct tg_addresses *addresses = tg_addresses_new(2);
    struct tg_address *first = take(addresses, "10.0.0.1", TG_OK);
    struct tg_address *second = take(addresses, "10.0.0.1", TG_OK);
    take(addresses, "10.0.0.1", TG_ERR_LIMIT);
    tg_addresses_give(addresses, take(addresses, "10.0.0.2", TG_OK));
    tg_addresses_give(addresses, first);
    first = take(addresses, "10.0.0.1", TG_OK);
    tg_addresses_give(addresses, first);
    tg_addresses_give(addresses, second);
    tg_addresses_free(addresses);
}

static void ipv6_counts_by_network_and_mapped_addresses_as_ipv4(void **state)
{
    (void)state;
    struct tg_addresses *addresses = tg_addresses_new(1);
    take(addresses, "2001:db8:0:1::1", TG_OK);
    take(addresses, "2001:db8:0:1:2::2", TG_ERR_LIMIT);
    take(addresses, "2001:db8:0:2::1", TG_OK);
    take(addresses, "10.0.0.1", TG_OK);
    take(addresses, "::ffff:10.0.0.1", TG_ERR_LIMIT);
    tg_addresses_free(addresses);
}

static void without_a_limit_nothing_is_counted(void **state)
{
    (void)state;
    struct tg_addresses *addresses = tg_addresses_new(0);
    assert_null(take(addresses, "10.0.0.1", TG_OK));
    tg_addresses_give(addresses, NULL);
    tg_addresses_free(addresses);
}

static void over_the_limit_some_are_let_in_to_be_refused(void **state)
{
    (void)state;
    struct tg_admissions admissions = { .limit = 2 };
    assert_int_equal(tg_admissions_take(&admissions, false), TG_ADMITTED);
    assert_int_equal(tg_admissions_take(&admissions, false), TG_ADMITTED);
    for (int i = 0; i < TG_REFUSALS_MAX; i++)
        assert_int_equal(tg_admissions_take(&admissions, i % 2 == 0), TG_REFUSED);
    assert_int_equal(tg_admissions_take(&admissions, false), TG_TURNED_AWAY);
    tg_admissions_give(&admissions, TG_ADMITTED);
    assert_int_equal(tg_admissions_take(&admissions, true), TG_TURNED_AWAY);
    assert_int_equal(tg_admissions_take(&admissions, false), TG_ADMITTED);
    tg_admissions_give(&admissions, TG_REFUSED);
    assert_int_equal(tg_admissions_take(&admissions, false), TG_REFUSED);
}

/* ---- wheel -------------------------------------------------------------------------------------------- */

struct probe {
    struct tg_wheel_entry entry;
    uint32_t calls, last_call, next_due;
};

struct clock {
    struct tg_wheel wheel;
    struct probe *probes;
};

static uint32_t on_due(void *arg, struct tg_wheel_entry *entry)
{
    struct clock *clock = arg;
    struct probe *probe = TG_CONTAINER_OF(entry, struct probe, entry);
    probe->calls++;
    probe->last_call = clock->wheel.now;
    return probe->next_due;
}

static void upstreams_of_members_get_their_share_of_descriptors(void **state)
{
    (void)state;
    assert_int_equal(tg_limits_leave_room(1000, 0), 1000);
    assert_int_equal(tg_limits_leave_room(1000, 300), 700);
    assert_int_equal(tg_limits_leave_room(1000, 10000), 500);
}

static void entries_come_up_in_their_second(void **state)
{
    (void)state;
    struct clock clock = { 0 };
    struct probe probe = { 0 };
    tg_wheel_add(&clock.wheel, &probe.entry, 15);
    for (uint32_t now = 1; now <= 30; now++)
        tg_wheel_turn(&clock.wheel, now, on_due, &clock);
    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.last_call, 15);
    assert_int_equal(probe.entry.slot, TG_WHEEL_SLOTS);
}

static void moved_deadlines_are_put_in_again(void **state)
{
    (void)state;
    struct clock clock = { 0 };
    struct probe probe = { .next_due = 25 };
    tg_wheel_add(&clock.wheel, &probe.entry, 15);
    tg_wheel_turn(&clock.wheel, 20, on_due, &clock);
    assert_int_equal(probe.calls, 1);
    tg_wheel_turn(&clock.wheel, 24, on_due, &clock);
    assert_int_equal(probe.calls, 1);
    probe.next_due = 0;
    tg_wheel_turn(&clock.wheel, 25, on_due, &clock);
    assert_int_equal(probe.calls, 2);
}

static void far_deadlines_are_looked_at_on_the_way(void **state)
{
    (void)state;
    struct clock clock = { 0 };
    struct probe probe = { .next_due = 200 };
    tg_wheel_add(&clock.wheel, &probe.entry, 200);
    tg_wheel_turn(&clock.wheel, 63, on_due, &clock);
    assert_int_equal(probe.calls, 1);
    probe.next_due = 0;
    tg_wheel_turn(&clock.wheel, 126, on_due, &clock);
    assert_int_equal(probe.last_call, 126);
}

static void removed_entries_do_not_come_up(void **state)
{
    (void)state;
    struct clock clock = { 0 };
    struct probe probes[3] = { 0 };
    for (size_t i = 0; i < TG_COUNT_OF(probes); i++)
        tg_wheel_add(&clock.wheel, &probes[i].entry, 5);
    tg_wheel_remove(&clock.wheel, &probes[1].entry);
    tg_wheel_remove(&clock.wheel, &probes[1].entry);
    tg_wheel_turn(&clock.wheel, 10, on_due, &clock);
    assert_int_equal(probes[0].calls, 1);
    assert_int_equal(probes[1].calls, 0);
    assert_int_equal(probes[2].calls, 1);
}

static void the_wheel_survives_a_long_sleep_and_the_end_of_its_numbers(void **state)
{
    (void)state;
    struct clock clock = { .wheel = { .now = UINT32_MAX - 3 } };
    struct probe probe = { 0 };
    tg_wheel_add(&clock.wheel, &probe.entry, 5);
    tg_wheel_turn(&clock.wheel, 4, on_due, &clock);
    assert_int_equal(probe.calls, 0);
    tg_wheel_turn(&clock.wheel, 100000, on_due, &clock);
    assert_int_equal(probe.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_has_its_own_count),
        cmocka_unit_test(ipv6_counts_by_network_and_mapped_addresses_as_ipv4),
        cmocka_unit_test(without_a_limit_nothing_is_counted),
        cmocka_unit_test(over_the_limit_some_are_let_in_to_be_refused),
        cmocka_unit_test(upstreams_of_members_get_their_share_of_descriptors),
        cmocka_unit_test(entries_come_up_in_their_second),
        cmocka_unit_test(moved_deadlines_are_put_in_again),
        cmocka_unit_test(far_deadlines_are_looked_at_on_the_way),
        cmocka_unit_test(removed_entries_do_not_come_up),
        cmocka_unit_test(the_wheel_survives_a_long_sleep_and_the_end_of_its_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
