/* Links that ask again and again. */
#include "poll_fixture.h"

/* ---- asking ------------------------------------------------------------------------------------- */

static void it_asks_again_after_the_interval(void **state)
{
    (void)state;
    start();
    expect_request("GET /feed");
    assert_int_equal(exchange->head_timeout_ms, 7000);
    assert_int_equal(exchange->body_timeout_ms, 7000);
    fake_now_ms += 1234; /* the interval begins when the answer has ended */
    answer(TEXT, "a");
    assert_null(exchange);
    expect_next("GET /feed");
    answer(TEXT, "b");
    expect_told("open;message(||a);message(||b);");
}

static void it_opens_with_the_first_good_answer_once_it_is_complete(void **state)
{
    (void)state;
    start();
    give_head(TEXT);
    give_text("a");
    expect_told("");
    end_with(TG_REASON_NONE, "");
    expect_told("open;message(||a);");
}

static void parts_of_a_body_are_one_message(void **state)
{
    (void)state;
    start();
    give_head(TEXT);
    give_text("ab");
    give_text("c");
    give_text("d");
    end_with(TG_REASON_NONE, "");
    expect_told("open;message(||abcd);");
}

static void a_post_says_the_same_each_time(void **state)
{
    (void)state;
    config.method = TG_CONFIG_POST;
    config.body = (struct tg_config_message){ .is_set = true, .bytes = (char *)"[1]", .length = 3 };
    start();
    expect_request("POST /feed|application/json|[1]");
    answer(HEAD(.status = 200, .etag = TG_STR("\"x\""), .last_modified = TG_STR("then")), "a");
    expect_next("POST /feed|application/json|[1]"); /* no validators: they would mean something else here */
}

static void a_kept_connection_needs_no_turn(void **state)
{
    (void)state;
    is_gate_shut = true;
    start();
    had_to_connect = true; /* the first: the upstream has had its turn */
    answer(TEXT, "a");
    expect_next("GET /feed");
    had_to_connect = false;
    answer(TEXT, "b");
    expect_next("GET /feed");
    expect_told("open;message(||a);message(||b);");
}

static void a_backend_that_keeps_no_connection_is_asked_in_turn(void **state)
{
    (void)state;
    is_gate_shut = true;
    start();
    had_to_connect = true;
    answer(TEXT, "a");
    expect_next("GET /feed");
    answer(TEXT, "b");
    assert_int_equal(pass_time(), 5000);
    assert_null(exchange);
    assert_non_null(waiting_pass);
    struct tg_pass *pass = waiting_pass;
    waiting_pass = NULL;
    pass->on_turn(pass->arg);
    expect_request("GET /feed");
    had_to_connect = false; /* it keeps it now */
    answer(TEXT, "c");
    expect_next("GET /feed");
    expect_told("open;message(||a);message(||b);message(||c);");
}

static void a_link_that_is_closed_waits_for_no_turn(void **state)
{
    (void)state;
    is_gate_shut = had_to_connect = true;
    start();
    answer(TEXT, "a");
    pass_time();
    answer(TEXT, "b");
    pass_time();
    assert_non_null(waiting_pass);
    close_it();
    assert_null(waiting_pass);
}

static void without_memory_it_ends_later(void **state)
{
    (void)state;
    is_memory_out = true;
    start();
    assert_int_equal(pass_time(), 0);
    expect_told("end(connect 0 0 no memory for a request);");
}

/* ---- what is no news ---------------------------------------------------------------------------- */

static void an_answer_without_a_body_is_heard(void **state)
{
    static const unsigned statuses[] = { 200, 204, 205, 304 };

    (void)state;
    start();
    for (size_t i = 0; i < TG_COUNT_OF(statuses); i++) {
        answer(HEAD(.status = statuses[i]), "");
        assert_int_equal(pass_time(), 5000);
    }
    expect_told("open;heard;heard;heard;heard;");
}

static void the_same_body_again_is_heard(void **state)
{
    (void)state;
    start();
    answer(TEXT, "a");
    pass_time();
    answer(TEXT, "a");
    pass_time();
    answer(TEXT, "b");
    pass_time();
    answer(TEXT, "a");
    expect_told("open;message(||a);heard;message(||b);message(||a);");
}

