/* URLs, heads and bodies as the command line's HTTP client reads them. */
#include "app/http_answer.h"
#include "app/http_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- URLs -------------------------------------------------------------------------------------- */

static void expect_url(const char *text, const char *host, const char *port, const char *authority,
                       const char *target)
{
    struct tg_http_url url;
    struct tg_buffer error = { 0 };
    assert_int_equal(tg_http_url_parse(text, &url, &error), TG_OK);
    assert_string_equal(url.host, host);
    assert_string_equal(url.port, port);
    assert_string_equal(url.authority, authority);
    assert_string_equal(url.target, target);
    tg_http_url_deinit(&url);
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    expect_url("http://example.org", "example.org", "80", "example.org", "/");
    expect_url("HTTPS://example.org:8443/a?b=c#d", "example.org", "8443", "example.org:8443", "/a?b=c");
    expect_url("http://[::1]:80/x", "::1", "80", "[::1]", "/x");
    expect_url("http://h?x", "h", "80", "h", "/?x");
}

static void bad_urls_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "ftp://x/",
        "example.org",
        "http://",
        "http:///x",
        "http://:80/",
        "http://h:0",
        "http://h:65536/",
        "http://h:8x/",
        "http://u:p@h/",
        "http://[::1/",
        "http://h/a b",
        "http://h:/",
        "http://h/\r\nX: y",
        "http://[]/",
        "http://[::1]x:8/",
        "http://h/ä",
        "http://h:123456/",
    };
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        struct tg_http_url url;
        struct tg_buffer error = { 0 };
        assert_int_equal(tg_http_url_parse(bad[i], &url, &error), TG_ERR_INVALID);
        assert_true(error.length > 0);
        tg_buffer_deinit(&error);
    }
}

/* ---- heads ------------------------------------------------------------------------------------- */

static void a_head_is_parsed_once_it_is_complete(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                               "transfer-encoding: chunked\r\n\r\nrest";
    struct tg_http_head head;
    size_t length;
    for (size_t i = 0; i < sizeof(text) - 5; i++)
        assert_int_equal(tg_http_head_parse(text, i, &head, &length), TG_ERR_AGAIN);
    assert_int_equal(tg_http_head_parse(text, sizeof(text) - 1, &head, &length), TG_OK);
    assert_string_equal(text + length, "rest");
    assert_int_equal(head.status, 200);
    assert_true(head.is_event_stream);
    assert_true(head.is_chunked);
    assert_int_equal(head.content_length, -1);
}

static void what_is_no_http_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "SSH-2.0-x\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" };
    struct tg_http_head head;
    size_t length;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_int_equal(tg_http_head_parse(bad[i], strlen(bad[i]), &head, &length), TG_ERR_PROTOCOL);
}

/* ---- bodies ------------------------------------------------------------------------------------ */

static enum tg_err feed(const struct tg_http_head *head, const char *text, size_t step, struct tg_buffer *out,
                        struct tg_http_body *body)
{
    enum tg_err err = TG_OK;
    size_t length = strlen(text);
    tg_http_body_begin(body, head);
    for (size_t at = 0; at < length && !err; at += step)
        err = tg_http_body_feed(body, text + at, length - at < step ? length - at : step, out);
    return err;
}

static void chunks_are_joined_however_they_are_cut(void **state)
{
    (void)state;
    static const char text[] = "5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\nTrailer: x\r\n\r\n";
    const struct tg_http_head head = { .status = 200, .is_chunked = true, .content_length = -1 };
    for (size_t step = 1; step < sizeof(text); step++) {
        struct tg_buffer out = { 0 };
        struct tg_http_body body;
        assert_int_equal(feed(&head, text, step, &out, &body), TG_OK);
        assert_string_equal(out.data, "hello, world!!!");
        assert_true(body.is_complete);
        tg_buffer_deinit(&out);
    }
}

static void broken_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "x\r\n", "\r\n", "5\r\nhelloX", "1111111111111111\r\n", "-1\r\n" };
    const struct tg_http_head head = { .status = 200, .is_chunked = true, .content_length = -1 };
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        struct tg_buffer out = { 0 };
        struct tg_http_body body;
        assert_int_equal(feed(&head, bad[i], 1, &out, &body), TG_ERR_PROTOCOL);
        tg_buffer_deinit(&out);
    }
}

static void a_chunked_body_may_not_end_early(void **state)
{
    (void)state;
    const struct tg_http_head head = { .status = 200, .is_chunked = true, .content_length = -1 };
    struct tg_buffer out = { 0 };
    struct tg_http_body body;
    assert_int_equal(feed(&head, "5\r\nhello\r\n", 3, &out, &body), TG_OK);
    assert_false(tg_http_body_may_end(&body));
    tg_buffer_deinit(&out);
}

static void a_counted_body_ends_by_its_length(void **state)
{
    (void)state;
    const struct tg_http_head head = { .status = 200, .content_length = 5 };
    struct tg_buffer out = { 0 };
    struct tg_http_body body;
    assert_int_equal(feed(&head, "hello and more", 4, &out, &body), TG_OK);
    assert_string_equal(out.data, "hello");
    assert_true(tg_http_body_may_end(&body));
    tg_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(bad_urls_are_refused),
        cmocka_unit_test(a_head_is_parsed_once_it_is_complete),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(chunks_are_joined_however_they_are_cut),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(a_chunked_body_may_not_end_early),
        cmocka_unit_test(a_counted_body_ends_by_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
