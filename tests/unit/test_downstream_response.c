/* Unit tests: response heads, CORS headers, notices. */
#include "downstream/cors.h"
#include "downstream/notice.h"
#include "downstream/response.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tg_config_sse sse = { .retry_ms = 2000,
                                          .gap_event = (char *)"tidegate.gap",
                                          .upstream_event = (char *)"tidegate.upstream" };

static void expect_text(struct tg_buffer *out, const char *text)
{
    assert_string_equal(out->data ? out->data : "", text);
    tg_buffer_deinit(out);
}

/* ---- responses ---------------------------------------------------------------------------------------- */

static void a_date_is_an_imf_fixdate(void **state)
{
    (void)state;
    char date[TG_DATE_SIZE];
    tg_response_format_date(784111777000u, date);
    assert_string_equal(date, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void an_error_has_a_short_text_body(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_response response = {
        .status = 405, .content_type = "text/plain", .body = TG_STR("no\n"), .allow = "GET", .closes = true
    };
    assert_int_equal(tg_response_append(&out, &response, "D"), TG_OK);
    expect_text(
        &out,
        "HTTP/1.1 405 Method Not Allowed\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
        "Allow: GET\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\nno\n");
}

static void head_has_the_length_but_not_the_body(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_response response = {
        .status = 200, .content_type = "a/b", .body = TG_STR("body"), .is_head = true, .is_stored = true
    };
    assert_int_equal(tg_response_append(&out, &response, "D"), TG_OK);
    assert_non_null(strstr(out.data, "Content-Length: 4\r\n"));
    assert_null(strstr(out.data, "body"));
    tg_buffer_deinit(&out);
}

static void no_content_has_no_length(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_response response = { .status = 204,
                                    .extra = TG_STR("Vary: Origin\r\n"),
                                    .says_keep_alive = true };
    assert_int_equal(tg_response_append(&out, &response, "D"), TG_OK);
    expect_text(&out,
                "HTTP/1.1 204 No Content\r\nDate: D\r\nCache-Control: no-store\r\nConnection: keep-alive\r\n"
                "Vary: Origin\r\n\r\n");
}

static void a_stream_head_tells_proxies_not_to_buffer(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    assert_int_equal(tg_response_append_stream_head(&out, "D", true, false, TG_STR("X: y\r\n")), TG_OK);
    expect_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX: y\r\n"
                      "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\nDate: D\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(tg_response_append_stream_head(&out, "D", false, true, TG_STR("")), TG_OK);
    assert_non_null(strstr(out.data, "Connection: close\r\n"));
    assert_null(strstr(out.data, "chunked"));
    tg_buffer_deinit(&out);
}

/* ---- cors --------------------------------------------------------------------------------------------- */

static char *some_origins[] = { (char *)"https://a.example", (char *)"http://b", NULL };
static char *any_origin[] = { (char *)"*", NULL };

static void no_cors_adds_nothing(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_request_head head = { .origin = TG_STR("https://a.example") };
    assert_int_equal(tg_cors_append(&out, NULL, &head, "GET"), TG_OK);
    expect_text(&out, "");
}

static void a_known_origin_is_named(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_config_cors cors = { .origins = some_origins, .credentials = true };
    struct tg_request_head head = { .origin = TG_STR("https://a.example") };
    assert_int_equal(tg_cors_append(&out, &cors, &head, "GET"), TG_OK);
    expect_text(&out, "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example\r\n"
                      "Access-Control-Allow-Credentials: true\r\n");
}

static void other_origins_get_vary_alone(void **state)
{
    (void)state;
    static const char *const others[] = { "https://a.example.evil", "https://A.example", "null",
                                          "https://a.exampl" };
    struct tg_config_cors cors = { .origins = some_origins };
    for (size_t i = 0; i < TG_COUNT_OF(others); i++) {
        struct tg_buffer out = { 0 };
        struct tg_request_head head = { .origin = tg_str_from(others[i]) };
        assert_int_equal(tg_cors_append(&out, &cors, &head, "GET"), TG_OK);
        expect_text(&out, "Vary: Origin\r\n");
    }
}

static void any_origin_is_a_star(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_config_cors cors = { .origins = any_origin };
    struct tg_request_head head = { .origin = TG_STR("null") };
    assert_int_equal(tg_cors_append(&out, &cors, &head, "GET"), TG_OK);
    expect_text(&out, "Access-Control-Allow-Origin: *\r\n");
}

static void who_posts_can_read_when_to_come_back(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_config_cors cors = { .origins = any_origin };
    struct tg_request_head head = { .method = TG_METHOD_POST, .origin = TG_STR("http://b") };
    assert_int_equal(tg_cors_append(&out, &cors, &head, "POST"), TG_OK);
    expect_text(&out, "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: Retry-After\r\n");
}

static void a_preflight_allows_simple_tokens(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_config_cors cors = { .origins = any_origin, .max_age_ms = 600000 };
    struct tg_request_head head = { .method = TG_METHOD_OPTIONS,
                                    .origin = TG_STR("http://b"),
                                    .preflight_method = TG_STR("GET"),
                                    .preflight_headers =
                                        TG_STR("x-one, last-event-id, b@d, ,authorization,x-two") };
    assert_true(tg_cors_is_preflight(&head));
    assert_int_equal(tg_cors_append(&out, &cors, &head, "GET, HEAD"), TG_OK);
    expect_text(&out, "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, HEAD\r\n"
                      "Access-Control-Max-Age: 600\r\n"
                      "Access-Control-Allow-Headers: Last-Event-ID, Cache-Control, Content-Type, "
                      "Authorization, x-one, x-two\r\n");
}

static struct tg_request_head head_of(const char *origin, const char *host, const char *fetch_site)
{
    return (struct tg_request_head){ .method = TG_METHOD_POST,
                                     .origin = tg_str_from(origin),
                                     .host = tg_str_from(host),
                                     .fetch_site = tg_str_from(fetch_site) };
}

static void who_is_no_browser_may_act(void **state)
{
    (void)state;
    struct tg_request_head head = head_of("", "", "");
    assert_true(tg_cors_allows_action(NULL, &head));
    head.has_cookies = true;
    assert_true(tg_cors_allows_action(NULL, &head));
}

static void pages_of_the_own_host_may_act(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool is_allowed;
    } cases[] = {
        { "https://App.example", "app.example", true },
        { "http://app.example", "app.example", true },
        { "http://[::1]:8080", "[::1]:8080", true },
        { "https://app.example:8443", "app.example", false },
        { "https://app.example", "example", false },
        { "https://app.example.evil", "app.example", false },
        { "https://evil", "app.example", false },
        { "null", "null", false },
        { "app.example", "app.example", false },
        { "https://app.example", "", false },
        { "https://", "", false },
    };
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_request_head head = head_of(cases[i].origin, cases[i].host, "");
        assert_int_equal(tg_cors_allows_action(NULL, &head), cases[i].is_allowed);
    }
}

