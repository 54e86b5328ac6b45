/* Unit tests: routes by path, parameters of paths and of queries. */
#include "downstream/query.h"
#include "downstream/router.h"
#include "downstream/target.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add(struct tg_router *router, const char *path, enum tg_err result)
{
    assert_int_equal(tg_router_add(router, &(struct tg_route){ .path = path }), result);
}

/* The path decoded, as a request does; `found` and its values live until the next call. */
static const struct tg_match *find_match(const struct tg_router *router, const char *raw)
{
    static struct tg_match match;
    static char path[1024];
    size_t length;
    assert_true(strlen(raw) <= sizeof(path));
    assert_int_equal(tg_path_decode(tg_str_from(raw), path, &length), TG_OK);
    match = (struct tg_match){ 0 };
    return tg_router_find(router, tg_str_from(raw), (struct tg_str){ path, length }, &match) ? &match : NULL;
}

static const char *find(const struct tg_router *router, const char *raw)
{
    const struct tg_match *match = find_match(router, raw);
    return match ? match->route->path : "none";
}

static void exact_paths_win_over_prefixes(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/a/*", TG_OK);
    add(&router, "/a/b", TG_OK);
    add(&router, "/a", TG_OK);
    assert_string_equal(find(&router, "/a/b"), "/a/b");
    assert_string_equal(find(&router, "/a"), "/a");
    assert_string_equal(find(&router, "/a/"), "/a/*");
    assert_string_equal(find(&router, "/a/bc"), "/a/*");
    assert_string_equal(find(&router, "/b"), "none");
    tg_router_deinit(&router);
}

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/*", TG_OK);
    add(&router, "/a/b/*", TG_OK);
    add(&router, "/a/*", TG_OK);
    assert_string_equal(find(&router, "/a/b/c"), "/a/b/*");
    assert_string_equal(find(&router, "/a/c"), "/a/*");
    assert_string_equal(find(&router, "/"), "/*");
    tg_router_deinit(&router);
}

static void paths_are_compared_byte_by_byte(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/a", TG_OK);
    assert_string_equal(find(&router, "/A"), "none");
    assert_string_equal(find(&router, "/a/"), "none");
    struct tg_str with_nul = { "/a\0", 3 };
    struct tg_match match;
    assert_false(tg_router_find(&router, with_nul, with_nul, &match));
    tg_router_deinit(&router);
}

static void a_path_is_taken_once(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/a", TG_OK);
    add(&router, "/a", TG_ERR_IN_USE);
    add(&router, "a", TG_ERR_INVALID);
    tg_router_deinit(&router);
}

/* ---- paths with parameters ---------------------------------------------------------------------------- */

static char *sides[] = { (char *)"buy", (char *)"sell", NULL };

static struct tg_config_parameter parameters[] = {
    { .name = (char *)"market" },
    { .name = (char *)"symbol", .pattern = (char *)"[A-Z]+|[a-z]+/[a-z]+" },
    { .name = (char *)"side", .one_of = sides },
};

static const struct tg_config_stream with_parameters = {
    .name = (char *)"s", .scope = TG_SCOPE_KEYED, .parameters = parameters, .parameter_count = 3
};

static void add_with(struct tg_router *router, const char *path, enum tg_err result)
{
    struct tg_route route = { .path = path, .stream_config = &with_parameters };
    assert_int_equal(tg_router_add(router, &route), result);
}

static void expect_values(const struct tg_router *router, const char *raw, const char *first,
                          const char *second, const char *third)
{
    const char *const expected[] = { first, second, third };
    const struct tg_match *match = find_match(router, raw);
    if (!match)
        fail_msg("no route for %s", raw);
    for (size_t i = 0; i < TG_COUNT_OF(expected); i++) {
        if (!tg_str_equals(match->values[i], tg_str_from(expected[i])))
            fail_msg("%s: value %zu is %.*s", raw, i, (int)match->values[i].length, match->values[i].data);
    }
}

static void values_come_in_the_order_of_the_configuration(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add_with(&router, "/{symbol}/on/{market}", TG_OK);
    add_with(&router, "/x/{side}/", TG_OK);
    expect_values(&router, "/ABC/on/xetra.de", "xetra.de", "ABC", "");
    expect_values(&router, "/%41BC/on/a%2Db", "a-b", "ABC", "");
    expect_values(&router, "/x/sell/", "", "", "sell");
    assert_string_equal(find(&router, "/x/sell"), "none");
    assert_string_equal(find(&router, "/ABC/in/x"), "none");
    assert_string_equal(find(&router, "/ABC/on/x/"), "none");
    assert_string_equal(find(&router, "/ABC/on"), "none");
    tg_router_deinit(&router);
}

static void a_value_must_be_allowed_as_a_whole(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "/m/", "/m/a%20b", "/m/%0a", "/m/x%0d%0aX", "/m/a+b", "/s/AB1",
        "/s/", "/s/AB%0A", "/s/A/B", "/d/Buy",      "/d/",    "/d/buysell",
    };
    struct tg_router router = { 0 };
    add_with(&router, "/m/{market}", TG_OK);
    add_with(&router, "/s/{symbol}", TG_OK);
    add_with(&router, "/d/{side}", TG_OK);
    for (size_t i = 0; i < TG_COUNT_OF(refused); i++) {
        if (find_match(&router, refused[i]))
            fail_msg("%s is taken", refused[i]);
    }
    expect_values(&router, "/m/aZ09._~-", "aZ09._~-", "", "");
    expect_values(&router, "/d/buy", "", "", "buy");
    char longest[] = "/m/0123456789012345678901234567890123456789012345678901234567890123";
    assert_string_equal(find(&router, longest), "/m/{market}");
    char too_long[] = "/m/01234567890123456789012345678901234567890123456789012345678901234";
    assert_string_equal(find(&router, too_long), "none");
    tg_router_deinit(&router);
}

