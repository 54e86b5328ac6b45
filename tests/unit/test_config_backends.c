/* Unit tests: backends over HTTP: what the options of sse, ndjson and poll load to. */
#include "config_fixture.h"
#include "upstream/poll_cursor.h"

#include <stdio.h>

#define UPSTREAM(members) "{\"streams\":{\"q\":{\"upstream\":{" members "}}},\"routes\":[]}"

static void websocket_is_what_it_was(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM("\"url\":\"ws://h\""));
    const struct tg_config_upstream *upstream = &config->streams[0].upstream;
    assert_int_equal(upstream->kind, TG_UPSTREAM_WEBSOCKET);
    assert_int_equal(upstream->ping_every_ms, 20000);
    assert_int_equal(upstream->method, TG_CONFIG_GET);
    assert_false(upstream->body.is_set);
    assert_null(upstream->content_type);
    assert_null(upstream->cursor.from);
    tg_config_free(config);
}

static void kinds_over_http_have_no_pings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t kind;
    } kinds[] = {
        { UPSTREAM("\"kind\":\"sse\",\"url\":\"http://h\""), TG_UPSTREAM_SSE },
        { UPSTREAM("\"kind\":\"ndjson\",\"url\":\"http://h\""), TG_UPSTREAM_NDJSON },
        { UPSTREAM("\"kind\":\"poll\",\"url\":\"http://h\""), TG_UPSTREAM_POLL },
    };
    for (size_t i = 0; i < TG_COUNT_OF(kinds); i++) {
        struct tg_config *config = load_good(kinds[i].text);
        const struct tg_config_upstream *upstream = &config->streams[0].upstream;
        assert_int_equal(upstream->kind, kinds[i].kind);
        assert_int_equal(upstream->ping_every_ms, 0);
        assert_int_equal(upstream->keepalive_every_ms, 0);
        assert_int_equal(upstream->on_open_count, 0);
        assert_int_equal(upstream->url.port, 80);
        assert_false(upstream->url.is_secure);
        assert_string_equal(upstream->url.path, "/");
        tg_config_free(config);
    }
}

static void ndjson_may_be_framed_otherwise(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM("\"kind\":\"ndjson\",\"url\":\"http://h\""));
    assert_int_equal(config->streams[0].upstream.framing, TG_FRAMING_AUTO);
    tg_config_free(config);
    config = load_good(UPSTREAM("\"kind\":\"ndjson\",\"url\":\"http://h\",\"framing\":\"json-seq\""));
    assert_int_equal(config->streams[0].upstream.framing, TG_FRAMING_JSON_SEQ);
    tg_config_free(config);
}

static void poll_has_its_defaults(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM("\"url\":\"https://h/x?y=z\",\"kind\":\"poll\""));
    const struct tg_config_upstream *upstream = &config->streams[0].upstream;
    assert_int_equal(upstream->url.port, 443);
    assert_true(upstream->url.is_secure);
    assert_string_equal(upstream->url.path, "/x?y=z");
    assert_int_equal(upstream->method, TG_CONFIG_GET);
    assert_int_equal(upstream->every_ms, 5000);
    assert_int_equal(upstream->jitter_percent, 10);
    assert_false(upstream->is_long);
    assert_null(upstream->cursor.from);
    tg_config_free(config);
}

static void poll_takes_all_of_its_options(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM(
        "\"kind\":\"poll\",\"url\":\"http://h:81\",\"method\":\"POST\",\"every\":\"10ms\",\"jitter\":100,"
        "\"long\":true,\"body\":{\"a\":[1,{}]},\"idle_timeout\":\"1s\","
        "\"cursor\":{\"from\":\"/next/0\",\"add\":1,\"body\":\"/a/1/since\",\"initial\":\"x\"}"));
    const struct tg_config_upstream *upstream = &config->streams[0].upstream;
    assert_int_equal(upstream->url.port, 81);
    assert_int_equal(upstream->method, TG_CONFIG_POST);
    assert_int_equal(upstream->every_ms, 10);
    assert_int_equal(upstream->jitter_percent, 100);
    assert_int_equal(upstream->idle_timeout_ms, 1000);
    assert_true(upstream->is_long);
    assert_string_equal(upstream->body.bytes, "{\"a\":[1,{}]}");
    assert_string_equal(upstream->cursor.from, "/next/0");
    assert_int_equal(upstream->cursor.add, 1);
    assert_string_equal(upstream->cursor.body, "/a/1/since");
    assert_string_equal(upstream->cursor.initial, "x");
    assert_null(upstream->cursor.query);
    tg_config_free(config);
}

static void cursor_may_go_into_the_query(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM(
        "\"kind\":\"poll\",\"url\":\"http://h\",\"cursor\":{\"query\":\"since\",\"from\":\"/next\"}"));
    const struct tg_config_cursor *cursor = &config->streams[0].upstream.cursor;
    assert_string_equal(cursor->query, "since");
    assert_null(cursor->body);
    assert_null(cursor->initial);
    tg_config_free(config);
}

