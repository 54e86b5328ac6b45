/* Unit tests: the strict parser of request heads. */
#include "downstream/request_head.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tg_head_limits limits = { .url_bytes = 256, .header_bytes = 1024 };

static int parse(const char *text, struct tg_request_head *head)
{
    return tg_request_head_parse(text, strlen(text), &limits, head);
}

static void expect_status_of_bytes(const char *bytes, size_t length, int status)
{
    struct tg_request_head head;
    int got = tg_request_head_parse(bytes, length, &limits, &head);
    if (got != status)
        fail_msg("expected %d, got %d for:\n%.*s", status, got, (int)length, bytes);
    /* Byte by byte it must be the same. */
    for (size_t n = 0; n <= length; n++) {
        got = tg_request_head_parse(bytes, n, &limits, &head);
        if (got == TG_HEAD_MORE)
            continue;
        if (got != status)
            fail_msg("expected %d, got %d after %zu bytes of:\n%.*s", status, got, n, (int)length, bytes);
        return;
    }
    if (status != TG_HEAD_MORE)
        fail_msg("no verdict");
}

static void expect_status(const char *text, int status)
{
    expect_status_of_bytes(text, strlen(text), status);
}

/* A good head with one line in place of the others. */
static void expect_field_status(const char *field, int status)
{
    char text[2048];
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", field);
    expect_status(text, status);
}

static void expect_target_status(const char *target, int status)
{
    char text[2048];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    expect_status(text, status);
}

static void a_plain_request_is_taken(void **state)
{
    (void)state;
    struct tg_request_head head;
    const char *text =
        "GET /events/a?x=1&y=%zz HTTP/1.1\r\nHost: example.com:8080\r\nAccept: text/html;q=0.5, "
        "Text/Event-Stream ;q=1\r\nLast-Event-ID: \t e-1 \r\nOrigin: https://x\r\n\r\nrest";
    assert_int_equal(parse(text, &head), TG_HEAD_DONE);
    assert_int_equal(head.method, TG_METHOD_GET);
    assert_true(tg_str_equals(head.target.path, TG_STR("/events/a")));
    assert_true(tg_str_equals(head.target.query, TG_STR("x=1&y=%zz")));
    assert_true(tg_str_equals(head.last_event_id, TG_STR("e-1")));
    assert_true(tg_str_equals(head.origin, TG_STR("https://x")));
    assert_true(tg_str_equals(head.host, TG_STR("example.com:8080")));
    assert_int_equal(head.fetch_site.length, 0);
    assert_false(head.has_cookies);
    assert_true(head.wants_event_stream);
    assert_true(head.keeps_alive);
    assert_int_equal(head.minor_version, 1);
    assert_int_equal(head.length, strlen(text) - 4);
}

static void what_browsers_add_is_seen(void **state)
{
    (void)state;
    struct tg_request_head head;
    const char *text = "POST / HTTP/1.1\r\nhost: a\r\nsec-fetch-site: same-site\r\nCookie: a=b\r\n\r\n";
    assert_int_equal(parse(text, &head), TG_HEAD_DONE);
    assert_true(tg_str_equals(head.fetch_site, TG_STR("same-site")));
    assert_true(head.has_cookies);
}

/* Two parties on the path could each take another one of them. */
static void what_decides_may_not_come_twice(void **state)
{
    (void)state;
    static const char *const names[] = { "Host",           "Content-Length", "Origin",
                                         "Sec-Fetch-Site", "sec-fetch-SITE", "Access-Control-Request-Method",
                                         "Authorization" };
    static const char *const pairs[][2] = {
        { "1", "1" }, { "1", "2" }, { "", "1" }, { "1", "" }, { "", "" }
    };
    char lines[256];
    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        for (size_t j = 0; j < TG_COUNT_OF(pairs); j++) {
            snprintf(lines, sizeof(lines), "%s: %s\r\nX: y\r\n%s: %s", names[i], pairs[j][0], names[i],
                     pairs[j][1]);
            expect_field_status(lines, 400);
        }
    }
    expect_field_status("Origin: https://a\r\nSec-Fetch-Site: none\r\nAuthorization: x\r\n"
                        "Access-Control-Request-Method: GET",
                        200);
    expect_field_status("Cookie: a=b\r\nCookie: c=d\r\nAccept: a/b\r\nAccept: c/d\r\n"
                        "Last-Event-ID: a\r\nLast-Event-ID: b\r\nConnection: a\r\nConnection: b",
                        200);
}

