/* Links that ask again and again, each time from where the last answer ended. */
#include "poll_fixture.h"

static void a_cursor_goes_into_the_query(void **state)
{
    (void)state;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    start();
    expect_request("GET /feed");
    answer(HEAD(.status = 200), "{\"n\":\"a b\"}");
    expect_next("GET /feed?since=a%20b");
    answer(HEAD(.status = 200), "{\"m\":1}");
    expect_next("GET /feed?since=a%20b"); /* there is none: the old one stays */
    answer(HEAD(.status = 200), "{\"n\":1.0}");
    expect_next("GET /feed?since=1.0");
    answer(HEAD(.status = 204), "");
    expect_next("GET /feed?since=1.0");
}

/* Telegram's getUpdates wants the number after the last one. */
static void the_last_element_and_one_more_is_a_cursor(void **state)
{
    (void)state;
    config.max_message_bytes = 100;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/result/-/update_id",
                                               .add = 1,
                                               .query = (char *)"offset" };
    start();
    answer(HEAD(.status = 200), "{\"ok\":true,\"result\":[]}");
    expect_next("GET /feed");
    answer(HEAD(.status = 200), "{\"ok\":true,\"result\":[{\"update_id\":7},{\"update_id\":8}]}");
    expect_next("GET /feed?offset=9");
    answer(HEAD(.status = 200), "{\"ok\":true,\"result\":[]}");
    expect_next("GET /feed?offset=9");
    assert_null(strstr(seen.data, "no_cursor"));
}

static void a_missing_cursor_is_told_each_time(void **state)
{
    (void)state;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    start();
    answer(HEAD(.status = 200), "{\"m\":1}");
    expect_told("open;message(||{\"m\":1});no_cursor(nothing);");
    expect_next("GET /feed");
    answer(HEAD(.status = 200), "{\"m\":1}");
    expect_told("heard;no_cursor(nothing);");
    expect_next("GET /feed");
    answer(HEAD(.status = 200), "{\"n\":[]}");
    expect_told("message(||{\"n\":[]});no_cursor(no string or number);");
    expect_next("GET /feed");
    answer(HEAD(.status = 200), "{\"n\":null}");
    expect_told("message(||{\"n\":null});");
    expect_next("GET /feed");
    answer(HEAD(.status = 200), "{\"n\":5}");
    expect_next("GET /feed?since=5");
    answer(HEAD(.status = 204), "");
    expect_told("message(||{\"n\":5});heard;");
}

static void it_may_be_closed_when_a_cursor_is_missing(void **state)
{
    (void)state;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    close_within = "no_cursor";
    start();
    answer(HEAD(.status = 200), "{\"m\":1}");
    assert_null(under_test);
    close_within = "heard"; /* the same body again: no further call */
    start();
    answer(HEAD(.status = 200), "{\"m\":1}");
    assert_null(under_test);
    close_within = "message";
    start();
    answer(HEAD(.status = 200), "{\"m\":2}");
    expect_told("open;message(||{\"m\":1});no_cursor(nothing);open;heard;open;message(||{\"m\":2});");
    assert_null(timers);
}

static void the_first_request_has_the_initial_cursor(void **state)
{
    (void)state;
    config.cursor =
        (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since", .initial = (char *)"0" };
    start();
    expect_request("GET /feed?since=0");
    answer(HEAD(.status = 200), "{\"n\":5}");
    expect_next("GET /feed?since=5");
    end_with(TG_REASON_CLOSED, "");
    start();
    expect_request("GET /feed?since=5"); /* the next link, too, goes on from there */
}

static void a_cursor_goes_into_the_body(void **state)
{
    (void)state;
    config.method = TG_CONFIG_POST;
    config.body = (struct tg_config_message){ .is_set = true, .bytes = (char *)"{\"a\":1}", .length = 7 };
    config.cursor =
        (struct tg_config_cursor){ .from = (char *)"/n", .body = (char *)"/since", .initial = (char *)"0" };
    start();
    expect_request("POST /feed|application/json|{\"since\":\"0\",\"a\":1}");
    answer(HEAD(.status = 200), "{\"n\":1.50}");
    expect_next("POST /feed|application/json|{\"since\":1.50,\"a\":1}");
    answer(HEAD(.status = 200), "{\"n\":\"x\"}");
    expect_next("POST /feed|application/json|{\"since\":\"x\",\"a\":1}");
}

static void validators_belong_to_one_cursor(void **state)
{
    (void)state;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    start();
    answer(HEAD(.status = 200, .etag = TG_STR("\"1\"")), "{\"n\":5}");
    expect_next("GET /feed?since=5");
    answer(HEAD(.status = 200, .etag = TG_STR("\"2\"")), "{\"n\":5, \"m\":6}");
    expect_next("GET /feed?since=5|If-None-Match: \"2\"");
}

static void the_cursor_moves_only_after_the_message(void **state)
{
    (void)state;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    start();
    give_head(HEAD(.status = 200));
    give_text("{\"n\":5}");
    assert_int_equal(progress.cursor.length, 0);
    end_with(TG_REASON_CLOSED, "cut");
    assert_int_equal(progress.cursor.length, 0);
}

static void expect_no_progress(void)
{
    assert_false(progress.has_digest);
    assert_int_equal(progress.cursor.length + progress.etag.length, 0);
}

static void progress_comes_after_the_message(void **state)
{
    (void)state;
    within_message = expect_no_progress;
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    start();
    answer(HEAD(.status = 200, .etag = TG_STR("\"1\"")), "{\"n\":5}");
    assert_true(progress.has_digest);
    assert_string_equal(progress.cursor.data, "5");
}

static void a_cursor_that_fits_no_query_ends_it(void **state)
{
    static char long_one[8100];

    (void)state;
    memset(long_one, 'x', sizeof(long_one) - 1);
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    tg_buffer_append_str(&progress.cursor, long_one);
    start();
    assert_int_equal(exchange_count, 0);
    pass_time();
    expect_told("end(protocol 0 0 a cursor that is too long for a query);");
}

/* Else nobody would ever ask the backend again, which may have mended it. */
static void a_cursor_that_fits_no_query_is_not_taken(void **state)
{
    static char text[8200];

    (void)state;
    config.max_message_bytes = sizeof(text);
    config.cursor = (struct tg_config_cursor){ .from = (char *)"/n", .query = (char *)"since" };
    tg_buffer_append_str(&progress.cursor, "5");
    memset(text, 'x', 8100);
    memcpy(text, "{\"n\":\"", strlen("{\"n\":\""));
    strcpy(text + 8100, "\"}");
    start();
    answer(HEAD(.status = 200), text);
    assert_non_null(strstr(seen.data, "message("));
    assert_non_null(strstr(seen.data, "end(protocol 0 0 a cursor that is too long for a query);"));
    start();
    expect_request("GET /feed?since=5");
    answer(HEAD(.status = 200), "{\"n\":6}");
    expect_next("GET /feed?since=6");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, forget_progress)
    const struct CMUnitTest tests[] = {
        TEST(a_cursor_goes_into_the_query),
        TEST(the_last_element_and_one_more_is_a_cursor),
        TEST(a_missing_cursor_is_told_each_time),
        TEST(it_may_be_closed_when_a_cursor_is_missing),
        TEST(the_first_request_has_the_initial_cursor),
        TEST(a_cursor_goes_into_the_body),
        TEST(validators_belong_to_one_cursor),
        TEST(the_cursor_moves_only_after_the_message),
        TEST(progress_comes_after_the_message),
        TEST(a_cursor_that_fits_no_query_ends_it),
        TEST(a_cursor_that_fits_no_query_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
