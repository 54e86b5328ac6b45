/* A member's configuration: values in each place, and values that want to get out of it. */
#include "upstream/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(text) ((char *)(text))
#define MESSAGE(text) ((struct tg_config_message){ true, false, P(text), sizeof(text) - 1 })

struct scene {
    struct tg_config_stream config;
    struct tg_pair parameters[2];
    struct tg_pair headers[4];
    struct tg_opening opening;
    struct tg_config_upstream made;
    struct tg_buffer error;
};

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));
    struct tg_config_upstream *upstream = &scene->config.upstream;

    upstream->kind = TG_UPSTREAM_WEBSOCKET;
    upstream->url = (struct tg_config_url){
        .text = P("ws://example.org:9000/rooms"), .host = P("example.org"), .port = 9000, .path = P("/rooms")
    };
    scene->parameters[0] = (struct tg_pair){ TG_STR("room"), TG_STR("blue") };
    scene->parameters[1] = (struct tg_pair){ TG_STR("user"), TG_STR("ann") };
    scene->opening = (struct tg_opening){ .parameters = scene->parameters,
                                          .parameter_count = 2,
                                          .headers = scene->headers };
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    tg_expand_deinit(&scene->made);
    tg_buffer_deinit(&scene->error);
    free(scene);
    return 0;
}

static void set_value(struct scene *scene, const char *value)
{
    scene->parameters[0].value = tg_str_from(value);
}

static enum tg_err expand(struct scene *scene)
{
    tg_expand_deinit(&scene->made);
    scene->made = (struct tg_config_upstream){ 0 };
    tg_buffer_clear(&scene->error);
    return tg_expand(&scene->config, &scene->opening, &scene->made, &scene->error);
}

static void assert_path(struct scene *scene, const char *value, const char *expected)
{
    set_value(scene, value);
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.url.path, expected);
}

static void assert_refused(struct scene *scene, enum tg_err expected)
{
    assert_int_equal(expand(scene), expected);
    assert_null(scene->made.url.path);
    assert_true(scene->error.length > 0);
}

static void assert_message(const struct tg_config_message *message, const char *expected)
{
    assert_true(message->is_set);
    assert_int_equal(message->length, strlen(expected));
    assert_memory_equal(message->bytes, expected, message->length);
}

/* ---- url ----------------------------------------------------------------------------------------- */

static void values_are_encoded_in_path_and_query(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.url.path = P("/rooms/{room}/of/{user}?room={room}&b={{x}}");
    assert_path(scene, "blue", "/rooms/blue/of/ann?room=blue&b={{x}}");
    assert_path(scene, "a b", "/rooms/a%20b/of/ann?room=a%20b&b={{x}}");
    assert_path(scene, "a/b?c#d&e=f%2e;",
                "/rooms/a%2Fb%3Fc%23d%26e%3Df%252e%3B/of/ann"
                "?room=a%2Fb%3Fc%23d%26e%3Df%252e%3B&b={{x}}");
    assert_path(scene, "\xc3\xa4\r\n", "/rooms/%C3%A4%0D%0A/of/ann?room=%C3%A4%0D%0A&b={{x}}");
    assert_path(scene, "-._~", "/rooms/-._~/of/ann?room=-._~&b={{x}}");
}

static void a_value_is_not_looked_into(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.url.path = P("/{room}/{nobody}/{room");
    assert_path(scene, "{user}", "/%7Buser%7D/{nobody}/{room");
    scene->config.upstream.on_open = &MESSAGE("SUB {room}");
    scene->config.upstream.on_open_count = 1;
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.on_open[0], "SUB {user}");
}

static void a_value_is_no_way_up(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.url.path = P("/rooms/{room}/x?in={room}");
    set_value(scene, "..");
    assert_refused(scene, TG_ERR_INVALID);
    set_value(scene, ".");
    assert_refused(scene, TG_ERR_INVALID);
    assert_path(scene, "...", "/rooms/.../x?in=...");
    scene->config.upstream.url.path = P("/rooms/.{room}");
    set_value(scene, ".");
    assert_refused(scene, TG_ERR_INVALID);
    scene->config.upstream.url.path = P("/rooms/./x?in={room}");
    assert_path(scene, "..", "/rooms/./x?in=..");
}

