/* Links that are one long answer: event streams and lines of JSON. */
#include "fake_http.h"

static struct tg_progress progress;

static void start(const struct tg_config_upstream *config)
{
    start_link(tg_link_new_lines, config, &progress);
}

static void start_sse(void)
{
    static const struct tg_config_upstream config = { .kind = TG_UPSTREAM_SSE,
                                                      .max_message_bytes = 20,
                                                      .connect_timeout_ms = 7000,
                                                      .reconnect_max_ms = 30000 };

    start(&config);
}

static void start_ndjson(void)
{
    static const struct tg_config_upstream config = { .kind = TG_UPSTREAM_NDJSON,
                                                      .max_message_bytes = 20,
                                                      .reconnect_max_ms = 30000 };

    start(&config);
}

static int forget_progress(void **state)
{
    tear_down(state);
    tg_progress_deinit(&progress);
    return 0;
}

#define STREAM HEAD(.status = 200, .content_type = TG_STR("text/event-stream"))
#define LINES HEAD(.status = 200, .content_type = TG_STR("application/x-ndjson"))

/* ---- the request ------------------------------------------------------------------------------- */

static void the_request_says_what_it_wants(void **state)
{
    (void)state;
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache");
    assert_int_equal(exchange->head_timeout_ms, 7000);
    assert_int_equal(exchange->body_timeout_ms, 0);
    close_it();
    start_ndjson();
    expect_request("GET /feed|Accept: application/x-ndjson, application/json;q=0.9|Cache-Control: no-cache");
}

static void a_post_has_a_body(void **state)
{
    const struct tg_config_upstream config = {
        .kind = TG_UPSTREAM_SSE,
        .method = TG_CONFIG_POST,
        .body = { .is_set = true, .bytes = (char *)"{\"a\":1}", .length = 7 },
        .content_type = (char *)"application/json",
    };

    (void)state;
    start(&config);
    expect_request("POST /feed|Accept: text/event-stream|Cache-Control: no-cache|application/json|{\"a\":1}");
}

static void without_memory_it_ends_later(void **state)
{
    (void)state;
    is_memory_out = true;
    start_sse();
    assert_int_equal(pass_time(), 0);
    expect_told("end(connect 0 0 no memory for a request);");
}

/* ---- the answer's head -------------------------------------------------------------------------- */

static void an_event_stream_opens(void **state)
{
    (void)state;
    start_sse();
    assert_true(give_head(HEAD(.status = 200, .content_type = TG_STR("Text/Event-Stream;charset=UTF-8"))));
    expect_told("open;");
}

static void an_event_stream_may_have_an_odd_label(void **state)
{
    static const char *const labels[] = {
        "",
        "text/plain; charset=utf-8",
        "text/event-stream, text/event-stream",
        "text/html, text/event-stream",
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(labels); i++) {
        start_sse();
        assert_true(give_head(HEAD(.status = 200, .content_type = tg_str_from(labels[i]))));
        expect_told("open;");
        close_it();
    }
}

static void another_type_is_refused(void **state)
{
    (void)state;
    start_sse();
    assert_false(give_head(HEAD(.status = 200, .content_type = TG_STR("text/html; charset=x"))));
    expect_told("end(status 200 0 content type text/html; charset=x is a web page, not an event stream; "
                "accept_type can allow it);");
    start_sse();
    assert_false(give_head(HEAD(.status = 200, .content_type = TG_STR("application/json"))));
    expect_told("end(status 200 0 content type application/json is not an event stream; accept_type can "
                "allow it);");
    start_ndjson();
    assert_false(give_head(HEAD(.status = 200, .content_type = TG_STR("text/html"))));
    expect_told(
        "end(status 200 0 content type text/html is a web page, not JSON; accept_type can allow it);");
}

static void another_type_can_be_allowed(void **state)
{
    static char *types[] = { (char *)"application/json", (char *)"text/html", NULL };
    static struct tg_config_upstream config = { .max_message_bytes = 20, .accept_types = types };
    static const int64_t kinds[] = { TG_UPSTREAM_SSE, TG_UPSTREAM_NDJSON };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(kinds); i++) {
        config.kind = kinds[i];
        start(&config);
        assert_true(give_head(HEAD(.status = 200, .content_type = TG_STR("text/html"))));
        expect_told("open;");
        close_it();
    }
    config.kind = TG_UPSTREAM_SSE;
    start(&config);
    assert_true(give_head(HEAD(.status = 200, .content_type = TG_STR("text/event-stream"))));
    expect_told("open;");
    close_it();
    start(&config);
    assert_false(give_head(HEAD(.status = 200, .content_type = TG_STR("image/png"))));
}