static void control_characters_are_never_allowed(void **state)
{
    (void)state;
    static struct tg_config_parameter any = { .name = (char *)"any", .pattern = (char *)"(?s).*" };
    const struct tg_config_stream config = { .parameters = &any, .parameter_count = 1 };
    struct tg_route route = { .path = "/f/{any}", .stream_config = &config };
    struct tg_router router = { 0 };
    assert_int_equal(tg_router_add(&router, &route), TG_OK);
    assert_string_equal(find(&router, "/f/a%20%22b"), "/f/{any}");
    assert_string_equal(find(&router, "/f/a%0D%0Ab"), "none");
    assert_string_equal(find(&router, "/f/%7F"), "none");
    assert_string_equal(find(&router, "/f/%FF"), "none"); /* not UTF-8 */
    tg_router_deinit(&router);
}

static void a_slash_in_a_value_is_for_the_pattern_to_allow(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add_with(&router, "/m/{market}", TG_OK);
    add_with(&router, "/s/{symbol}", TG_OK);
    expect_values(&router, "/s/btc%2Feur", "", "btc/eur", "");
    assert_string_equal(find(&router, "/s/btc/eur"), "none");
    assert_string_equal(find(&router, "/s/BTC%2FEUR"), "none");
    assert_string_equal(find(&router, "/m/a%2Fb"), "none");
    tg_router_deinit(&router);
}

static void exact_wins_over_parameters_and_those_over_prefixes(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/*", TG_OK);
    add(&router, "/a/b*", TG_OK);
    add(&router, "/a/{x}", TG_OK);
    add(&router, "/a/b", TG_OK);
    assert_string_equal(find(&router, "/a/b"), "/a/b");
    assert_string_equal(find(&router, "/a/bc"), "/a/{x}");
    assert_string_equal(find(&router, "/a/b/c"), "/a/b*");
    assert_string_equal(find(&router, "/a/"), "/*");
    assert_string_equal(find(&router, "/a/!"), "none"); /* the route it is, but not its value */
    tg_router_deinit(&router);
}