static void also_on_the_next_link(void **state)
{
    (void)state;
    start();
    answer(TEXT, "a");
    close_it();
    start();
    answer(TEXT, "a");
    expect_told("open;message(||a);open;heard;");
}

static void validators_go_back(void **state)
{
    (void)state;
    start();
    answer(HEAD(.status = 200, .etag = TG_STR("\"1\""), .last_modified = TG_STR("then")), "a");
    expect_next("GET /feed|If-None-Match: \"1\"|If-Modified-Since: then");
    answer(HEAD(.status = 304), "");
    expect_next("GET /feed|If-None-Match: \"1\"|If-Modified-Since: then");
    answer(HEAD(.status = 200, .etag = TG_STR("W/\"2\"")), "b");
    expect_next("GET /feed|If-None-Match: W/\"2\"");
    answer(HEAD(.status = 200), "c");
    expect_next("GET /feed");
    expect_told("open;message(||a);heard;message(||b);message(||c);");
}

static void the_same_body_may_have_new_validators(void **state)
{
    (void)state;
    start();
    answer(HEAD(.status = 200, .etag = TG_STR("\"1\"")), "a");
    pass_time();
    answer(HEAD(.status = 200, .etag = TG_STR("\"2\"")), "a");
    expect_next("GET /feed|If-None-Match: \"2\"");
}

static void validators_count_only_with_the_message(void **state)
{
    (void)state;
    start();
    give_head(HEAD(.status = 200, .etag = TG_STR("\"1\"")));
    give_text("a");
    end_with(TG_REASON_CLOSED, "cut");
    expect_told("end(closed 0 0 cut);");
    start();
    expect_request("GET /feed");
}

/* ---- what ends it ------------------------------------------------------------------------------- */

static void another_status_ends_it(void **state)
{
    (void)state;
    start();
    answer(TEXT, "a");
    pass_time();
    answer(HEAD(.status = 503, .retry_after_ms = 9000), "later");
    expect_told("open;message(||a);end(status 503 9000 );");
    assert_null(timers);
}

#define PAGE HEAD(.status = 200, .content_type = TG_STR("text/html"))

/* As servers answer whose login has run out. */
static void a_web_page_ends_it(void **state)
{
    (void)state;
    start();
    answer(PAGE, "<!doctype html>");
    expect_told(
        "end(status 200 0 content type text/html is a web page, not an answer to a poll; accept_type can "
        "allow it);");
    start();
    answer(TEXT, "a");
    expect_next("GET /feed");
    answer(PAGE, " <html>");
    expect_told(
        "open;message(||a);end(status 200 0 content type text/html is a web page, not an answer to a poll; "
        "accept_type can allow it);");
}

static void what_is_only_labelled_as_a_page_is_none(void **state)
{
    (void)state;
    start();
    answer(PAGE, "[1]");
    expect_next("GET /feed");
    answer(HEAD(.status = 200, .content_type = TG_STR("text/xml")), "<html>");
    expect_told("open;message(||[1]);message(||<html>);");
}

static void a_web_page_can_be_allowed(void **state)
{
    static char *types[] = { (char *)"text/*", NULL };

    (void)state;
    config.accept_types = types;
    start();
    answer(PAGE, "<!doctype html>");
    expect_told("open;message(||<!doctype html>);");
}

static void no_connection_ends_it(void **state)
{
    (void)state;
    start();
    exchange->handler->on_redirect(exchange->arg, "b.example");
    end_with(TG_REASON_DNS, "no such name");
    expect_told("redirect(b.example);end(dns 0 0 no such name);");
}

/* ---- what is too much --------------------------------------------------------------------------- */

static void a_body_that_is_too_large_is_dropped(void **state)
{
    (void)state;
    start();
    give_head(HEAD(.status = 200, .etag = TG_STR("\"1\"")));
    assert_true(give_text("12345678901234567890"));
    assert_false(give_text("1"));
    expect_told("open;dropped(oversize);");
    expect_next("GET /feed|If-None-Match: \"1\"");
    answer(TEXT, "12345678901234567890");
    expect_told("message(||12345678901234567890);");
}

/* ---- text or not -------------------------------------------------------------------------------- */