static void what_the_browser_says_of_the_site_wins(void **state)
{
    (void)state;
    static const struct {
        const char *fetch_site;
        bool is_allowed;
    } cases[] = { { "same-origin", true },
                  { "none", true },
                  { "same-site", false },
                  { "cross-site", false },
                  { "whatever", false } };
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_request_head behind_proxy = head_of("https://app.example", "10.0.0.1", cases[i].fetch_site);
        assert_int_equal(tg_cors_allows_action(NULL, &behind_proxy), cases[i].is_allowed);
        struct tg_request_head same_host = head_of("http://app.example", "app.example", cases[i].fetch_site);
        assert_int_equal(tg_cors_allows_action(NULL, &same_host), cases[i].is_allowed);
        struct tg_request_head without_origin = head_of("", "app.example", cases[i].fetch_site);
        assert_int_equal(tg_cors_allows_action(NULL, &without_origin), cases[i].is_allowed);
    }
}

static void listed_origins_may_act(void **state)
{
    (void)state;
    static char *null_origin[] = { (char *)"null", NULL };
    struct tg_config_cors some = { .origins = some_origins }, any = { .origins = any_origin };
    struct tg_config_cors null = { .origins = null_origin }, none = { .origins = NULL };
    struct tg_request_head listed = head_of("https://a.example", "h", "cross-site");
    struct tg_request_head unlisted = head_of("https://b.example", "h", "cross-site");
    struct tg_request_head sandboxed = head_of("null", "h", "cross-site");
    struct tg_request_head without_origin = head_of("", "h", "cross-site");
    assert_true(tg_cors_allows_action(&some, &listed));
    assert_true(tg_cors_allows_action(&any, &listed));
    assert_true(tg_cors_allows_action(&any, &sandboxed));
    assert_true(tg_cors_allows_action(&null, &sandboxed));
    assert_false(tg_cors_allows_action(&some, &unlisted));
    assert_false(tg_cors_allows_action(&some, &sandboxed));
    assert_false(tg_cors_allows_action(&none, &listed));
    assert_false(tg_cors_allows_action(&any, &without_origin));
}

static void listed_origins_act_with_cookies_only_with_credentials(void **state)
{
    (void)state;
    struct tg_config_cors some = { .origins = some_origins }, any = { .origins = any_origin };
    struct tg_request_head head = head_of("https://a.example", "h", "");
    head.has_cookies = true;
    assert_false(tg_cors_allows_action(&some, &head));
    assert_false(tg_cors_allows_action(&any, &head));
    some.credentials = true;
    assert_true(tg_cors_allows_action(&some, &head));
}

