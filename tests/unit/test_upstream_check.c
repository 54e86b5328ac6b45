/* What may not become part of a request. */
#include "upstream/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum tg_err check_header(const char *name, const char *value)
{
    struct tg_config_header headers[] = { { (char *)name, (char *)value }, { NULL, NULL } };
    struct tg_config_upstream config = { .headers = headers };
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_upstream_check(&config, &error);

    assert_true((err == TG_OK) == (error.length == 0));
    tg_buffer_deinit(&error);
    return err;
}

static void headers_cannot_be_smuggled(void **state)
{
    (void)state;
    assert_int_equal(check_header("X-One", "a\tb c; \xc3\xa4"), TG_OK);
    assert_int_equal(check_header("X-One", "a\r\nX-Two: b"), TG_ERR_INVALID);
    assert_int_equal(check_header("X-One", "a\nb"), TG_ERR_INVALID);
    assert_int_equal(check_header("X One", "a"), TG_ERR_INVALID);
    assert_int_equal(check_header("X-One:", "a"), TG_ERR_INVALID);
    assert_int_equal(check_header("", "a"), TG_ERR_INVALID);
}

static void headers_of_the_handshake_are_reserved(void **state)
{
    (void)state;
    assert_int_equal(check_header("host", "x"), TG_ERR_INVALID);
    assert_int_equal(check_header("Sec-WebSocket-Extensions", "permessage-deflate"), TG_ERR_INVALID);
    assert_int_equal(check_header("Connection", "x"), TG_ERR_INVALID);
    assert_int_equal(check_header("Cookie", "a=b"), TG_OK);
}

static void other_texts_are_checked_too(void **state)
{
    char *bad[] = { (char *)"a b", NULL }, *good[] = { (char *)"a.b", (char *)"v1", NULL };
    struct tg_buffer error = { 0 };

    (void)state;
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .subprotocols = bad }, &error),
                     TG_ERR_INVALID);
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .subprotocols = good }, &error), TG_OK);
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .origin = (char *)"x\r\ny" }, &error),
                     TG_ERR_INVALID);
    assert_int_equal(tg_upstream_check(&(struct tg_config_upstream){ .bearer = (char *)"x\ny" }, &error),
                     TG_ERR_INVALID);
    tg_buffer_deinit(&error);
}

static void too_much_for_one_request_is_refused(void **state)
{
    static char value[30000];

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    assert_int_equal(check_header("X-Long", value), TG_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_cannot_be_smuggled),
        cmocka_unit_test(headers_of_the_handshake_are_reserved),
        cmocka_unit_test(other_texts_are_checked_too),
        cmocka_unit_test(too_much_for_one_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