/* Some backends, and proxies before them, look for segments only after decoding. */
static void a_value_is_no_way_up_once_decoded_either(void **state)
{
    static const char *const values[] = { "../../admin", "a/../../admin", "a/..", "./a", "a\\..\\b", "../" };
    struct scene *scene = *state;

    scene->config.upstream.url.path = P("/rooms/{room}");
    for (size_t i = 0; i < TG_COUNT_OF(values); i++) {
        set_value(scene, values[i]);
        assert_refused(scene, TG_ERR_INVALID);
    }
    assert_path(scene, "a/b..c/...", "/rooms/a%2Fb..c%2F...");
    assert_path(scene, "%2e%2e", "/rooms/%252e%252e");
    scene->config.upstream.url.path = P("/rooms/%2E{room}");
    set_value(scene, ".");
    assert_refused(scene, TG_ERR_INVALID);
    scene->config.upstream.url.path = P("/rooms%2f..%5c{room}?../..");
    assert_path(scene, "x", "/rooms%2f..%5cx?../..");
}

static void a_path_has_its_limit(void **state)
{
    struct scene *scene = *state;
    char *value = tg_alloc(9000);

    memset(value, 'a', 8999);
    scene->config.upstream.url.path = P("/{room}");
    set_value(scene, value);
    assert_refused(scene, TG_ERR_TOO_LARGE);
    free(value);
}

static void scheme_host_and_port_are_filled_in(void **state)
{
    struct scene *scene = *state;
    struct tg_config_url *url = &scene->config.upstream.url;

    url->text = P("wss://{room}.Example.org:900{user}/x?y");
    url->path = P("/x?y");
    url->host = NULL;
    set_value(scene, "eu");
    scene->parameters[1].value = TG_STR("1");
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.url.host, "eu.example.org");
    assert_int_equal(scene->made.url.port, 9001);
    assert_true(scene->made.url.is_secure);
    assert_string_equal(scene->made.url.path, "/x?y");
}

static void a_host_is_nothing_else(void **state)
{
    static const char *const values[] = { "evil.org/", "u@evil.org", "evil.org#", "evil.org?",
                                          "a b",       "evil.org\\", "a\r\nb" };
    struct scene *scene = *state;

    scene->config.upstream.url.text = P("ws://{room}:80/");
    scene->config.upstream.url.path = P("/");
    for (size_t i = 0; i < TG_COUNT_OF(values); i++) {
        set_value(scene, values[i]);
        assert_refused(scene, TG_ERR_INVALID);
    }
}

static void a_forwarded_query_follows(void **state)
{
    struct scene *scene = *state;

    scene->opening.query = TG_STR("a=1&b=%20");
    assert_path(scene, "x", "/rooms?a=1&b=%20");
    scene->config.upstream.url.path = P("/rooms?z");
    assert_path(scene, "x", "/rooms?z&a=1&b=%20");
}

static void a_forwarded_query_says_nothing_that_the_url_says(void **state)
{
    static const char *const names[] = {
        "role=admin",     "ROLE=admin",        "%72ole=admin", "role",  "role[]=admin", "%20role=admin",
        "+role%5B=admin", "role%00x[]=a=role", "in_it=x",      "in.it", "since=1"
    };
    struct scene *scene = *state;

    scene->config.upstream.cursor.query = P("since");
    scene->config.upstream.url.path = P("/rooms?role=user&x={room};in.it=1");
    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        scene->opening.query = tg_str_from(names[i]);
        assert_path(scene, "1", "/rooms?role=user&x=1;in.it=1");
    }
    scene->opening.query = TG_STR("a&role=admin&&roles=1&y=role&=&rol%65=x");
    assert_path(scene, "1", "/rooms?role=user&x=1;in.it=1&a&roles=1&y=role&=");
    scene->config.upstream.url.path = P("/role?");
    scene->opening.query = TG_STR("role=1");
    assert_path(scene, "1", "/role?&role=1");
}

static void a_forwarded_query_stays_a_query_of_these_pairs(void **state)
{
    struct scene *scene = *state;

    scene->opening.query = TG_STR("a=1;role=admin&b=\xc3\xa4 #\\\"\r\n");
    assert_path(scene, "x", "/rooms?a=1%3Brole=admin&b=%C3%A4%20%23%5C%22%0D%0A");
}

/* ---- headers ------------------------------------------------------------------------------------- */