static void methods_are_told_apart_by_case(void **state)
{
    (void)state;
    struct tg_request_head head;
    assert_int_equal(parse("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", &head), 200);
    assert_int_equal(head.method, TG_METHOD_HEAD);
    assert_int_equal(parse("get / HTTP/1.1\r\nHost: a\r\n\r\n", &head), 200);
    assert_int_equal(head.method, TG_METHOD_OTHER);
    expect_status("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405);
}

static void lines_end_with_crlf_alone(void **state)
{
    (void)state;
    expect_status("GET / HTTP/1.1\nHost: a\n\n", 400);
    expect_status("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nHost: a\r\n\n", 400);
    expect_status("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nHost: a\r\n\r", 0);
}

static void a_few_empty_lines_may_come_first(void **state)
{
    (void)state;
    expect_status("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    expect_status("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

static void the_request_line_has_single_spaces(void **state)
{
    (void)state;
    expect_status("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    expect_status("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("GET /\r\n\r\n", 400);
    expect_status("GET\r\n\r\n", 400);
    expect_status("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

static void versions_other_than_1_are_not_supported(void **state)
{
    (void)state;
    expect_status("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    expect_status("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505);
    expect_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    expect_status("GET / HTTP/1\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / HTTP/11\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / http/1.1\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400);
    struct tg_request_head head;
    assert_int_equal(parse("GET / HTTP/1.7\r\nHost: a\r\n\r\n", &head), 200);
    assert_int_equal(head.minor_version, 1);
}

static void targets_have_origin_or_absolute_form(void **state)
{
    (void)state;
    struct tg_request_head head;
    expect_target_status("a", 400);
    expect_target_status("a:80", 400);
    expect_target_status("*", 400);
    expect_target_status("ftp://a/", 400);
    expect_target_status("http:///x", 400);
    expect_target_status("http://u@a/", 400);
    expect_target_status("/a#b", 400);
    expect_target_status("/\x01", 400);
    expect_target_status("/\xc3\xa4", 400);
    assert_int_equal(parse("GET HTTP://b:1?q HTTP/1.1\r\nHost: a\r\n\r\n", &head), 200);
    assert_true(tg_str_equals(head.target.path, TG_STR("/")));
    assert_true(tg_str_equals(head.target.query, TG_STR("q")));
    assert_true(head.target.is_absolute);
    assert_int_equal(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &head), 200);
}

static void paths_must_decode(void **state)
{
    (void)state;
    expect_target_status("/%41%e4", 200);
    expect_target_status("/%", 400);
    expect_target_status("/%4", 400);
    expect_target_status("/%4g", 400);
    expect_target_status("/a%00", 400);
    expect_target_status("/a?%00%zz", 200);
}

static void dot_segments_are_refused_however_written(void **state)
{
    (void)state;
    expect_target_status("/a/../b", 400);
    expect_target_status("/a/./b", 400);
    expect_target_status("/..", 400);
    expect_target_status("/a/%2e%2E", 400);
    expect_target_status("/a%2f..%2fb", 400);
    expect_target_status("/a/...", 200);
    expect_target_status("/.a/b..", 200);
}

static void the_host_must_be_there_once_and_valid(void **state)
{
    (void)state;
    static const char *const good[] = { "a",     "a.b:80",     "a:",    "127.0.0.1",
                                        "[::1]", "[::1]:8080", "a_b-c", "%41" };
    static const char *const bad[] = { "",    "a b",  "a/b",    "a@b",     "a:b",  "a:99999", "[::1",
                                       "::1", "[]:1", "[::1]x", "a:80:80", "\xe4", ":80" };
    char text[256];
    expect_status("GET / HTTP/1.1\r\n\r\n", 400);
    expect_status("GET / HTTP/1.0\r\n\r\n", 200);
    expect_status("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400);
    for (size_t i = 0; i < TG_COUNT_OF(good); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        expect_status(text, 200);
    }
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        expect_status(text, 400);
    }
}

static void field_lines_are_strict(void **state)
{
    (void)state;
    expect_field_status("X : a", 400);
    expect_field_status(" X: a", 400);
    expect_field_status("X: a\r\n b", 400);
    expect_field_status("X", 400);
    expect_field_status(": a", 400);
    expect_field_status("X\x01: a", 400);
    expect_field_status("X: a\x01", 400);
    expect_field_status("X: a\x7f", 400);
    expect_field_status("X: a\tb", 200);
    expect_field_status("X: \xc3\xa4", 200);
    expect_field_status("X:", 200);
    expect_status_of_bytes("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 35, 400);
}

static void lengths_are_digits_given_once(void **state)
{
    (void)state;
    struct tg_request_head head;
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0012\r\n\r\n", &head), 200);
    assert_int_equal(head.content_length, 12);
    expect_field_status("Content-Length: 5\r\nContent-Length: 5", 400);
    expect_field_status("Content-Length: 5, 5", 400);
    expect_field_status("Content-Length: +5", 400);
    expect_field_status("Content-Length: -1", 400);
    expect_field_status("Content-Length: 0x5", 400);
    expect_field_status("Content-Length: 5 5", 400);
    expect_field_status("Content-Length:", 400);
    expect_field_status("Content-Length: 18446744073709551616", 400);
    expect_field_status("Content-Length: 18446744073709551615", 200);
}

static void ambiguous_framing_is_refused(void **state)
{
    (void)state;
    expect_field_status("Transfer-Encoding: chunked", 200);
    expect_field_status("Transfer-Encoding: Chunked", 200);
    expect_field_status("Transfer-Encoding: chunked\r\nContent-Length: 5", 400);
    expect_field_status("Content-Length: 5\r\nTransfer-Encoding: chunked", 400);
    expect_field_status("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400);
    expect_field_status("Transfer-Encoding: gzip, chunked", 501);
    expect_field_status("Transfer-Encoding: identity", 501);
    expect_field_status("Transfer-Encoding: xchunked", 501);
    expect_field_status("Transfer-Encoding: chunked;a=b", 501);
    expect_field_status("Transfer-Encoding:\x0b chunked", 400);
    expect_status("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

static void keep_alive_follows_version_and_connection(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keeps_alive;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", false },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
    };
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_request_head head;
        assert_int_equal(parse(cases[i].text, &head), 200);
        assert_int_equal(head.keeps_alive, cases[i].keeps_alive);
    }
}

static void expectations_are_known_or_not(void **state)
{
    (void)state;
    struct tg_request_head head;
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n", &head), 200);
    assert_true(head.expects_continue);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", &head), 200);
    assert_true(head.has_unknown_expectation);
}

static void the_last_of_several_last_event_ids_counts(void **state)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: e-1, e-2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: e-1\r\nlast-event-id: e-2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: e-2\r\nlast-event-id:\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(requests); i++) {
        struct tg_request_head head;
        assert_int_equal(parse(requests[i], &head), 200);
        assert_true(tg_str_equals(head.last_event_id, TG_STR("e-2")));
    }
}

static void an_empty_last_event_id_counts_as_none(void **state)
{
    (void)state;
    struct tg_request_head head;
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID:\r\n\r\n", &head), 200);
    assert_int_equal(head.last_event_id.length, 0);
}

static void long_urls_get_414_and_long_heads_431(void **state)
{
    (void)state;
    char text[4096];
    for (size_t length = 250; length <= 400; length += 1) {
        snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", (int)length - 1, 0);
        expect_status(text, length <= limits.url_bytes ? 200 : 414);
    }
    memset(text, 'a', 1000);
    expect_status_of_bytes(text, 1000, 414);
    for (int length = 900; length <= 1100; length += 3) {
        int total = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", length, 0);
        expect_status(text, total <= (int)limits.header_bytes ? 200 : 431);
    }
}

static void lists_skip_empty_members(void **state)
{
    (void)state;
    struct tg_str list = TG_STR(" , a ,\t b,,c"), member;
    assert_true(tg_list_next(&list, &member) && tg_str_equals(member, TG_STR("a")));
    assert_true(tg_list_next(&list, &member) && tg_str_equals(member, TG_STR("b")));
    assert_true(tg_list_next(&list, &member) && tg_str_equals(member, TG_STR("c")));
    assert_false(tg_list_next(&list, &member));
}

static void paths_are_decoded(void **state)
{
    (void)state;
    char out[32];
    size_t length;
    assert_int_equal(tg_path_decode(TG_STR("/a%20b%2Fc"), out, &length), TG_OK);
    assert_true(tg_str_equals((struct tg_str){ out, length }, TG_STR("/a b/c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_taken),
        cmocka_unit_test(what_browsers_add_is_seen),
        cmocka_unit_test(what_decides_may_not_come_twice),
        cmocka_unit_test(methods_are_told_apart_by_case),
        cmocka_unit_test(lines_end_with_crlf_alone),
        cmocka_unit_test(a_few_empty_lines_may_come_first),
        cmocka_unit_test(the_request_line_has_single_spaces),
        cmocka_unit_test(versions_other_than_1_are_not_supported),
        cmocka_unit_test(targets_have_origin_or_absolute_form),
        cmocka_unit_test(paths_must_decode),
        cmocka_unit_test(dot_segments_are_refused_however_written),
        cmocka_unit_test(the_host_must_be_there_once_and_valid),
        cmocka_unit_test(field_lines_are_strict),
        cmocka_unit_test(lengths_are_digits_given_once),
        cmocka_unit_test(ambiguous_framing_is_refused),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(expectations_are_known_or_not),
        cmocka_unit_test(the_last_of_several_last_event_ids_counts),
        cmocka_unit_test(an_empty_last_event_id_counts_as_none),
        cmocka_unit_test(long_urls_get_414_and_long_heads_431),
        cmocka_unit_test(lists_skip_empty_members),
        cmocka_unit_test(paths_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
