/* What may not become part of a request. */
#include "upstream/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum tg_err check_header_of(enum tg_config_upstream_kind kind, const char *name, const char *value)
{
    struct tg_config_header headers[] = { { (char *)name, (char *)value }, { NULL, NULL } };
    struct tg_config_upstream config = { .kind = kind, .headers = headers };
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_upstream_check(&config, &error);

    assert_true((err == TG_OK) == (error.length == 0));
    tg_buffer_deinit(&error);
    return err;
}

static enum tg_err check_header(const char *name, const char *value)
{
    return check_header_of(TG_UPSTREAM_WEBSOCKET, name, value);
}

static void headers_cannot_be_smuggled(void **state)
{
    (void)state;
    assert_int_equal(check_header("X-One", "a\tb c; \xc3\xa4"), TG_OK);
    assert_int_equal(check_header("X-One", "a\r\nX-Two: b"), TG_ERR_INVALID);
    assert_int_equal(check_header("X-One", "a\nb"), TG_ERR_INVALID);
    assert_int_equal(check_header("X One", "a"), TG_ERR_INVALID);
    assert_int_equal(check_header("X-One:", "a"), TG_ERR_INVALID);
    assert_int_equal(check_header("", "a"), TG_ERR_INVALID);
}

static void headers_of_the_handshake_are_reserved(void **state)
{
    (void)state;
    assert_int_equal(check_header("host", "x"), TG_ERR_INVALID);
    assert_int_equal(check_header("Sec-WebSocket-Extensions", "permessage-deflate"), TG_ERR_INVALID);
    assert_int_equal(check_header("Connection", "x"), TG_ERR_INVALID);
    assert_int_equal(check_header("Cookie", "a=b"), TG_OK);
}

static void headers_of_a_request_are_reserved(void **state)
{
    static const enum tg_config_upstream_kind kinds[] = { TG_UPSTREAM_SSE, TG_UPSTREAM_NDJSON,
                                                          TG_UPSTREAM_POLL };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(kinds); i++) {
        assert_int_equal(check_header_of(kinds[i], "Host", "x"), TG_ERR_INVALID);
        assert_int_equal(check_header_of(kinds[i], "last-event-id", "1"), TG_ERR_INVALID);
        assert_int_equal(check_header_of(kinds[i], "If-None-Match", "x"), TG_ERR_INVALID);
        assert_int_equal(check_header_of(kinds[i], "Accept-Encoding", "br"), TG_ERR_INVALID);
        assert_int_equal(check_header_of(kinds[i], "Transfer-Encoding", "chunked"), TG_ERR_INVALID);
        assert_int_equal(check_header_of(kinds[i], "Accept", "text/csv"), TG_OK);
        assert_int_equal(check_header_of(kinds[i], "Origin", "https://a.example"), TG_OK);
        assert_int_equal(check_header_of(kinds[i], "X-One", "a\r\nb"), TG_ERR_INVALID);
    }
}

static void a_cursor_needs_its_place_in_the_body(void **state)
{
    static const struct {
        const char *body, *pointer;
        enum tg_err err;
    } cases[] = {
        { "{}", "/since", TG_OK },
        { "{\"page\":{}}", "/page/since", TG_OK },
        { "{\"page\":[]}", "/page/0", TG_ERR_INVALID },
        { "{\"page\":1}", "/page/since", TG_ERR_INVALID },
        { "since", "/since", TG_ERR_INVALID },
        { "", "/since", TG_ERR_INVALID },
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_buffer error = { 0 };
        const struct tg_config_upstream config = {
            .kind = TG_UPSTREAM_POLL,
            .body = { .is_set = true, .bytes = (char *)cases[i].body, .length = strlen(cases[i].body) },
            .cursor = { .from = (char *)"/next", .body = (char *)cases[i].pointer },
        };
        assert_int_equal(tg_upstream_check(&config, &error), cases[i].err);
        tg_buffer_deinit(&error);
    }
}

static void other_texts_are_checked_too(void **state)
{
    char *bad[] = { (char *)"a b", NULL }, *good[] = { (char *)"a.b", (char *)"v1", NULL };
    struct tg_buffer error = { 0 };

    (void)state;
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .subprotocols = bad }, &error),
                     TG_ERR_INVALID);
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .subprotocols = good }, &error), TG_OK);
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .origin = (char *)"x\r\ny" }, &error),
                     TG_ERR_INVALID);
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .bearer = (char *)"x\ny" }, &error),
                     TG_ERR_INVALID);
    assert_int_equal(
        tg_upstream_check(&(struct tg_config_upstream){ .content_type = (char *)"x\ny" }, &error),
        TG_ERR_INVALID);
    tg_buffer_deinit(&error);
}

static void some_headers_are_not_passed_on(void **state)
{
    char *fine[] = { (char *)"Authorization", (char *)"X-Trace", NULL };
    char *of_the_connection[] = { (char *)"X-Trace", (char *)"connection", NULL };
    char *no_name[] = { (char *)"a b", NULL };
    struct tg_buffer error = { 0 };

    (void)state;
    assert_int_equal(tg_upstream_check_forwarded(NULL, TG_UPSTREAM_SSE, &error), TG_OK);
    assert_int_equal(tg_upstream_check_forwarded(fine, TG_UPSTREAM_WEBSOCKET, &error), TG_OK);
    assert_int_equal(error.length, 0);
    assert_int_equal(tg_upstream_check_forwarded(of_the_connection, TG_UPSTREAM_SSE, &error), TG_ERR_INVALID);
    assert_non_null(strstr(error.data, "\"connection\""));
    assert_int_equal(tg_upstream_check_forwarded(no_name, TG_UPSTREAM_SSE, &error), TG_ERR_INVALID);
    tg_buffer_deinit(&error);
}

static void too_much_for_one_request_is_refused(void **state)
{
    static char value[30000];

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    assert_int_equal(check_header("X-Long", value), TG_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_cannot_be_smuggled),
        cmocka_unit_test(headers_of_the_handshake_are_reserved),
        cmocka_unit_test(headers_of_a_request_are_reserved),
        cmocka_unit_test(a_cursor_needs_its_place_in_the_body),
        cmocka_unit_test(other_texts_are_checked_too),
        cmocka_unit_test(some_headers_are_not_passed_on),
        cmocka_unit_test(too_much_for_one_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