static void the_first_literal_segment_wins(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/{a}/{b}/c", TG_OK);
    add(&router, "/{a}/b/{c}", TG_OK);
    add(&router, "/a/{b}/{c}", TG_OK);
    add(&router, "/a/{b}/x", TG_OK);
    add(&router, "/a/b/{c}/{d}", TG_OK);
    assert_string_equal(find(&router, "/a/b/c"), "/a/{b}/{c}");
    assert_string_equal(find(&router, "/a/b/x"), "/a/{b}/x");
    assert_string_equal(find(&router, "/x/b/c"), "/{a}/b/{c}");
    assert_string_equal(find(&router, "/x/y/c"), "/{a}/{b}/c");
    assert_string_equal(find(&router, "/x/y/d"), "none");
    assert_string_equal(find(&router, "/a/b/c/d"), "/a/b/{c}/{d}");
    tg_router_deinit(&router);
}

static void routes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static struct tg_config_parameter broken = { .name = (char *)"x", .pattern = (char *)"(" };
    const struct tg_config_stream broken_config = { .parameters = &broken, .parameter_count = 1 };
    struct tg_family *family = (struct tg_family *)(void *)&broken; /* only looked at for being there */
    struct tg_router router = { 0 };
    add(&router, "/{a}/b", TG_OK);
    add(&router, "/{c}/b", TG_ERR_IN_USE);
    add(&router, "/{a}/{a}", TG_ERR_INVALID);
    add(&router, "/{a}/*", TG_ERR_INVALID);
    struct tg_route route = { .path = "/x/{x}", .stream_config = &broken_config };
    assert_int_equal(tg_router_add(&router, &route), TG_ERR_INVALID);
    route = (struct tg_route){ .path = "/x/{market}/{side}",
                               .stream_config = &with_parameters,
                               .family = family };
    assert_int_equal(tg_router_add(&router, &route), TG_ERR_INVALID);
    route.path = "/x/{market}/{side}/{symbol}";
    assert_int_equal(tg_router_add(&router, &route), TG_OK);
    const struct tg_config_stream session = { .scope = TG_SCOPE_CLIENT,
                                              .parameters = parameters,
                                              .parameter_count = 3 };
    route = (struct tg_route){
        .path = "/send", .stream_config = &session, .family = family, .kind = TG_ROUTE_SEND
    };
    assert_int_equal(tg_router_add(&router, &route), TG_OK);
    add(&router, "/1/{1}/{2}/{3}/{4}/{5}/{6}/{7}/{8}/{9}/{10}/{11}/{12}/{13}/{14}/{15}/{16}", TG_OK);
    add(&router, "/2/{1}/{2}/{3}/{4}/{5}/{6}/{7}/{8}/{9}/{10}/{11}/{12}/{13}/{14}/{15}/{16}/{17}",
        TG_ERR_INVALID);
    assert_string_equal(find(&router, "/1/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"),
                        "/1/{1}/{2}/{3}/{4}/{5}/{6}/{7}/{8}/{9}/{10}/{11}/{12}/{13}/{14}/{15}/{16}");
    tg_router_deinit(&router);
}

static void braces_in_a_segment_are_themselves(void **state)
{
    (void)state;
    struct tg_router router = { 0 };
    add(&router, "/a{b}", TG_OK);
    add(&router, "/{}", TG_OK);
    assert_string_equal(find(&router, "/a{b}"), "/a{b}");
    assert_string_equal(find(&router, "/ab"), "none");
    assert_string_equal(find(&router, "/%7B%7D"), "/{}");
    tg_router_deinit(&router);
}

static void many_routes_are_told_apart(void **state)
{
    (void)state;
    enum { ROUTES = 20000 };
    struct tg_router router = { 0 };
    char path[64];
    for (int i = 0; i < ROUTES; i++) {
        static const char *const endings[] = { "", "/{x}", "/p/*" };
        for (size_t k = 0; k < TG_COUNT_OF(endings); k++) {
            snprintf(path, sizeof(path), "/r/%d%s", i, endings[k]);
            add(&router, path, TG_OK);
        }
    }
    assert_string_equal(find(&router, "/r/19999"), "/r/19999");
    assert_string_equal(find(&router, "/r/777/x"), "/r/777/{x}");
    assert_string_equal(find(&router, "/r/12345/p/y"), "/r/12345/p/*");
    assert_string_equal(find(&router, "/r/20000"), "none");
    tg_router_deinit(&router);
}