static void headers_get_values_and_forwarded_ones_follow(void **state)
{
    struct scene *scene = *state;
    struct tg_config_header headers[] = { { P("X-Room"), P("room={room}; user={user}") }, { 0 } };

    scene->config.upstream.headers = headers;
    scene->headers[0] = (struct tg_pair){ TG_STR("Cookie"), TG_STR("a=b") };
    scene->headers[1] = (struct tg_pair){ TG_STR("x-room"), TG_STR("mine") };
    scene->opening.header_count = 2;
    set_value(scene, "a b\xc3\xa4");
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.headers[0].name, "X-Room");
    assert_string_equal(scene->made.headers[0].value, "room=a b\xc3\xa4; user=ann");
    assert_string_equal(scene->made.headers[1].name, "Cookie");
    assert_string_equal(scene->made.headers[1].value, "a=b");
    assert_null(scene->made.headers[2].name);
}

static void credentials_are_not_replaced(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.bearer = P("secret");
    scene->headers[0] = (struct tg_pair){ TG_STR("AUTHORIZATION"), TG_STR("Bearer mine") };
    scene->opening.header_count = 1;
    assert_int_equal(expand(scene), TG_OK);
    assert_null(scene->made.headers[0].name);
}

static void no_value_ends_a_header(void **state)
{
    static const struct tg_str values[] = { { "a\rb", 3 },
                                            { "a\nb", 3 },
                                            { "a\r\nX: y", 7 },
                                            { "a\0b", 3 },
                                            { "a\x7f"
                                              "b",
                                              3 } };
    struct scene *scene = *state;
    struct tg_config_header headers[] = { { P("X-Room"), P("{room}") }, { 0 } };

    for (size_t i = 0; i < TG_COUNT_OF(values); i++) {
        scene->config.upstream.headers = headers;
        scene->opening.header_count = 0;
        scene->parameters[0].value = values[i];
        assert_refused(scene, TG_ERR_INVALID);
        scene->config.upstream.headers = NULL;
        scene->headers[0] = (struct tg_pair){ TG_STR("Cookie"), values[i] };
        scene->opening.header_count = 1;
        assert_refused(scene, TG_ERR_INVALID);
    }
    scene->headers[0].value = TG_STR("a\tb"); /* RFC 9110 section 5.5 */
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.headers[0].value, "a\tb");
}

static void headers_have_their_limit(void **state)
{
    struct scene *scene = *state;
    char *value = tg_alloc(25001);

    memset(value, 'a', 25000);
    scene->headers[0] = (struct tg_pair){ TG_STR("Cookie"), { value, 25000 } };
    scene->opening.header_count = 1;
    assert_refused(scene, TG_ERR_TOO_LARGE);
    free(value);
}

/* ---- messages ------------------------------------------------------------------------------------ */

static void messages_are_escaped_where_they_are_json(void **state)
{
    struct scene *scene = *state;
    struct tg_config_message messages[] = { MESSAGE("{\"op\":\"sub\",\"room\":\"{room}\"}"),
                                            MESSAGE("SUB {room}"), MESSAGE("{room}") };

    messages[2].is_binary = true;
    scene->config.upstream.on_open = messages;
    scene->config.upstream.on_open_count = 3;
    scene->config.upstream.keepalive_message = MESSAGE("[\"{user}\"]");
    set_value(scene, "\",\"op\":\"\\");
    assert_int_equal(expand(scene), TG_OK);
    assert_int_equal(scene->made.on_open_count, 3);
    assert_message(&scene->made.on_open[0], "{\"op\":\"sub\",\"room\":\"\\\",\\\"op\\\":\\\"\\\\\"}");
    assert_message(&scene->made.on_open[1], "SUB \",\"op\":\"\\");
    assert_message(&scene->made.on_open[2], "{room}");
    assert_true(scene->made.on_open[2].is_binary);
    assert_message(&scene->made.keepalive_message, "[\"ann\"]");
}

static void a_value_outside_of_strings_is_json(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.on_open = &MESSAGE("{\"\\\"{room}\":{room},\"b\":{}}");
    scene->config.upstream.on_open_count = 1;
    set_value(scene, "17");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.on_open[0], "{\"\\\"17\":17,\"b\":{}}");
    set_value(scene, "1,\"admin\":true");
    assert_refused(scene, TG_ERR_INVALID);
    set_value(scene, "blue");
    assert_refused(scene, TG_ERR_INVALID);
    scene->config.upstream.on_open = &MESSAGE("{room}");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.on_open[0], "blue");
}