static void a_long_type_is_cut_in_the_log(void **state)
{
    static char type[1000];
    char expected[300];

    (void)state;
    memset(type, 'x', sizeof(type));
    start_sse();
    give_head(HEAD(.status = 200, .content_type = { type, sizeof(type) }));
    snprintf(expected, sizeof(expected),
             "end(status 200 0 content type %.100s is not an event stream; accept_type can allow it);", type);
    expect_told(expected);
}

static void lines_may_have_any_type_and_any_good_status(void **state)
{
    (void)state;
    start_ndjson();
    assert_true(give_head(HEAD(.status = 200)));
    close_it();
    start_ndjson();
    assert_true(give_head(HEAD(.status = 206, .content_type = TG_STR("application/octet-stream"))));
    expect_told("open;open;");
}

static void no_content_means_finished(void **state)
{
    (void)state;
    start_sse();
    answer(HEAD(.status = 204), "");
    expect_told("end(finished 204 30000 );");
    start_ndjson();
    answer(HEAD(.status = 204), "");
    expect_told("end(finished 204 30000 );");
}

static void another_status_is_told_with_retry_after(void **state)
{
    static const unsigned others[] = { 201, 301, 304, 400, 401, 404, 429, 500, 503 };
    char expected[100];

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(others); i++) {
        start_sse();
        answer(HEAD(.status = others[i], .content_type = TG_STR("text/event-stream"), .retry_after_ms = 9000),
               "x");
        snprintf(expected, sizeof(expected), "end(status %u 9000 );", others[i]);
        expect_told(expected);
    }
    start_ndjson();
    answer(HEAD(.status = 205), "");
    expect_told("end(status 205 0 );");
}

static void what_http_says_is_passed_on(void **state)
{
    (void)state;
    start_sse();
    exchange->handler->on_redirect(exchange->arg, "b.example");
    end_with(TG_REASON_TLS, "a certificate");
    expect_told("redirect(b.example);end(tls 0 0 a certificate);");
}

/* ---- event streams ------------------------------------------------------------------------------ */

static void an_event_is_a_message_with_its_own_type_and_id(void **state)
{
    (void)state;
    start_sse();
    give_head(STREAM);
    give_text("event: x\nid: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n");
    expect_told("open;message(x|1|a);message(||b);message(||c);");
}

static void comments_are_signs_of_life(void **state)
{
    (void)state;
    start_sse();
    give_head(STREAM);
    give_text(": hello\n\n");
    give_text("data: a\n\n: b\n\n");
    give_text("data: half");
    expect_told("open;heard;message(||a);heard;");
}

static void progress_follows_what_is_complete(void **state)
{
    (void)state;
    start_sse();
    give_head(STREAM);
    give_text("id: 1\ndata: a\n\nid: 2\ndata: b\n");
    assert_string_equal(progress.last_event_id.data, "1");
    give_text("\nid: 3\n");
    assert_string_equal(progress.last_event_id.data, "2");
    give_text("\nretry: 500\n");
    assert_string_equal(progress.last_event_id.data, "3");
    assert_int_equal(progress.retry_ms, 500);
}

static void expect_no_progress(void)
{
    assert_int_equal(progress.last_event_id.length, 0);
}

static void progress_comes_after_the_message(void **state)
{
    (void)state;
    within_message = expect_no_progress;
    start_sse();
    give_head(STREAM);
    give_text("id: 1\ndata: a\n\n");
    assert_string_equal(progress.last_event_id.data, "1");
}

static void it_goes_on_where_it_was(void **state)
{
    (void)state;
    start_sse();
    give_head(STREAM);
    give_text("retry: 500\nid: 7\ndata: a\n\nid: 8\ndata: lost");
    end_with(TG_REASON_CLOSED, "cut");
    expect_told("open;message(|7|a);end(closed 0 500 cut);");
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache|Last-Event-ID: 7");
    end_with(TG_REASON_CONNECT, "refused");
    expect_told("end(connect 0 500 refused);");
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache|Last-Event-ID: 7");
    give_head(STREAM);
    give_text("data: b\n\n");
    assert_string_equal(progress.last_event_id.data, "7");
    give_text("id:\ndata: c\n\n");
    end_with(TG_REASON_NONE, "");
    expect_told("open;message(||b);message(||c);end(closed 0 500 the answer ended);");
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache");
}

/* Backends may write longer ids than they read; asked with one again and again, they would never answer. */
static void an_id_that_is_refused_as_too_large_is_forgotten(void **state)
{
    (void)state;
    tg_buffer_append_str(&progress.last_event_id, "7");
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache|Last-Event-ID: 7");
    answer(HEAD(.status = 500), "");
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache|Last-Event-ID: 7");
    answer(HEAD(.status = 431), "");
    start_sse();
    expect_request("GET /feed|Accept: text/event-stream|Cache-Control: no-cache");
}

