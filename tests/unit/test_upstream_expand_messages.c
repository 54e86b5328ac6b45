/* A member's configuration: values in messages and bodies, and values that want to get out of them. */
#include "expand_scene.h"

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

/* ---- bodies --------------------------------------------------------------------------------------- */

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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