/* Makes the one message of the template, which is a string constant. */
#define assert_sent(scene, template, value, expected)                                                        \
    do {                                                                                                     \
        (scene)->config.upstream.on_open = &MESSAGE(template);                                               \
        (scene)->config.upstream.on_open_count = 1;                                                          \
        set_value(scene, value);                                                                             \
        assert_int_equal(expand(scene), TG_OK);                                                              \
        assert_message(&(scene)->made.on_open[0], expected);                                                 \
    } while (0)
#define assert_not_sent(scene, template, value)                                                              \
    do {                                                                                                     \
        (scene)->config.upstream.on_open = &MESSAGE(template);                                               \
        (scene)->config.upstream.on_open_count = 1;                                                          \
        set_value(scene, value);                                                                             \
        assert_refused(scene, TG_ERR_INVALID);                                                               \
    } while (0)

static void a_value_in_json_is_one_value(void **state)
{
    static const char *const others[] = { "",    " ",  "1 2", "1,2",    "{} {}",    "{\"a\":1", "nul",
                                          "'a'", "01", "1]",  "\"\n\"", "\"\xff\"", "NaN",      "//\n1" };
    struct scene *scene = *state;

    for (size_t i = 0; i < TG_COUNT_OF(others); i++)
        assert_not_sent(scene, "[{room}]", others[i]);
    assert_sent(scene, "[{room}]", " {\"a\":1,\"a\":2}\n", "[ {\"a\":1,\"a\":2}\n]");
    assert_sent(scene, "{\"{room}\":1}", "a\":2,\"b", "{\"a\\\":2,\\\"b\":1}");
    assert_sent(scene, "[\"{room}\"]", "\x01\x7f\xe2\x80\xa8\xf0\x9f\x98\x80",
                "[\"\\u0001\\u007f\xe2\x80\xa8\xf0\x9f\x98\x80\"]");
    assert_not_sent(scene, "[\"{room}\"]", "\xed\xa0\x80");
    assert_not_sent(scene, "[\"{room}\"]", "\xc0\x80");
}

static void json_in_a_string_of_json_has_strings_too(void **state)
{
    struct scene *scene = *state;

    assert_sent(scene, "{\"identifier\":\"{\\\"channel\\\":\\\"{room}\\\"}\"}", "blue",
                "{\"identifier\":\"{\\\"channel\\\":\\\"blue\\\"}\"}");
    assert_sent(scene, "{\"identifier\":\"{\\\"channel\\\":\\\"{room}\\\"}\"}", "a\",\"admin\":\"b",
                "{\"identifier\":\"{\\\"channel\\\":\\\"a\\\\\\\",\\\\\\\"admin\\\\\\\":\\\\\\\"b\\\"}\"}");
    assert_sent(scene, "[\"42[\\\"join\\\",{room}]\"]", "{\"a\":1}", "[\"42[\\\"join\\\",{\\\"a\\\":1}]\"]");
    assert_not_sent(scene, "[\"42[\\\"join\\\",{room}]\"]", "1],[\"admin\"");
    /* What only looks like it is text. */
    assert_sent(scene, "{\"text\":\"Say \\\"{room}\\\"!\",\"tag\":\"[{room}]\"}", "it is \"so\"\n",
                "{\"text\":\"Say \\\"it is \\\"so\\\"\\n\\\"!\",\"tag\":\"[it is \\\"so\\\"\\n]\"}");
}

static void json_may_stand_behind_something(void **state)
{
    struct scene *scene = *state;

    assert_sent(scene, "42[\"join\",{\"room\":\"{room}\"}]", "a\"},{\"b\":\"",
                "42[\"join\",{\"room\":\"a\\\"},{\\\"b\\\":\\\"\"}]");
    assert_sent(scene, "42[\"join\",{room}]", "[1]", "42[\"join\",[1]]");
    assert_not_sent(scene, "42[\"join\",{room}]", "1],[2");
    assert_sent(scene, "SEND {user}\n[x]\n\n{\"text\":\"{room}\"}\n", "a\n\"b\"",
                "SEND ann\n[x]\n\n{\"text\":\"a\\n\\\"b\\\"\"}\n");
}

static void json_may_have_a_mark_at_its_end(void **state)
{
    struct scene *scene = *state;

    assert_sent(scene, "{\"n\":{room}}\x1e", "[1]", "{\"n\":[1]}\x1e");
    assert_not_sent(scene, "{\"n\":{room}}\x1e", "1}\x1e{");
    assert_sent(scene, "{\"n\":\"{room}\"}\r\n", "1\"", "{\"n\":\"1\\\"\"}\r\n");
    assert_sent(scene, "{\"n\":\"{room}\"}\x1e{\"m\":\"{room}\"}\x1e", "\x1e\"",
                "{\"n\":\"\\u001e\\\"\"}\x1e{\"m\":\"\\u001e\\\"\"}\x1e");
}