static void what_is_incomplete_at_the_end_is_no_event(void **state)
{
    (void)state;
    start_sse();
    answer(STREAM, "data: a\n\ndata: b\n");
    expect_told("open;message(||a);end(closed 0 0 the answer ended);");
}

static void retry_is_for_those_that_name_no_other_time(void **state)
{
    (void)state;
    progress.retry_ms = 500;
    start_sse();
    answer(HEAD(.status = 503, .retry_after_ms = 9000), "");
    start_sse();
    answer(HEAD(.status = 503), "");
    expect_told("end(status 503 9000 );end(status 503 500 );");
}

static void an_event_that_is_too_large_is_dropped_and_its_id_counts(void **state)
{
    (void)state;
    start_sse();
    give_head(STREAM);
    give_text("id: 1\ndata: 123456789012345678901\n\ndata: b\n\n");
    expect_told("open;dropped(oversize);message(||b);");
    assert_string_equal(progress.last_event_id.data, "1");
}

/* ---- lines -------------------------------------------------------------------------------------- */

static void each_line_is_a_message(void **state)
{
    (void)state;
    start_ndjson();
    give_head(LINES);
    give_text("{\"a\":1}\r\n\n{\"a\"");
    give_text(":2}\n");
    give_text("\n");
    expect_told("open;message(||{\"a\":1});message(||{\"a\":2});heard;");
}

static void the_last_line_of_a_complete_answer_counts(void **state)
{
    (void)state;
    start_ndjson();
    answer(LINES, "1\n2");
    expect_told("open;message(||1);message(||2);end(closed 0 0 the answer ended);");
    start_ndjson();
    give_head(LINES);
    give_text("1\n2");
    end_with(TG_REASON_CLOSED, "cut");
    expect_told("open;message(||1);end(closed 0 0 cut);");
}

static void a_line_that_is_too_long_is_dropped(void **state)
{
    (void)state;
    start_ndjson();
    give_head(LINES);
    give_text("123456789012345678901\n2\n");
    expect_told("open;dropped(oversize);message(||2);");
}

/* ---- closing from within ------------------------------------------------------------------------ */

static void it_may_be_closed_when_it_opens(void **state)
{
    (void)state;
    close_within = "open";
    start_sse();
    assert_false(give_head(STREAM));
    expect_told("open;");
}

static void nothing_is_told_after_it_was_closed(void **state)
{
    (void)state;
    close_within = "message";
    start_sse();
    give_head(STREAM);
    assert_false(give_text("id: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: 123456789012345678901\n\n"));
    expect_told("open;message(|1|a);");
    assert_string_equal(progress.last_event_id.data, "1"); /* 2 has not been handed over */
    start_ndjson();
    give_head(LINES);
    assert_false(give_text("1\n2\n123456789012345678901\n"));
    expect_told("open;message(||1);");
}

static void it_may_be_closed_by_any_call(void **state)
{
    static const char *const calls[] = { "heard", "dropped" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(calls); i++) {
        close_within = calls[i];
        start_sse();
        give_head(STREAM);
        assert_false(give_text(i == 0 ? ":\n" : "data: 123456789012345678901\n\n"));
        assert_null(under_test);
    }
    expect_told("open;heard;open;dropped(oversize);");
}

static void it_may_be_closed_by_the_last_line(void **state)
{
    (void)state;
    close_within = "message";
    start_ndjson();
    answer(LINES, "1");
    expect_told("open;heard;message(||1);");
}

/* ---- framing ------------------------------------------------------------------------------------ */

static void start_framed(int64_t framing)
{
    static struct tg_config_upstream config = { .kind = TG_UPSTREAM_NDJSON, .max_message_bytes = 20 };

    config.framing = framing;
    start(&config);
}

static void texts_need_no_lines(void **state)
{
    (void)state;
    start_framed(TG_FRAMING_JSON);
    expect_request("GET /feed|Accept: application/json|Cache-Control: no-cache");
    give_head(HEAD(.status = 200));
    give_text("{\"a\":1}{\n\"a\":");
    give_text("2}3");
    expect_told("open;message(||{\"a\":1});message(||{\n\"a\":2});");
    give_text(" \n");
    give_text("\n");
    expect_told("message(||3);heard;");
    give_text("4");
    end_with(TG_REASON_NONE, "");
    expect_told("heard;message(||4);end(closed 0 0 the answer ended);");
}

static void elements_of_an_array_are_messages(void **state)
{
    (void)state;
    start_framed(TG_FRAMING_ARRAY);
    give_head(HEAD(.status = 200, .content_type = TG_STR("application/json")));
    give_text("[{\"a\":1},{\"a\":2}");
    expect_told("open;message(||{\"a\":1});message(||{\"a\":2});");
}