static void the_content_type_says_whether_it_is_text(void **state)
{
    (void)state;
    start();
    answer(HEAD(.status = 200, .content_type = TG_STR("application/json")), "1");
    pass_time();
    answer(HEAD(.status = 200, .content_type = TG_STR("image/png")), "2");
    pass_time();
    answer(HEAD(.status = 200, .content_type = TG_STR("text/plain")), "3\xff");
    expect_told("open;message(||1);message binary(||2);message(||3\xff);");
}

static void without_a_type_utf_8_is_text(void **state)
{
    (void)state;
    start();
    answer(HEAD(.status = 200), "\xc3\xa4");
    pass_time();
    answer(HEAD(.status = 200), "\xc3");
    expect_told("open;message(||\xc3\xa4);message binary(||\xc3);");
}

/* ---- long polling ------------------------------------------------------------------------------- */

static void a_long_poll_asks_again_at_once(void **state)
{
    (void)state;
    config.is_long = true;
    start();
    assert_int_equal(exchange->head_timeout_ms, 3600 * 1000);
    fake_now_ms += 30000;
    answer(TEXT, "a");
    assert_int_equal(pass_time(), 0);
    fake_now_ms += 40;
    answer(HEAD(.status = 204), "");
    assert_int_equal(pass_time(), 60);
    answer(HEAD(.status = 304), "");
    assert_int_equal(pass_time(), 100);
    expect_told("open;message(||a);heard;heard;");
}

static void a_backend_that_does_not_hold_is_asked_ten_times_a_second(void **state)
{
    uint64_t began_ms = fake_now_ms;

    (void)state;
    config.is_long = true;
    start();
    for (int i = 0; i < 100; i++) {
        answer(TEXT, i % 2 ? "a" : "b");
        pass_time();
    }
    assert_int_equal(fake_now_ms - began_ms, 10000);
}

static void a_long_poll_does_not_hurry_for_what_is_too_large(void **state)
{
    (void)state;
    config.is_long = true;
    start();
    give_head(TEXT);
    give_text("123456789012345678901");
    expect_next("GET /feed");
}

/* ---- closing ------------------------------------------------------------------------------------ */

static void it_may_be_closed_while_it_waits(void **state)
{
    (void)state;
    start();
    answer(TEXT, "a");
    close_it();
    assert_null(timers);
}

static void it_may_be_closed_by_any_call(void **state)
{
    static const struct {
        const char *call, *body, *told;
    } cases[] = {
        { "open", "a", "open;" },
        { "message", "b", "open;message(||b);" },
        { "heard", "", "open;heard;" },
        { "dropped", "123456789012345678901", "open;dropped(oversize);" },
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        close_within = cases[i].call;
        start();
        answer(TEXT, cases[i].body);
        expect_told(cases[i].told);
        assert_null(under_test);
        assert_null(timers);
    }
    assert_true(progress.has_digest); /* b was handed over */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, forget_progress)
    const struct CMUnitTest tests[] = {
        TEST(it_asks_again_after_the_interval),
        TEST(it_opens_with_the_first_good_answer_once_it_is_complete),
        TEST(parts_of_a_body_are_one_message),
        TEST(a_post_says_the_same_each_time),
        TEST(a_kept_connection_needs_no_turn),
        TEST(a_backend_that_keeps_no_connection_is_asked_in_turn),
        TEST(a_link_that_is_closed_waits_for_no_turn),
        TEST(without_memory_it_ends_later),
        TEST(an_answer_without_a_body_is_heard),
        TEST(the_same_body_again_is_heard),
        TEST(also_on_the_next_link),
        TEST(validators_go_back),
        TEST(the_same_body_may_have_new_validators),
        TEST(validators_count_only_with_the_message),
        TEST(another_status_ends_it),
        TEST(a_web_page_ends_it),
        TEST(what_is_only_labelled_as_a_page_is_none),
        TEST(a_web_page_can_be_allowed),
        TEST(no_connection_ends_it),
        TEST(a_body_that_is_too_large_is_dropped),
        TEST(the_content_type_says_whether_it_is_text),
        TEST(without_a_type_utf_8_is_text),
        TEST(a_long_poll_asks_again_at_once),
        TEST(a_backend_that_does_not_hold_is_asked_ten_times_a_second),
        TEST(a_long_poll_does_not_hurry_for_what_is_too_large),
        TEST(it_may_be_closed_while_it_waits),
        TEST(it_may_be_closed_by_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