static void assert_body(const char *members, bool is_binary, const char *bytes, size_t length,
                        const char *type)
{
    char text[512];
    snprintf(text, sizeof(text),
             UPSTREAM("\"kind\":\"sse\",\"url\":\"http://h\",\"method\":\"POST\",\"body\":%s"), members);
    struct tg_config *config = load_good(text);
    const struct tg_config_upstream *upstream = &config->streams[0].upstream;
    assert_true(upstream->body.is_set);
    assert_int_equal(upstream->body.is_binary, is_binary);
    assert_int_equal(upstream->body.length, length);
    assert_memory_equal(upstream->body.bytes, bytes, length + 1);
    assert_string_equal(upstream->content_type, type);
    tg_config_free(config);
}

static void body_says_its_type(void **state)
{
    (void)state;
    assert_body("\"text\"", false, "text", 4, "text/plain; charset=utf-8");
    assert_body("\"\"", false, "", 0, "text/plain; charset=utf-8");
    assert_body("{ \"b\": 1, \"a\": [ 0.1 ] }", false, "{\"b\":1,\"a\":[0.1]}", 17, "application/json");
    assert_body("null", false, "null", 4, "application/json");
    assert_body("{\"$base64\":\"AAEC\"}", true, "\0\1\2", 3, "application/octet-stream");
    assert_body("[],\"content_type\":\"application/x-list\"", false, "[]", 2, "application/x-list");
}

static void headers_are_reserved_by_kind(void **state)
{
    (void)state;
    /* Free for one kind, taken for the other. */
    tg_config_free(
        load_good(UPSTREAM("\"url\":\"ws://h\",\"headers\":{\"Range\":\"a\",\"Accept-Encoding\":\"b\","
                           "\"Last-Event-ID\":\"c\",\"Content-Type\":\"d\"}")));
    struct tg_config *config =
        load_good(UPSTREAM("\"headers\":{\"Origin\":\"a\",\"Sec-WebSocket-Key\":\"b\",\"Accept\":\"c\"},"
                           "\"kind\":\"poll\",\"url\":\"http://h\""));
    assert_string_equal(config->streams[0].upstream.headers[2].name, "Accept");
    tg_config_free(config);
}

/* A text of `count` times "v". */
static void append_many(struct tg_buffer *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tg_buffer_append_str(out, "v");
}

static void assert_too_large(const char *before, size_t count, const char *after, const char *place)
{
    struct tg_buffer text = { 0 };
    tg_buffer_append_str(&text, before);
    append_many(&text, count);
    tg_buffer_append_str(&text, after);
    assert_bad(text.data, place);
    tg_buffer_deinit(&text);
}

static void more_headers_than_servers_take_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before, *place;
    } cases[] = {
        { "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\",\"headers\":{\"X\":\"",
          "t.json:1:55: streams.q.upstream.headers: expected at most 24KiB of headers" },
        { "{\"streams\":{\"q\":{\"upstream\":{\"kind\":\"sse\",\"url\":\"http://h\",\"auth\":{\"bearer\":\"",
          "t.json:1:67: streams.q.upstream.auth: expected at most 24KiB of headers" },
        { "{\"streams\":{\"q\":{\"upstream\":{\"kind\":\"poll\",\"url\":\"http://h\",\"headers\":{\"X\":\"",
          "t.json:1:71: streams.q.upstream.headers: expected at most 24KiB of headers" },
        { "{\"streams\":{\"q\":{\"upstream\":{\"kind\":\"ndjson\",\"url\":\"http://h\",\"headers\":{\"X\":\"",
          "t.json:1:73: streams.q.upstream.headers: expected at most 24KiB of headers" },
        { "{\"streams\":{\"q\":{\"scope\":\"client\",\"upstream\":{\"url\":\"ws://h\",\"headers\":{\"X\":\"",
          "t.json:1:72: streams.q.upstream.headers: expected at most 24KiB of headers" },
    };
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_buffer text = { 0 };
        assert_too_large(cases[i].before, 28 * 1024, "\"}}}},\"routes\":[]}", cases[i].place);
        tg_buffer_append_str(&text, cases[i].before);
        append_many(&text, 24 * 1024 - 16);
        tg_buffer_append_str(&text, "\"}}}},\"routes\":[]}");
        tg_config_free(load_good(text.data));
        tg_buffer_deinit(&text);
    }
}

static void the_longest_path_is_one_that_can_be_used(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 };
    tg_buffer_append_str(&text, "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h?");
    append_many(&text, TG_URL_PATH_MAX_BYTES - 2); /* "/" comes before, and "?" */
    tg_buffer_append_str(&text, "\"}}},\"routes\":[]}");
    struct tg_config *config = load_good(text.data);
    assert_int_equal(strlen(config->streams[0].upstream.url.path), TG_URL_PATH_MAX_BYTES);
    tg_config_free(config);
    tg_buffer_deinit(&text);
    assert_too_large("{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h?", TG_URL_PATH_MAX_BYTES - 1,
                     "\"}}},\"routes\":[]}",
                     "t.json:1:36: streams.q.upstream.url: expected a URL whose path");
}

