/* Unit tests: what of a configuration must not be in the log. */
#include "upstream/secrets.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct tg_secrets *secrets, const char *const *expected)
{
    size_t count = 0;

    while (expected[count])
        count++;
    assert_int_equal(secrets->count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(tg_str_equals(secrets->list[i], tg_str_from(expected[i])));
    tg_secrets_deinit(secrets);
}

static void headers_are_taken_apart(void **state)
{
    char lines[][2][40] = { { "Authorization", "Bearer token-1" },
                            { "Cookie", "sid=cookie-2; theme=dark" },
                            { "Proxy-Authorization", "Basic dXNlcjpwYXNzd29yZA==" },
                            { "Accept", "text/event-stream" },
                            { "Accept-Language", "german" },
                            { "Content-Type", "application/json" },
                            { "user-agent", "curl/8.0" } };
    struct tg_config_header headers[TG_COUNT_OF(lines) + 1] = { 0 };
    const struct tg_config_upstream config = { .headers = headers };
    struct tg_secrets secrets = { 0 };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(lines); i++)
        headers[i] = (struct tg_config_header){ lines[i][0], lines[i][1] };
    tg_secrets_add_upstream(&secrets, &config);
    expect(&secrets,
           (const char *const[]){ "Bearer token-1", "token-1", "sid=cookie-2; theme=dark", "cookie-2", "dark",
                                  "Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA==", "password", NULL });
}

static void credentials_are_secret(void **state)
{
    const struct tg_config_upstream config = { .bearer = (char *)"token-1",
                                               .basic_user = (char *)"user",
                                               .basic_password = (char *)"password" };
    struct tg_secrets secrets = { 0 };

    (void)state;
    tg_secrets_add_upstream(&secrets, &config);
    expect(&secrets, (const char *const[]){ "token-1", "user", "password", "dXNlcjpwYXNzd29yZA==", NULL });
}

static void values_of_a_query_count_decoded_too(void **state)
{
    struct tg_secrets secrets = { 0 };

    (void)state;
    tg_secrets_add_query(&secrets, "/p?a=one+two&b=%68ush&c=long;d=%zz%z&only-value&e=&&a=1");
    expect(&secrets, (const char *const[]){ "one+two", "one two", "%68ush", "hush", "long", "%zz%z",
                                            "only-value", NULL });
    tg_secrets_add_query(&secrets, "/no/query");
    tg_secrets_add_query(&secrets, NULL);
    expect(&secrets, (const char *const[]){ NULL });
}

static void places_are_no_secrets(void **state)
{
    char *values[] = { (char *)"token-1",  (char *)"wss://legacy.internal/feed?key=in-the-url",
                       (char *)"/a/path",  (char *)"legacy.internal",
                       (char *)"internal", NULL };
    struct tg_secrets secrets = { 0 };

    (void)state;
    tg_secrets_add_known(&secrets, values, "legacy.internal");
    tg_secrets_add_known(&secrets, NULL, "legacy.internal");
    expect(&secrets, (const char *const[]){ "token-1", "in-the-url", NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_taken_apart),
        cmocka_unit_test(credentials_are_secret),
        cmocka_unit_test(values_of_a_query_count_decoded_too),
        cmocka_unit_test(places_are_no_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
