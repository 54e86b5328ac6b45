/* Unit tests: scopes: what the options of keyed streams, sessions and messages of clients load to. */
#include "config/options.h"
#include "config_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* `members` of the stream, without its routes. */
#define STREAM(members) "{\"streams\":{\"q\":{" members "}},\"routes\":[]}"
#define WS "\"upstream\":{\"url\":\"ws://h\"}"
#define ROUTES(members) "{\"streams\":{\"q\":{" WS "}},\"routes\":[{\"path\":\"/q\"," members "}]}"

static void shared_is_what_it_was(void **state)
{
    (void)state;
    struct tg_config *config = load_good(STREAM(WS));
    const struct tg_config_stream *stream = &config->streams[0];
    assert_int_equal(stream->scope, TG_SCOPE_SHARED);
    assert_int_equal(stream->parameter_count, 0);
    assert_null(stream->route.by);
    assert_null(stream->until);
    assert_true(stream->upstream.required);
    assert_int_equal(stream->upstream.linger_ms, 10000);
    assert_int_equal(stream->upstream.connect, TG_CONNECT_ALWAYS);
    tg_config_free(config);
}

static void keyed_has_its_defaults(void **state)
{
    (void)state;
    struct tg_config *config =
        load_good(STREAM("\"scope\":\"keyed\",\"parameters\":{\"b\":{},\"a\":{\"pattern\":\"x|y\"},"
                         "\"c\":{\"one_of\":[\"1\",\"2\"]}}," WS));
    const struct tg_config_stream *stream = &config->streams[0];
    assert_int_equal(stream->scope, TG_SCOPE_KEYED);
    assert_int_equal(stream->max_members, 10000);
    assert_false(stream->upstream.required);
    assert_int_equal(stream->upstream.linger_ms, 10000);
    /* In the order of the file: it is the one of the keys' values. */
    assert_int_equal(stream->parameter_count, 3);
    assert_string_equal(stream->parameters[0].name, "b");
    assert_null(stream->parameters[0].pattern);
    assert_null(stream->parameters[0].one_of);
    assert_string_equal(stream->parameters[1].name, "a");
    assert_string_equal(stream->parameters[1].pattern, "x|y");
    assert_string_equal(stream->parameters[2].one_of[0], "1");
    assert_string_equal(stream->parameters[2].one_of[1], "2");
    assert_null(stream->parameters[2].one_of[2]);
    tg_config_free(config);
}

static void client_has_its_defaults(void **state)
{
    (void)state;
    struct tg_config *config = load_good(STREAM("\"scope\":\"client\"," WS));
    const struct tg_config_stream *stream = &config->streams[0];
    const struct tg_config_session *session = &stream->session;
    assert_int_equal(stream->scope, TG_SCOPE_CLIENT);
    assert_int_equal(stream->max_members, 10000);
    assert_int_equal(stream->parameter_count, 0);
    assert_false(stream->upstream.required);
    assert_int_equal(stream->upstream.linger_ms, 60000);
    assert_null(session->forward_headers);
    assert_null(session->forward_query);
    assert_null(session->identity_cookie);
    assert_null(session->identity_header);
    assert_true(session->is_opened_by_get);
    assert_false(session->is_opened_by_post);
    assert_int_equal(session->max_body_bytes, 65536);
    assert_null(session->message);
    tg_config_free(config);
}

static void what_is_set_stays(void **state)
{
    (void)state;
    struct tg_config *config =
        load_good(STREAM("\"upstream\":{\"linger\":\"10s\",\"required\":true,\"url\":\"ws://h\"},"
                         "\"max_sessions\":7,\"scope\":\"client\""));
    assert_int_equal(config->streams[0].upstream.linger_ms, 10000);
    assert_true(config->streams[0].upstream.required);
    assert_int_equal(config->streams[0].max_members, 7);
    tg_config_free(config);
    config = load_good(STREAM("\"max_keys\":8,\"scope\":\"keyed\",\"parameters\":{\"a\":{}}," WS));
    assert_int_equal(config->streams[0].max_members, 8);
    tg_config_free(config);
}

