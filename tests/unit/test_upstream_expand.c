/* A member's configuration: values in urls and headers, and values that want to get out of them. */
#include "expand_scene.h"

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

/* ---- complaints ----------------------------------------------------------------------------------- */

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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(what_is_wrong_is_told_without_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
