/* Unit tests: texts of others in the log, without the secrets that are in them. */
#include "tidegate/base.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char token[] = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl";

struct scene {
    struct tg_secrets secrets;
    struct tg_buffer out;
};

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    tg_secrets_add(&scene->secrets, TG_STR("hush"));
    tg_secrets_add(&scene->secrets, tg_str_from(token));
    tg_secrets_add(&scene->secrets, TG_STR("abc"));
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    tg_secrets_deinit(&scene->secrets);
    tg_buffer_deinit(&scene->out);
    free(scene);
    return 0;
}

static const char *masked(struct scene *scene, struct tg_str text, size_t max_bytes)
{
    tg_buffer_clear(&scene->out);
    assert_int_equal(tg_mask(&scene->out, text, &scene->secrets, max_bytes), TG_OK);
    return tg_text_or_empty(scene->out.data);
}

static void what_is_no_secret_stays(void **state)
{
    assert_string_equal(masked(*state, TG_STR("bad token: expired, ä€😀"), 100), "bad token: expired, ä€😀");
    assert_string_equal(masked(*state, TG_STR(""), 100), "");
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    assert_string_equal(masked(*state, TG_STR("hush"), 100), "***");
    assert_string_equal(masked(*state, TG_STR("a hush, hushhush"), 100), "a ***, ***");
    assert_string_equal(masked(*state, TG_STR("token eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl is old"), 100),
                        "token *** is old");
}

static void half_a_secret_is_one_too(void **state)
{
    assert_string_equal(masked(*state, TG_STR("token eyJhbGciOiJI"), 100), "token ***");
    assert_string_equal(masked(*state, TG_STR("…c2lnbmF0dXJl"), 100), "…***");
    assert_string_equal(masked(*state, TG_STR("eyJhbG"), 100), "eyJhbG");
}

static void short_ones_are_in_too_many_words(void **state)
{
    assert_string_equal(masked(*state, TG_STR("abc"), 100), "abc");
}

static void what_is_no_text_does_no_harm(void **state)
{
    assert_string_equal(masked(*state, (struct tg_str){ "a\0b\xff\xc0\x80", 6 }, 100),
                        "a\ufffdb\ufffd\ufffd\ufffd");
    assert_string_equal(masked(*state,
                               TG_STR("a\xe2\x80\xae"
                                      "b\xe2\x80\xa8"),
                               100),
                        "a\ufffdb\ufffd");
    assert_string_equal(masked(*state, TG_STR("a\nb\x1b[2J"), 100),
                        "a\nb\x1b[2J"); /* the logger escapes them */
}

static void the_length_is_bounded_between_characters(void **state)
{
    assert_string_equal(masked(*state, TG_STR("12345"), 5), "12345");
    assert_string_equal(masked(*state, TG_STR("123456"), 5), "12345…");
    assert_string_equal(masked(*state, TG_STR("1234ä"), 5), "1234…");
    assert_string_equal(masked(*state, TG_STR("123hush"), 5), "123…");
    char *long_text = tg_alloc(100000);
    memset(long_text, 'x', 99999);
    assert_int_equal(strlen(masked(*state, tg_str_from(long_text), 200)), 200 + strlen("…"));
    free(long_text);
}

static void there_may_be_none(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(tg_mask(&scene->out, TG_STR("hush"), NULL, 100), TG_OK);
    assert_string_equal(scene->out.data, "hush");
}

static void too_many_are_too_many(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 5000; i++)
        tg_secrets_add(&scene->secrets, TG_STR("secret"));
    assert_in_range(scene->secrets.count, 1000, 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_secret_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_are_masked_wherever_they_stand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_secret_is_one_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_ones_are_in_too_many_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_text_does_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_length_is_bounded_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_may_be_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_are_too_many, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