static void session_takes_all_of_its_options(void **state)
{
    (void)state;
    struct tg_config *config =
        load_good(STREAM("\"scope\":\"client\",\"session\":{\"forward_headers\":[\"Cookie\",\"X-A\"],"
                         "\"forward_query\":[\"*\"],"
                         "\"identity\":{\"cookie\":\"sid\"},\"open\":\"both\",\"max_body\":\"1KiB\","
                         "\"message\":{ \"op\": \"ask\", \"text\": \"{body}\" }}," WS));
    const struct tg_config_session *session = &config->streams[0].session;
    assert_string_equal(session->forward_headers[0], "Cookie");
    assert_string_equal(session->forward_headers[1], "X-A");
    assert_null(session->forward_headers[2]);
    assert_string_equal(session->forward_query[0], "*");
    assert_null(session->forward_query[1]);
    assert_string_equal(session->identity_cookie, "sid");
    assert_null(session->identity_header);
    assert_true(session->is_opened_by_get);
    assert_true(session->is_opened_by_post);
    assert_int_equal(session->max_body_bytes, 1024);
    assert_string_equal(session->message, "{\"op\":\"ask\",\"text\":\"{body}\"}");
    tg_config_free(config);
}

static void assert_renewed(const char *session, bool is_renewed)
{
    char text[500];
    snprintf(
        text, sizeof(text),
        "{\"streams\":{\"q\":{\"scope\":\"client\",\"session\":{\"forward_headers\":[\"Authorization\"]%s},"
        "\"upstream\":{\"url\":\"ws://h\"}}},\"routes\":[{\"path\":\"/q\",\"stream\":\"q\"}]}",
        session);
    struct tg_config *config = load_good(text);
    assert_int_equal(config->streams[0].session.is_renewed, is_renewed);
    tg_config_free(config);
}

static void who_has_no_identity_renews_only_by_option(void **state)
{
    (void)state;
    assert_renewed("", false);
    assert_renewed(",\"renew\":true", true);
    assert_renewed(",\"identity\":{\"cookie\":\"sid\"}", true);
    assert_renewed(",\"identity\":{\"header\":\"X-User\"}", true);
    assert_renewed(",\"identity\":{\"cookie\":\"sid\"},\"renew\":false", false);
}

static void session_may_need_a_body(void **state)
{
    (void)state;
    struct tg_config *config = load_good(
        STREAM("\"scope\":\"client\",\"session\":{\"open\":\"post\",\"message\":\"{\\\"q\\\":{body}}\","
               "\"identity\":{\"header\":\"Authorization\"}},"
               "\"upstream\":{\"kind\":\"ndjson\",\"url\":\"http://h\",\"method\":\"POST\"}"));
    const struct tg_config_stream *stream = &config->streams[0];
    assert_false(stream->session.is_opened_by_get);
    assert_true(stream->session.is_opened_by_post);
    assert_string_equal(stream->session.message, "{\"q\":{body}}");
    assert_string_equal(stream->session.identity_header, "Authorization");
    /* A body that is posted says by itself what it is. */
    assert_false(stream->upstream.body.is_set);
    assert_null(stream->upstream.content_type);
    tg_config_free(config);
}

static void route_picks_keys_out_of_messages(void **state)
{
    (void)state;
    struct tg_config *config = load_good(
        STREAM("\"parameters\":{\"a\":{}},\"max_keys\":9,\"route\":{\"by\":\"/s\",\"to\":{\"\":\"none\",\"a "
               "b\":\"c.d\"}},"
               "\"until\":{\"text\":\"end\"},\"upstream\":{\"url\":\"ws://h\",\"connect\":\"on_demand\"}"));
    const struct tg_config_stream *stream = &config->streams[0];
    assert_int_equal(stream->scope, TG_SCOPE_SHARED);
    assert_int_equal(stream->max_members, 9);
    assert_string_equal(stream->route.by, "/s");
    assert_string_equal(stream->route.to[0].name, "");
    assert_string_equal(stream->route.to[0].value, "none");
    assert_string_equal(stream->route.to[1].name, "a b");
    assert_string_equal(stream->route.to[1].value, "c.d");
    assert_null(stream->route.to[2].name);
    assert_int_equal(stream->until->kind, TG_CONDITION_TEXT);
    assert_string_equal(stream->until->pattern, "end");
    assert_true(stream->upstream.required);
    assert_int_equal(stream->upstream.connect, TG_CONNECT_ON_DEMAND);
    tg_config_free(config);
    config = load_good(STREAM("\"parameters\":{\"a\":{}},\"route\":{\"by\":\"/s\"}," WS));
    assert_null(config->streams[0].route.to);
    assert_int_equal(config->streams[0].max_members, 10000);
    tg_config_free(config);
}

