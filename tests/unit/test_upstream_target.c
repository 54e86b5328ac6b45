/* Targets: redirects, the same site, the Host header. */
#include "upstream/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tg_target target(bool is_secure, const char *host, int64_t port, const char *path)
{
    struct tg_config_url url = {
        .is_secure = is_secure, .host = (char *)host, .port = port, .path = (char *)path
    };
    struct tg_target made;

    assert_int_equal(tg_target_init(&made, &url), TG_OK);
    return made;
}

static void write_url(const struct tg_target *t, char *ret_text, size_t size)
{
    char host[TG_TARGET_HOST_MAX + 10];

    tg_target_write_host(t, host, sizeof(host));
    snprintf(ret_text, size, "%s://%s%s", t->is_secure ? "wss" : "ws", host, t->path);
}

static void assert_follows(const struct tg_target *base, const char *location, const char *expected)
{
    struct tg_target next;
    char text[512];

    assert_int_equal(tg_target_follow(base, location, &next), TG_OK);
    write_url(&next, text, sizeof(text));
    assert_string_equal(text, expected);
    tg_target_deinit(&next);
}

static void locations_are_resolved(void **state)
{
    struct tg_target base = target(false, "example.org", 9000, "/a/b/c?q=/x/y");

    (void)state;
    assert_follows(&base, "/d", "ws://example.org:9000/d");
    assert_follows(&base, "d", "ws://example.org:9000/a/b/d");
    assert_follows(&base, "./d?e", "ws://example.org:9000/a/b/d?e");
    assert_follows(&base, "../d", "ws://example.org:9000/a/d");
    assert_follows(&base, "../../../../d", "ws://example.org:9000/d");
    assert_follows(&base, "..", "ws://example.org:9000/a/");
    assert_follows(&base, ".", "ws://example.org:9000/a/b/");
    assert_follows(&base, "?z=..", "ws://example.org:9000/a/b/c?z=..");
    assert_follows(&base, "", "ws://example.org:9000/a/b/c?q=/x/y");
    assert_follows(&base, "#part", "ws://example.org:9000/a/b/c?q=/x/y");
    assert_follows(&base, "/d#part", "ws://example.org:9000/d");
    assert_follows(&base, "/d?u=http://x", "ws://example.org:9000/d?u=http://x");
    assert_follows(&base, "//other/p", "ws://other/p");
    assert_follows(&base, "ws://other", "ws://other/");
    assert_follows(&base, "http://other:80/p", "ws://other/p");
    assert_follows(&base, "HTTPS://Other.Example:443?x", "wss://other.example/?x");
    assert_follows(&base, "wss://other:8443/p/../r", "wss://other:8443/r");
    assert_follows(&base, "ws://[::1]:81/p", "ws://[::1]:81/p");
    assert_follows(&base, "ws://[::1]", "ws://[::1]/");
    assert_follows(&base, "ws://other:/p", "ws://other/p");
    tg_target_deinit(&base);
}

static void bad_locations_are_refused(void **state)
{
    static const char *const locations[] = {
        "ftp://x/",   "mailto:x",     "http:/x",      "http:x",         "ws://",       "ws:///p",
        "ws://u@x/",  "ws://u:p@x/",  "ws://x:0/",    "ws://x:65536/",  "ws://x:8a/",  "ws://x:999999999999/",
        "ws://[::1",  "ws://[::1]x/", "ws://[nope]/", "ws://a b/",      "/a b",        "/a\tb",
        "/a\r\nX: y", "/\x7f",        "/\xc3\xa4",    "ws://\xc3\xa4/", "ws://x\r\n/", "//",
        "ws://%41/",
    };
    struct tg_target base = target(false, "x", 80, "/");
    struct tg_target next = { .port = 7 };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(locations); i++)
        assert_int_equal(tg_target_follow(&base, locations[i], &next), TG_ERR_INVALID);
    assert_int_equal(next.port, 7);
    tg_target_deinit(&base);
}

static void tls_is_never_left(void **state)
{
    struct tg_target base = target(true, "x", 443, "/");
    struct tg_target next;

    (void)state;
    assert_int_equal(tg_target_follow(&base, "ws://x/", &next), TG_ERR_TLS);
    assert_int_equal(tg_target_follow(&base, "http://x/", &next), TG_ERR_TLS);
    assert_follows(&base, "//y/p", "wss://y/p");
    assert_follows(&base, "https://y/p", "wss://y/p");
    tg_target_deinit(&base);
}

static void long_ones_are_refused(void **state)
{
    struct tg_target base = target(false, "x", 80, "/");
    struct tg_target next;
    char location[2 * TG_TARGET_PATH_MAX + 8];

    (void)state;
    memset(location, 'a', sizeof(location));
    location[0] = '/';
    location[TG_TARGET_PATH_MAX + 1] = '\0';
    assert_int_equal(tg_target_follow(&base, location, &next), TG_ERR_TOO_LARGE);
    location[TG_TARGET_PATH_MAX] = '\0';
    assert_int_equal(tg_target_follow(&base, location, &next), TG_OK);
    tg_target_deinit(&next);
    location[TG_TARGET_PATH_MAX] = 'a';
    location[sizeof(location) - 1] = '\0';
    assert_int_equal(tg_target_follow(&base, location, &next), TG_ERR_TOO_LARGE);
    tg_target_deinit(&base);
}

static bool is_same(const struct tg_target *base, const char *location)
{
    struct tg_target next;

    assert_int_equal(tg_target_follow(base, location, &next), TG_OK);
    bool is_it = tg_target_is_same_site(base, &next);
    tg_target_deinit(&next);
    return is_it;
}

static void secrets_stay_on_the_same_site(void **state)
{
    struct tg_target plain = target(false, "X.example", 80, "/");
    struct tg_target odd = target(false, "x.example", 9000, "/");

    (void)state;
    assert_true(is_same(&plain, "/b"));
    assert_true(is_same(&plain, "ws://x.EXAMPLE:80/"));
    assert_true(is_same(&plain, "https://x.example/"));
    assert_false(is_same(&plain, "https://x.example:8443/"));
    assert_false(is_same(&plain, "ws://x.example:81/"));
    assert_false(is_same(&plain, "ws://y.example/"));
    assert_false(is_same(&plain, "ws://x.example.org/"));
    assert_true(is_same(&odd, "wss://x.example:9000/"));
    assert_false(is_same(&odd, "wss://x.example/"));
    tg_target_deinit(&plain);
    tg_target_deinit(&odd);
}

static void addresses_are_told_from_names(void **state)
{
    (void)state;
    assert_true(tg_host_is_address("127.0.0.1"));
    assert_true(tg_host_is_address("::1"));
    assert_true(tg_host_is_address("2001:db8::1"));
    assert_false(tg_host_is_address("localhost"));
    assert_false(tg_host_is_address("127.1"));
    assert_false(tg_host_is_address("1.2.3.4.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locations_are_resolved),
        cmocka_unit_test(bad_locations_are_refused),
        cmocka_unit_test(tls_is_never_left),
        cmocka_unit_test(long_ones_are_refused),
        cmocka_unit_test(secrets_stay_on_the_same_site),
        cmocka_unit_test(addresses_are_told_from_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