/* ---- notices ------------------------------------------------------------------------------------------ */

static void the_hello_is_one_chunk(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    assert_int_equal(tg_notice_append_hello(&out, false, &sse), TG_OK);
    expect_text(&out, "25\r\nretry: 2000\n:\nevent: tidegate.hello\n\n\r\n");
    assert_int_equal(tg_notice_append_hello(&out, true, &sse), TG_OK);
    expect_text(&out, "retry: 2000\n:\nevent: tidegate.hello\n\n");
}

static void a_gap_says_what_is_known(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    struct tg_gap gap = {
        .reason = TG_GAP_LAGGED, .is_counted = true, .missed = 7, .after = "e-1", .before = "e-9"
    };
    assert_int_equal(tg_notice_append_gap(&out, true, &sse, &gap, NULL), TG_OK);
    expect_text(&out, "event: tidegate.gap\n"
                      "data: {\"reason\":\"lagged\",\"missed\":7,\"after\":\"e-1\",\"before\":\"e-9\"}\n\n");
    struct tg_gap unknown = { .reason = TG_GAP_UNKNOWN };
    assert_int_equal(tg_notice_append_gap(&out, true, &sse, &unknown, "e-9"), TG_OK);
    expect_text(&out, "event: tidegate.gap\n"
                      "data: {\"reason\":\"unknown\",\"missed\":null,\"after\":null,\"before\":null}\n"
                      "id: e-9\n\n");
}

static void the_state_is_a_control_event(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    const struct tg_stream_condition closed = { .state = TG_STREAM_DOWN, .reason = TG_REASON_CLOSED };
    const struct tg_stream_condition refused = { TG_STREAM_DOWN, TG_REASON_STATUS, 401 };
    const struct tg_stream_condition connecting = { .state = TG_STREAM_CONNECTING };
    assert_int_equal(tg_notice_append_state(&out, true, &sse, closed, NULL), TG_OK);
    expect_text(&out, "event: tidegate.upstream\ndata: {\"state\":\"down\",\"reason\":\"closed\"}\n\n");
    assert_int_equal(tg_notice_append_state(&out, true, &sse, refused, NULL), TG_OK);
    expect_text(&out, "event: tidegate.upstream\n"
                      "data: {\"state\":\"down\",\"reason\":\"status\",\"status\":401}\n\n");
    assert_int_equal(tg_notice_append_state(&out, true, &sse, connecting, "token-0"), TG_OK);
    expect_text(&out, "event: tidegate.upstream\ndata: {\"state\":\"connecting\"}\nid: token-0\n\n");
}

static void the_farewell_ends_the_body(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    assert_int_equal(tg_notice_append_farewell(&out, false, 2500), TG_OK);
    expect_text(&out, "d\r\nretry: 2500\n\n\r\n0\r\n\r\n");
    assert_int_equal(tg_notice_append_farewell(&out, true, 2500), TG_OK);
    expect_text(&out, "retry: 2500\n\n");
}

static void retries_are_spread_up_to_half_more(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t retry_ms = tg_notice_jittered_retry_ms(&sse);
        assert_in_range(retry_ms, 2000, 3000);
        least = retry_ms < least ? retry_ms : least;
        most = retry_ms > most ? retry_ms : most;
    }
    assert_true(most - least > 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_an_imf_fixdate),
        cmocka_unit_test(an_error_has_a_short_text_body),
        cmocka_unit_test(head_has_the_length_but_not_the_body),
        cmocka_unit_test(no_content_has_no_length),
        cmocka_unit_test(a_stream_head_tells_proxies_not_to_buffer),
        cmocka_unit_test(no_cors_adds_nothing),
        cmocka_unit_test(a_known_origin_is_named),
        cmocka_unit_test(other_origins_get_vary_alone),
        cmocka_unit_test(any_origin_is_a_star),
        cmocka_unit_test(who_posts_can_read_when_to_come_back),
        cmocka_unit_test(a_preflight_allows_simple_tokens),
        cmocka_unit_test(who_is_no_browser_may_act),
        cmocka_unit_test(pages_of_the_own_host_may_act),
        cmocka_unit_test(what_the_browser_says_of_the_site_wins),
        cmocka_unit_test(listed_origins_may_act),
        cmocka_unit_test(listed_origins_act_with_cookies_only_with_credentials),
        cmocka_unit_test(the_hello_is_one_chunk),
        cmocka_unit_test(a_gap_says_what_is_known),
        cmocka_unit_test(the_state_is_a_control_event),
        cmocka_unit_test(the_farewell_ends_the_body),
        cmocka_unit_test(retries_are_spread_up_to_half_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
