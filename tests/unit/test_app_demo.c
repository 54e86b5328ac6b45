/* The demo's market, its orders' queries, and the files of web/. */
#include "app/demo_controls.h"
#include "app/demo_quotes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void quotes_are_numbered_and_the_last_are_kept(void **state)
{
    (void)state;
    struct tg_demo_market *market = tg_alloc(sizeof(*market));
    tg_demo_market_init(market);
    assert_null(tg_demo_market_find(market, 0));
    assert_null(tg_demo_market_find(market, 1));
    for (unsigned i = 0; i < TG_DEMO_QUOTES_KEPT + 5; i++)
        tg_demo_market_step(market);
    assert_int_equal(market->last_seq, TG_DEMO_QUOTES_KEPT + 5);
    assert_null(tg_demo_market_find(market, 5));
    assert_int_equal(tg_demo_market_find(market, 6)->seq, 6);
    assert_null(tg_demo_market_find(market, market->last_seq + 1));
    free(market);
}

static void rates_stay_near_home(void **state)
{
    (void)state;
    struct tg_demo_market *market = tg_alloc(sizeof(*market));
    tg_demo_market_init(market);
    for (unsigned i = 0; i < 200000; i++) {
        tg_demo_market_step(market);
        const struct tg_demo_quote *quote = tg_demo_market_find(market, market->last_seq);
        assert_in_range(quote->price_cents, 5000, 17000);
    }
    free(market);
}

static void a_quote_is_json_with_its_number(void **state)
{
    (void)state;
    struct tg_demo_quote quote = { .seq = 42, .symbol = 0, .price_cents = 9905, .change_cents = -5 };
    struct tg_buffer out = { 0 };
    tg_demo_quote_append(&out, &quote);
    json_t *json = json_loads(out.data, 0, NULL);
    assert_non_null(json);
    const json_t *payload = json_object_get(json, "payload");
    assert_string_equal(json_string_value(json_object_get(json, "type")), "quote");
    assert_int_equal(json_integer_value(json_object_get(payload, "trade")), 42);
    assert_true(json_number_value(json_object_get(payload, "price")) == 99.05);
    assert_true(json_number_value(json_object_get(payload, "change")) == -0.05);
    json_decref(json);
    tg_buffer_deinit(&out);
}

static void query_numbers_are_taken_within_their_range(void **state)
{
    (void)state;
    assert_int_equal(tg_demo_query_number(TG_STR("a=1&seconds=7"), "seconds", 10, 120), 7);
    assert_int_equal(tg_demo_query_number(TG_STR("seconds=0"), "seconds", 10, 120), 10);
    assert_int_equal(tg_demo_query_number(TG_STR("seconds=121"), "seconds", 10, 120), 10);
    assert_int_equal(tg_demo_query_number(TG_STR("seconds=99999999999999999999999"), "seconds", 10, 120), 10);
    assert_int_equal(tg_demo_query_number(TG_STR("seconds=1x"), "seconds", 10, 120), 10);
    assert_int_equal(tg_demo_query_number(TG_STR("seconds="), "seconds", 10, 120), 10);
    assert_int_equal(tg_demo_query_number(TG_STR(""), "seconds", 10, 120), 10);
}

static void the_pages_are_compiled_in(void **state)
{
    (void)state;
    static const char *const names[] = { "index.html", "style.css", "demo.js", "gauge.js", "favicon.svg" };
    for (size_t i = 0; i < TG_COUNT_OF(names); i++)
        assert_true(tg_web_file(names[i]).length > 0);
    assert_int_equal(strncmp(tg_web_file("index.html").data, "<!doctype html>", 15), 0);
    assert_int_equal(tg_web_file("nothing").length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_are_numbered_and_the_last_are_kept),
        cmocka_unit_test(rates_stay_near_home),
        cmocka_unit_test(a_quote_is_json_with_its_number),
        cmocka_unit_test(query_numbers_are_taken_within_their_range),
        cmocka_unit_test(the_pages_are_compiled_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