static void a_line_of_text_stays_one_line(void **state)
{
    static const struct tg_str others[] = { { "a\nB", 3 },         { "a\rB", 3 },         { "a\0B", 3 },
                                            { "a\tB", 3 },         { "\x7f", 1 },         { "a\xc2\x85", 3 },
                                            { "\xe2\x80\xa8", 3 }, { "\xe2\x80\xa9", 3 }, { "\xff", 1 } };
    struct scene *scene = *state;

    scene->config.upstream.on_open = &MESSAGE("SUB {room}\r\n");
    scene->config.upstream.on_open_count = 1;
    for (size_t i = 0; i < TG_COUNT_OF(others); i++) {
        scene->parameters[0].value = others[i];
        assert_refused(scene, TG_ERR_INVALID);
    }
    assert_sent(scene, "SUB {room}\r\n", "a b\xc2\xa0\"\xe2\x80\xa7\"",
                "SUB a b\xc2\xa0\"\xe2\x80\xa7\"\r\n");
    assert_sent(scene, "JOIN [{room}]", "blue", "JOIN [blue]");
    assert_sent(scene, "{room} {user}\n", "blue", "blue ann\n");
    assert_sent(scene, "SUB \"{room}\" {room}\n", "a\" \"b", "SUB \"a\\\" \\\"b\" a\" \"b\n");
    assert_sent(scene, "SUB \"{room}\"\n", "a\nB", "SUB \"a\\nB\"\n");
}

static void values_are_no_markup(void **state)
{
    struct scene *scene = *state;

    assert_sent(scene, " <join to=\"{room}\">{room}</join>", "a\"/><admin b='&\n",
                " <join to=\"a&#34;/&#62;&#60;admin b=&#39;&#38;&#10;\">a&#34;/&#62;&#60;admin "
                "b=&#39;&#38;&#10;</join>");
    assert_sent(scene, "<34> {room}", "a&b", "<34> a&b");
    assert_not_sent(scene, "<a>{room}</a>", "\x01");
}

static void text_is_utf8(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.on_open_count = 1;
    set_value(scene, "\xff");
    scene->config.upstream.on_open = &MESSAGE("SUB {room}");
    assert_refused(scene, TG_ERR_INVALID);
    scene->config.upstream.on_open = &MESSAGE("[\"{room}\"]");
    assert_refused(scene, TG_ERR_INVALID);
}

static void a_body_in_a_form_is_encoded(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.kind = TG_UPSTREAM_NDJSON;
    scene->config.upstream.body = MESSAGE("room={room}&x=1");
    scene->config.upstream.content_type = P("application/x-www-form-urlencoded");
    set_value(scene, "a&x=2");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.body, "room=a%26x%3D2&x=1");
}

static void a_posted_body_in_a_form_is_encoded(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.kind = TG_UPSTREAM_SSE;
    scene->config.upstream.content_type = P("application/x-www-form-urlencoded; charset=utf-8");
    scene->config.session.message = P("room={room}&text={body}");
    set_value(scene, "a&b");
    scene->opening.has_body = true;
    scene->opening.body = TG_STR("x&role=admin\n\xff");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.body, "room=a%26b&text=x%26role%3Dadmin%0A%FF");
}

static void set_body(struct scene *scene, const char *body)
{
    scene->opening.has_body = true;
    scene->opening.body = tg_str_from(body);
}

static void a_posted_body_is_the_first_message(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.on_open = &MESSAGE("hello");
    scene->config.upstream.on_open_count = 1;
    set_body(scene, "{room} is mine");
    assert_int_equal(expand(scene), TG_OK);
    assert_int_equal(scene->made.on_open_count, 2);
    assert_message(&scene->made.on_open[0], "hello");
    assert_message(&scene->made.on_open[1], "{room} is mine");
    set_body(scene, "");
    assert_int_equal(expand(scene), TG_OK);
    assert_int_equal(scene->made.on_open_count, 1);
    set_body(scene, "\xff");
    assert_refused(scene, TG_ERR_INVALID);
}