/* ---- parameters in urls ------------------------------------------------------------------------------- */

#define PARAMETERS                                                                                           \
    "\"parameters\":{\"s\":{\"one_of\":[\"wss\",\"ws\"]},\"h\":{\"one_of\":[\"eu\",\"[::1]\",\"a.b:81\"]},"  \
    "\"p\":{\"one_of\":[\"9000\",\"1\"]},\"x\":{}}"

static void assert_url(const char *scope, const char *given, bool is_secure, const char *host, int port,
                       const char *path)
{
    char text[512];
    snprintf(text, sizeof(text), STREAM("\"scope\":\"%s\"," PARAMETERS ",\"upstream\":{\"url\":\"%s\"}"),
             scope, given);
    struct tg_config *config = load_good(text);
    const struct tg_config_url *url = &config->streams[0].upstream.url;
    assert_string_equal(url->text, given);
    assert_int_equal(url->is_secure, is_secure);
    assert_string_equal(url->host, host);
    assert_int_equal(url->port, port);
    assert_string_equal(url->path, path);
    tg_config_free(config);
}

static void urls_may_have_parameters(void **state)
{
    (void)state;
    assert_url("keyed", "ws://h/{x}/a?b={p}&{s}", false, "h", 80, "/{x}/a?b={p}&{s}");
    assert_url("client", "ws://h?{x}", false, "h", 80, "/?{x}");
    assert_url("keyed", "{s}://h", true, "h", 443, "/");
    assert_url("keyed", "ws://{h}/{h}", false, "eu", 80, "/{h}");
    assert_url("client", "ws://x-{p}.example:{p}", false, "x-9000.example", 9000, "/");
    assert_url("keyed", "{s}://[::1]:{p}?{x}", true, "::1", 9000, "/?{x}");
    assert_url("keyed", "ws://h/plain", false, "h", 80, "/plain");
}

static void braces_mean_nothing_in_shared_streams(void **state)
{
    (void)state;
    struct tg_config *config = load_good(STREAM(
        "\"parameters\":{\"a\":{}},\"route\":{\"by\":\"/a\"},"
        "\"upstream\":{\"url\":\"ws://h/{b}{\",\"headers\":{\"X\":\"{b}\"},\"on_open\":[\"{as}{b}\"]}"));
    assert_string_equal(config->streams[0].upstream.url.path, "/{b}{");
    assert_string_equal(config->streams[0].upstream.headers[0].value, "{b}");
    tg_config_free(config);
}

static void order_of_keys_does_not_matter(void **state)
{
    (void)state;
    struct tg_config *config =
        load_good(STREAM("\"upstream\":{\"url\":\"ws://{h}/{x}\",\"headers\":{\"X\":\"{x}\"}},"
                         "\"parameters\":{\"x\":{},\"h\":{\"one_of\":[\"eu\"]}},\"scope\":\"keyed\""));
    assert_string_equal(config->streams[0].upstream.url.host, "eu");
    tg_config_free(config);
}

static void each_value_must_make_a_url(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 };
    tg_buffer_append_str(&text,
                         "{\"streams\":{\"q\":{\"scope\":\"keyed\",\"parameters\":{\"p\":{\"one_of\":[");
    for (int i = 1; i < 1000; i++)
        tg_buffer_appendf(&text, "\"%d\",", i);
    tg_buffer_append_str(&text, "\"65536\"]}},\n\"upstream\":{\"url\":\"ws://h:{p}\"}}},\"routes\":[]}");
    assert_bad(text.data,
               "t.json:2:19: streams.q.upstream.url: expected a URL with a port from 1 to 65535, or "
               "without one, also where \"{p}\" is \"65536\"\n");
    tg_buffer_deinit(&text);
}

static void secrets_in_urls_stay_out_of_messages(void **state)
{
    (void)state;
    setenv("TIDEGATE_TEST", "{hunter2}", 1);
    assert_bad(
        STREAM("\"scope\":\"keyed\",\"parameters\":{\"a\":{}},"
               "\"upstream\":{\"url\":\"ws://h/${TIDEGATE_TEST}\"}"),
        "t.json:1:74: streams.q.upstream.url: expected only parameters of the stream in braces: \"{a}\"\n");
    unsetenv("TIDEGATE_TEST");
}