static void a_sequence_of_json_is_known_by_its_type(void **state)
{
    (void)state;
    start_framed(TG_FRAMING_AUTO);
    give_head(HEAD(.status = 200, .content_type = TG_STR("application/json-seq; charset=utf-8")));
    give_text("\x1e{\n}\n\x1e{}\n");
    expect_told("open;message(||{\n});message(||{});");
    close_it();
    start_framed(TG_FRAMING_LINES);
    give_head(HEAD(.status = 200, .content_type = TG_STR("application/json-seq")));
    give_text("{}{}\n");
    expect_told("open;message(||{}{});");
    close_it();
    start_framed(TG_FRAMING_JSON_SEQ);
    expect_request("GET /feed|Accept: application/json-seq, application/json;q=0.9|Cache-Control: no-cache");
    give_head(LINES);
    give_text("\x1e{\n}");
    expect_told("open;message(||{\n});");
}

static void a_text_over_max_message_is_dropped(void **state)
{
    (void)state;
    start_framed(TG_FRAMING_JSON);
    give_head(LINES);
    give_text("[\"12345678901234567890");
    expect_told("open;dropped(oversize);");
    give_text("\"]1 ");
    expect_told("message(||1);");
}

static void json_that_is_broken_ends_it(void **state)
{
    (void)state;
    start_framed(TG_FRAMING_JSON);
    give_head(LINES);
    assert_false(give_text("{}[\"a\n"));
    expect_told("open;message(||{});message(||[\"a);"
                "end(protocol 0 0 its JSON is broken, and nobody can tell where it goes on);");
}

static void a_first_line_that_does_not_end_is_told_once(void **state)
{
    (void)state;
    start_framed(TG_FRAMING_AUTO);
    give_head(LINES);
    assert_int_equal(pass_time(), UINT64_MAX);
    give_text("{\"a\":1}");
    expect_told("open;heard;");
    assert_int_equal(pass_time(), 5000);
    expect_told("no_line;");
    give_text("{\"a\":2}");
    assert_int_equal(pass_time(), UINT64_MAX);
    close_it();
    start_framed(TG_FRAMING_AUTO);
    give_head(LINES);
    give_text("{");
    give_text("}\n");
    pass_time();
    close_it();
    start_framed(TG_FRAMING_LINES);
    give_head(LINES);
    give_text("{");
    assert_int_equal(pass_time(), UINT64_MAX);
    expect_told("heard;open;heard;message(||{});open;heard;");
}

static void it_may_be_closed_by_each_text(void **state)
{
    static const char *const calls[] = { "message", "dropped", "no_line" };
    static const char *const bodies[] = { "{}{}", "[\"12345678901234567890\"]{}", "{" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(calls); i++) {
        close_within = calls[i];
        start_framed(i < 2 ? TG_FRAMING_JSON : TG_FRAMING_AUTO);
        give_head(LINES);
        give_text(bodies[i]);
        if (i == 2)
            pass_time();
        assert_null(under_test);
        assert_null(timers);
    }
    expect_told("open;message(||{});open;dropped(oversize);open;heard;no_line;");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, forget_progress)
    const struct CMUnitTest tests[] = {
        TEST(the_request_says_what_it_wants),
        TEST(a_post_has_a_body),
        TEST(without_memory_it_ends_later),
        TEST(an_event_stream_opens),
        TEST(an_event_stream_may_have_an_odd_label),
        TEST(another_type_is_refused),
        TEST(another_type_can_be_allowed),
        TEST(a_long_type_is_cut_in_the_log),
        TEST(lines_may_have_any_type_and_any_good_status),
        TEST(no_content_means_finished),
        TEST(another_status_is_told_with_retry_after),
        TEST(what_http_says_is_passed_on),
        TEST(an_event_is_a_message_with_its_own_type_and_id),
        TEST(comments_are_signs_of_life),
        TEST(progress_follows_what_is_complete),
        TEST(progress_comes_after_the_message),
        TEST(it_goes_on_where_it_was),
        TEST(an_id_that_is_refused_as_too_large_is_forgotten),
        TEST(what_is_incomplete_at_the_end_is_no_event),
        TEST(retry_is_for_those_that_name_no_other_time),
        TEST(an_event_that_is_too_large_is_dropped_and_its_id_counts),
        TEST(each_line_is_a_message),
        TEST(the_last_line_of_a_complete_answer_counts),
        TEST(a_line_that_is_too_long_is_dropped),
        TEST(it_may_be_closed_when_it_opens),
        TEST(nothing_is_told_after_it_was_closed),
        TEST(it_may_be_closed_by_any_call),
        TEST(it_may_be_closed_by_the_last_line),
        TEST(texts_need_no_lines),
        TEST(elements_of_an_array_are_messages),
        TEST(a_sequence_of_json_is_known_by_its_type),
        TEST(a_text_over_max_message_is_dropped),
        TEST(json_that_is_broken_ends_it),
        TEST(a_first_line_that_does_not_end_is_told_once),
        TEST(it_may_be_closed_by_each_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