static void a_posted_body_stands_in_its_message(void **state)
{
    struct scene *scene = *state;

    scene->config.session.message = P("{\"room\":\"{room}\",\"prompt\":\"{body}\"}");
    set_body(scene, "say \"{room}\"");
    assert_int_equal(expand(scene), TG_OK);
    assert_int_equal(scene->made.on_open_count, 1);
    assert_message(&scene->made.on_open[0], "{\"room\":\"blue\",\"prompt\":\"say \\\"{room}\\\"\"}");
    scene->config.session.message = P("ASK {body}");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.on_open[0], "ASK say \"{room}\"");
    set_body(scene, "say\nADMIN");
    assert_refused(scene, TG_ERR_INVALID);
    scene->config.session.message = P("{body}");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.on_open[0], "say\nADMIN");
    scene->config.session.message = P("{\"query\":{body}}");
    assert_refused(scene, TG_ERR_INVALID);
    set_body(scene, "");
    assert_refused(scene, TG_ERR_INVALID);
    set_body(scene, "[1,{\"a\":\"{room}\"}]");
    assert_int_equal(expand(scene), TG_OK);
    assert_message(&scene->made.on_open[0], "{\"query\":[1,{\"a\":\"{room}\"}]}");
}

static void a_posted_body_is_the_body_of_the_request(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.kind = TG_UPSTREAM_SSE;
    scene->config.upstream.body = MESSAGE("configured");
    set_body(scene, "{\"a\":1}");
    assert_int_equal(expand(scene), TG_OK);
    assert_int_equal(scene->made.method, TG_CONFIG_POST);
    assert_message(&scene->made.body, "{\"a\":1}");
    assert_string_equal(scene->made.content_type, "application/json");
    set_body(scene, "plain");
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.content_type, "text/plain; charset=utf-8");
    set_body(scene, "\xff");
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.content_type, "application/octet-stream");
    scene->config.upstream.content_type = P("text/csv");
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.content_type, "text/csv");
}

static void what_is_wrong_is_told_without_what_was_sent(void **state)
{
    struct scene *scene = *state;
    struct tg_config_header headers[] = { { P("X-Room"), P("{room}") }, { 0 } };

    scene->config.upstream.headers = headers;
    set_value(scene, "secret\r\n");
    assert_refused(scene, TG_ERR_INVALID);
    assert_null(strstr(scene->error.data, "secret"));
    assert_string_equal(scene->error.data, "headers: expected values without control characters\n");
    scene->config.upstream.headers = NULL;
    scene->config.upstream.url.path = P("/rooms/{room}");
    set_value(scene, "../secret");
    assert_refused(scene, TG_ERR_INVALID);
    assert_string_equal(scene->error.data, "url: expected values that are no way up, as \"..\" is\n");
    scene->config.upstream.url.path = P("/rooms");
    scene->config.session.message = P("{\"a\":{body}}");
    scene->opening.has_body = true;
    scene->opening.body = TG_STR("secret");
    assert_refused(scene, TG_ERR_INVALID);
    assert_memory_equal(scene->error.data, "body: expected UTF-8", strlen("body: expected UTF-8"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_are_encoded_in_path_and_query),
        TEST(a_value_is_not_looked_into),
        TEST(a_value_is_no_way_up),
        TEST(a_value_is_no_way_up_once_decoded_either),
        TEST(a_path_has_its_limit),
        TEST(scheme_host_and_port_are_filled_in),
        TEST(a_host_is_nothing_else),
        TEST(a_forwarded_query_follows),
        TEST(a_forwarded_query_says_nothing_that_the_url_says),
        TEST(a_forwarded_query_stays_a_query_of_these_pairs),
        TEST(headers_get_values_and_forwarded_ones_follow),
        TEST(credentials_are_not_replaced),
        TEST(no_value_ends_a_header),
        TEST(headers_have_their_limit),
        TEST(messages_are_escaped_where_they_are_json),
        TEST(a_value_outside_of_strings_is_json),
        TEST(a_value_in_json_is_one_value),
        TEST(json_in_a_string_of_json_has_strings_too),
        TEST(json_may_stand_behind_something),
        TEST(json_may_have_a_mark_at_its_end),
        TEST(a_line_of_text_stays_one_line),
        TEST(values_are_no_markup),
        TEST(text_is_utf8),
        TEST(a_body_in_a_form_is_encoded),
        TEST(a_posted_body_in_a_form_is_encoded),
        TEST(a_posted_body_is_the_first_message),
        TEST(a_posted_body_stands_in_its_message),
        TEST(a_posted_body_is_the_body_of_the_request),
        TEST(what_is_wrong_is_told_without_what_was_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
