/* Unit tests: skipping request bodies. */
#include "downstream/body.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tg_body body_of(bool is_chunked, uint64_t length)
{
    struct tg_request_head head = { .is_chunked = is_chunked,
                                    .has_length = !is_chunked,
                                    .content_length = length };
    struct tg_body body;
    assert_true(tg_body_init(&body, &head));
    return body;
}

/* In one piece, and in every pair of pieces: the same result, at the same byte. */
static void expect(bool is_chunked, uint64_t content_length, const char *bytes, size_t length,
                   enum tg_err result, size_t used)
{
    for (size_t cut = 0; cut <= length; cut++) {
        struct tg_body body = body_of(is_chunked, content_length);
        size_t got = 0;
        enum tg_err err = tg_body_skip(&body, bytes, cut, &got);
        if (err == TG_ERR_AGAIN) {
            err = tg_body_skip(&body, bytes + cut, length - cut, &got);
            got += cut;
        }
        if (err != result)
            fail_msg("cut at %zu: expected %s, got %s", cut, tg_err_text(result), tg_err_text(err));
        if (!result)
            assert_int_equal(got, used);
    }
}

static void expect_chunks(const char *text, enum tg_err result, size_t used)
{
    expect(true, 0, text, strlen(text), result, used);
}

static void a_request_without_length_has_no_body(void **state)
{
    (void)state;
    struct tg_request_head head = { 0 };
    struct tg_body body;
    assert_false(tg_body_init(&body, &head));
    head.has_length = true;
    assert_false(tg_body_init(&body, &head));
}

static void a_counted_body_ends_at_its_length(void **state)
{
    (void)state;
    expect(false, 5, "helloGET", 8, TG_OK, 5);
    expect(false, 9, "hello", 5, TG_ERR_AGAIN, 0);
    expect(false, TG_BODY_MAX_BYTES + 1, "", 0, TG_ERR_TOO_LARGE, 0);
}

static void chunks_end_after_the_last_one(void **state)
{
    (void)state;
    expect_chunks("5\r\nhello\r\n0\r\n\r\nGET", TG_OK, 15);
    expect_chunks("0\r\n\r\n", TG_OK, 5);
    expect_chunks("A;a=\"b\"\r\n0123456789\r\n00\r\nX: y\r\nZ: w\r\n\r\nrest", TG_OK, 39);
    expect_chunks("5\r\nhel", TG_ERR_AGAIN, 0);
    expect_chunks("0\r\n", TG_ERR_AGAIN, 0);
}

static void broken_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "\r\n",
        "g\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX",
        "5\r\nhello\n0\r\n\r\n",
        "5 \r\nhello",
        "0x5\r\n",
        "-1\r\n",
        "5\r\nhello\r\n\r\n",
        "5;a\nhello",
        "0\r\n\nGET",
        "0\r\nX\n\r\n",
        "0\r\nX: \x01\r\n\r\n",
        "5\r\rhello",
        "+5\r\n",
    };
    for (size_t i = 0; i < TG_COUNT_OF(broken); i++)
        expect_chunks(broken[i], TG_ERR_INVALID, 0);
}

static void too_long_bodies_are_not_skipped(void **state)
{
    (void)state;
    expect_chunks("123456789\r\n", TG_ERR_TOO_LARGE, 0);
    expect_chunks("FFFFFFFF\r\n", TG_ERR_TOO_LARGE, 0);
    size_t length = TG_BODY_MAX_BYTES + 100;
    char *bytes = malloc(length);
    memset(bytes, 'x', length);
    memcpy(bytes, "1;", 2);
    struct tg_body body = body_of(true, 0);
    size_t used;
    assert_int_equal(tg_body_skip(&body, bytes, length, &used), TG_ERR_TOO_LARGE);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_length_has_no_body),
        cmocka_unit_test(a_counted_body_ends_at_its_length),
        cmocka_unit_test(chunks_end_after_the_last_one),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(too_long_bodies_are_not_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