static void *find_often(void *arg)
{
    const struct tg_router *router = arg;
    for (int i = 0; i < 2000; i++) {
        struct tg_match match;
        bool is_good = i % 2;
        struct tg_str path = is_good ? TG_STR("/s/ABC") : TG_STR("/s/A1");
        if (tg_router_find(router, path, path, &match) != is_good)
            return arg;
    }
    return NULL;
}

static void many_threads_may_ask_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct tg_router router = { 0 };
    add_with(&router, "/s/{symbol}", TG_OK);
    for (size_t i = 0; i < TG_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_often, &router), 0);
    for (size_t i = 0; i < TG_COUNT_OF(threads); i++) {
        void *failure;
        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
    tg_router_deinit(&router);
}

/* ---- queries ------------------------------------------------------------------------------------------ */

static void expect_parameter(const char *query, const char *name, const char *value)
{
    struct tg_buffer out = { 0 };
    bool is_found = tg_query_get(tg_str_from(query), name, &out);
    assert_int_equal(is_found, value != NULL);
    if (value)
        assert_true(tg_str_equals((struct tg_str){ out.data, out.length }, tg_str_from(value)));
    tg_buffer_deinit(&out);
}

static void parameters_are_found_and_decoded(void **state)
{
    (void)state;
    expect_parameter("a=1&b=2", "b", "2");
    expect_parameter("b=x%2dy+z%", "b", "x-y z%");
    expect_parameter("b=%4", "b", "%4");
    expect_parameter("%62=2", "b", "2");
    expect_parameter("b=1&b=2", "b", "1");
    expect_parameter("b=&b=2", "b", "2");
    expect_parameter("b=1=2", "b", "1=2");
    expect_parameter("&&b=1&", "b", "1");
}

static void parameters_without_value_are_none(void **state)
{
    (void)state;
    expect_parameter("", "b", NULL);
    expect_parameter("b", "b", NULL);
    expect_parameter("b=", "b", NULL);
    expect_parameter("bb=1", "b", NULL);
    expect_parameter("B=1", "b", NULL);
    expect_parameter("=1", "b", NULL);
}

static void expect_filtered(const char *query, char **names, const char *expected)
{
    static char *others[] = { (char *)"lastEventId", NULL };
    struct tg_buffer out = { 0 };
    assert_int_equal(tg_query_filter(tg_str_from(query), names, others, &out), TG_OK);
    assert_string_equal(tg_text_or_empty(out.data), expected);
    tg_buffer_deinit(&out);
}

static void only_named_parameters_pass(void **state)
{
    (void)state;
    char *two[] = { (char *)"a b", (char *)"c", NULL };
    char *all[] = { (char *)"*", NULL };
    char *id[] = { (char *)"lastEventId", NULL };
    expect_filtered("x=1&a+b=%20&c&cc=2&a%20b=3", two, "a+b=%20&c&a%20b=3");
    expect_filtered("x=1&&lastEventId=7&flag&last%45ventId=8&y=", all, "x=1&flag&y=");
    expect_filtered("x=1&lastEventId=7", id, "lastEventId=7");
    expect_filtered("x=1", NULL, "");
    expect_filtered("", all, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_paths_win_over_prefixes),
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(paths_are_compared_byte_by_byte),
        cmocka_unit_test(a_path_is_taken_once),
        cmocka_unit_test(values_come_in_the_order_of_the_configuration),
        cmocka_unit_test(a_value_must_be_allowed_as_a_whole),
        cmocka_unit_test(control_characters_are_never_allowed),
        cmocka_unit_test(a_slash_in_a_value_is_for_the_pattern_to_allow),
        cmocka_unit_test(exact_wins_over_parameters_and_those_over_prefixes),
        cmocka_unit_test(the_first_literal_segment_wins),
        cmocka_unit_test(routes_that_cannot_be_are_refused),
        cmocka_unit_test(braces_in_a_segment_are_themselves),
        cmocka_unit_test(many_routes_are_told_apart),
        cmocka_unit_test(many_threads_may_ask_at_once),
        cmocka_unit_test(parameters_are_found_and_decoded),
        cmocka_unit_test(parameters_without_value_are_none),
        cmocka_unit_test(only_named_parameters_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
