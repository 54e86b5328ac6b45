/* Unit tests: routes by path, and parameters of queries. */
#include "downstream/query.h"
#include "downstream/router.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add(struct tg_router *router, const char *path, enum tg_err result)
{
    assert_int_equal(tg_router_add(router, &(struct tg_route){ .path = path }), result);
}

static const char *find(const struct tg_router *router, const char *path)
{
    const struct tg_route *route = tg_router_find(router, tg_str_from(path));
    return route ? route->path : "none";
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
    assert_null(tg_router_find(&router, (struct tg_str){ "/a\0", 3 }));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_paths_win_over_prefixes),
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(paths_are_compared_byte_by_byte),
        cmocka_unit_test(a_path_is_taken_once),
        cmocka_unit_test(parameters_are_found_and_decoded),
        cmocka_unit_test(parameters_without_value_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