static void patterns_must_be_regular_expressions(void **state)
{
    (void)state;
    static const char place[] = "t.json:1:63: streams.q.parameters.a.pattern: expected a regular expression";
    static const char *const patterns[] = { "(", "a)(b", "a)|(?:b", "\\\\Qa", "(?x)a#", "*", "" };
    for (size_t i = 0; i < TG_COUNT_OF(patterns); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 STREAM("\"scope\":\"keyed\",\"parameters\":{\"a\":{\"pattern\":\"%s\"}}," WS), patterns[i]);
        if (*patterns[i])
            assert_bad(text, place);
        else
            tg_config_free(load_good(text));
    }
}

/* ---- routes ------------------------------------------------------------------------------------------- */

static void send_has_its_defaults(void **state)
{
    (void)state;
    struct tg_config *config = load_good(ROUTES("\"send\":\"q\""));
    const struct tg_config_route *route = &config->routes[0];
    assert_null(route->stream);
    assert_string_equal(route->send, "q");
    assert_true(route->send_options.is_set);
    assert_int_equal(route->send_options.max_body_bytes, 65536);
    assert_int_equal(route->rate.per_second, 0);
    assert_int_equal(route->rate.burst, 0);
    assert_false(route->send_options.is_binary);
    assert_null(route->cors.origins);
    tg_config_free(config);
    config = load_good(ROUTES("\"stream\":\"q\""));
    assert_null(config->routes[0].send);
    assert_false(config->routes[0].send_options.is_set);
    tg_config_free(config);
}

static void send_takes_all_of_its_options(void **state)
{
    (void)state;
    struct tg_config *config =
        load_good("{\"streams\":{\"a\":{" WS "},\"b\":{" WS "}},\"routes\":[{\"path\":\"/b\",\"send\":\"b\","
                  "\"max_body\":\"1MiB\",\"rate\":{\"per_second\":5,\"burst\":20},\"binary\":true,"
                  "\"cors\":{\"origins\":[\"*\"]}},"
                  "{\"path\":\"/a\",\"send\":\"a\",\"rate\":{\"per_second\":7}}]}");
    const struct tg_config_route *route = &config->routes[0];
    assert_int_equal(route->stream_index, 1);
    assert_int_equal(route->send_options.max_body_bytes, 1 << 20);
    assert_int_equal(route->rate.per_second, 5);
    assert_int_equal(route->rate.burst, 20);
    assert_true(route->send_options.is_binary);
    assert_string_equal(route->cors.origins[0], "*");
    assert_int_equal(config->routes[1].stream_index, 0);
    assert_int_equal(config->routes[1].rate.burst, 7);
    tg_config_free(config);
}

static void sessions_may_have_a_rate(void **state)
{
    (void)state;
    struct tg_config *config = load_good("{\"streams\":{\"a\":{\"scope\":\"client\"," WS
                                         "}},\"routes\":[{\"path\":\"/a\",\"stream\":\"a\","
                                         "\"rate\":{\"per_second\":3}}]}");
    assert_int_equal(config->routes[0].rate.per_second, 3);
    assert_int_equal(config->routes[0].rate.burst, 3);
    tg_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_is_what_it_was),
        cmocka_unit_test(keyed_has_its_defaults),
        cmocka_unit_test(client_has_its_defaults),
        cmocka_unit_test(what_is_set_stays),
        cmocka_unit_test(session_takes_all_of_its_options),
        cmocka_unit_test(who_has_no_identity_renews_only_by_option),
        cmocka_unit_test(session_may_need_a_body),
        cmocka_unit_test(route_picks_keys_out_of_messages),
        cmocka_unit_test(urls_may_have_parameters),
        cmocka_unit_test(braces_mean_nothing_in_shared_streams),
        cmocka_unit_test(order_of_keys_does_not_matter),
        cmocka_unit_test(each_value_must_make_a_url),
        cmocka_unit_test(secrets_in_urls_stay_out_of_messages),
        cmocka_unit_test(patterns_must_be_regular_expressions),
        cmocka_unit_test(send_has_its_defaults),
        cmocka_unit_test(send_takes_all_of_its_options),
        cmocka_unit_test(sessions_may_have_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