/* The loader says whether the cursor has its place; the link puts it there. */
static void a_cursor_has_its_place_where_the_loader_says(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer;
        bool is_good;
    } cases[] = {
        { "{}", "/since", true },
        { "{\"page\":{}}", "/page/since", true },
        { "{\"page\":{\"since\":[1]}}", "/page/since", true },
        { "{\"page\":[7]}", "/page/0", true },
        { "{\"a/b~\":{}}", "/a~1b~0/c", true },
        { "{\"page\":[]}", "/page/0", false },
        { "{\"page\":[7]}", "/page/00", false },
        { "{\"page\":1}", "/page/since", false },
        { "{\"page\":null}", "/page/since", false },
    };
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_buffer text = { 0 }, placed = { 0 };
        tg_buffer_appendf(&text,
                          UPSTREAM("\"kind\":\"poll\",\"url\":\"http://h\",\"method\":\"POST\",\"body\":%s,"
                                   "\"cursor\":{\"from\":\"/n\",\"body\":\"%s\"}"),
                          cases[i].body, cases[i].pointer);
        if (cases[i].is_good)
            tg_config_free(load_good(text.data));
        else
            assert_bad(text.data, "t.json:1:");
        enum tg_err err = tg_poll_cursor_add_to_body(&placed, tg_str_from(cases[i].body), cases[i].pointer,
                                                     TG_STR("x"), false);
        assert_int_equal(err == TG_OK, cases[i].is_good);
        tg_buffer_deinit(&placed);
        tg_buffer_deinit(&text);
    }
}

static void a_connection_lasts_ten_seconds_to_prove_itself(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM("\"url\":\"ws://h\""));
    assert_int_equal(config->streams[0].upstream.reconnect_stable_ms, 10000);
    tg_config_free(config);
    config = load_good(UPSTREAM("\"url\":\"ws://h\",\"reconnect\":{\"stable\":\"0\"}"));
    assert_int_equal(config->streams[0].upstream.reconnect_stable_ms, 0);
    tg_config_free(config);
}

static void assert_codes(const struct tg_config_codes *codes, const int64_t *expected, size_t count)
{
    assert_int_equal(codes->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(codes->list[i], expected[i]);
}

#define ASSERT_CODES(codes, ...)                                                                             \
    assert_codes(codes, (const int64_t[]){ __VA_ARGS__ }, TG_COUNT_OF(((const int64_t[]){ __VA_ARGS__ })))

/* What the file lists is taken out of the lists by default. */
static void close_codes_have_one_meaning_each(void **state)
{
    (void)state;
    struct tg_config *config = load_good(UPSTREAM("\"url\":\"ws://h\""));
    const struct tg_config_upstream *upstream = &config->streams[0].upstream;
    ASSERT_CODES(&upstream->close_end, 1000);
    ASSERT_CODES(&upstream->close_later, 1008, 4401, 4403);
    ASSERT_CODES(&upstream->close_spread, 1012, 1013);
    tg_config_free(config);
    config = load_good(UPSTREAM("\"url\":\"ws://h\",\"close_codes\":{\"later\":[1000,4001],\"spread\":[]}"));
    upstream = &config->streams[0].upstream;
    assert_int_equal(upstream->close_end.count, 0);
    ASSERT_CODES(&upstream->close_later, 1000, 4001);
    assert_int_equal(upstream->close_spread.count, 0);
    tg_config_free(config);
    config = load_good(UPSTREAM("\"url\":\"ws://h\",\"close_codes\":{\"spread\":[4401,1001]}"));
    upstream = &config->streams[0].upstream;
    ASSERT_CODES(&upstream->close_later, 1008, 4403);
    ASSERT_CODES(&upstream->close_spread, 4401, 1001);
    tg_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(websocket_is_what_it_was),
        cmocka_unit_test(kinds_over_http_have_no_pings),
        cmocka_unit_test(poll_has_its_defaults),
        cmocka_unit_test(ndjson_may_be_framed_otherwise),
        cmocka_unit_test(poll_takes_all_of_its_options),
        cmocka_unit_test(cursor_may_go_into_the_query),
        cmocka_unit_test(body_says_its_type),
        cmocka_unit_test(headers_are_reserved_by_kind),
        cmocka_unit_test(more_headers_than_servers_take_are_refused),
        cmocka_unit_test(the_longest_path_is_one_that_can_be_used),
        cmocka_unit_test(a_cursor_has_its_place_where_the_loader_says),
        cmocka_unit_test(a_connection_lasts_ten_seconds_to_prove_itself),
        cmocka_unit_test(close_codes_have_one_meaning_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
