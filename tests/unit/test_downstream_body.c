/* Unit tests: skipping request bodies, and taking their content. */
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

/* As in a head: no folded line, no line without a name, no white space before the colon, no control character. */
static void trailers_are_checked_like_fields(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "0\r\nX: a\r\n b\r\n\r\n", "0\r\nX: a\r\n\tb\r\n\r\n", "0\r\n X: a\r\n\r\n",
        "0\r\n \r\n\r\n",          "0\r\nX\r\n\r\n",           "0\r\nX : a\r\n\r\n",
        "0\r\nX\t: a\r\n\r\n",     "0\r\n: a\r\n\r\n",         "0\r\nX y: a\r\n\r\n",
        "0\r\nX: a\rb\r\n\r\n",    "0\r\nX: a\x7f\r\n\r\n",    "0\r\nX\xe4: a\r\n\r\n",
        "0\r\nX: a\nY: b\r\n\r\n", "0\r\nGET / HTTP/1.1\r\n",  "0\r\nY: b\r\nX\r\n\r\n",
    };
    for (size_t i = 0; i < TG_COUNT_OF(broken); i++)
        expect_chunks(broken[i], TG_ERR_INVALID, 0);
    expect(true, 0, "0\r\nX: a\0b\r\n\r\n", 13, TG_ERR_INVALID, 0);
    expect(true, 0, "0\r\nX\0: ab\r\n\r\n", 13, TG_ERR_INVALID, 0);
    expect_chunks("0\r\nX:\r\n\r\nGET", TG_OK, 9);
    expect_chunks("0\r\nX-Y~1: \t a: b\xe4 \r\nZ:z\r\n\r\nGET", TG_OK, 27);
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

/* ---- taking ------------------------------------------------------------------------------------------- */

/* In one piece, and in every pair of pieces: the same content, and the rest of the bytes behind it where it was. */
static void expect_content(bool is_chunked, uint64_t content_length, const char *bytes, const char *content,
                           const char *rest)
{
    size_t length = strlen(bytes);
    for (size_t cut = 0; cut <= length; cut++) {
        struct tg_body body = body_of(is_chunked, content_length);
        struct tg_buffer out = { 0 };
        char *copy = strdup(bytes);
        size_t used, kept, at = 0;
        assert_int_equal(tg_body_keep(&body, 100), TG_OK);
        enum tg_err err = tg_body_take(&body, copy, cut, &used, &kept);
        assert_int_equal(tg_buffer_append(&out, copy, kept), TG_OK);
        if (err == TG_ERR_AGAIN) {
            assert_int_equal(used, cut);
            at = cut;
            err = tg_body_take(&body, copy + at, length - at, &used, &kept);
            assert_int_equal(tg_buffer_append(&out, copy + at, kept), TG_OK);
        }
        assert_int_equal(err, TG_OK);
        assert_string_equal(tg_text_or_empty(out.data), content);
        assert_string_equal(copy + at + used, rest);
        tg_buffer_deinit(&out);
        free(copy);
    }
}

static void the_content_is_handed_out(void **state)
{
    (void)state;
    expect_content(false, 5, "helloGET", "hello", "GET");
    expect_content(true, 0, "0\r\n\r\nGET", "", "GET");
    expect_content(true, 0, "5;x=y\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\nX: y\r\n\r\nrest",
                   "hello, world", "rest");
}

static enum tg_err take(bool is_chunked, uint64_t content_length, uint64_t max_bytes, char *bytes,
                        size_t length)
{
    struct tg_body body = body_of(is_chunked, content_length);
    size_t used, kept;
    enum tg_err err = tg_body_keep(&body, max_bytes);
    return err ? err : tg_body_take(&body, bytes, length, &used, &kept);
}

static void more_content_than_allowed_is_refused(void **state)
{
    (void)state;
    char nothing[1], at_limit[] = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", over[] = "3\r\nabc\r\n3\r\n";
    assert_int_equal(take(false, 6, 5, nothing, 0), TG_ERR_TOO_LARGE);
    assert_int_equal(take(false, 5, 5, nothing, 0), TG_ERR_AGAIN);
    assert_int_equal(take(true, 0, 5, at_limit, sizeof(at_limit) - 1), TG_OK);
    assert_int_equal(take(true, 0, 5, over, sizeof(over) - 1), TG_ERR_TOO_LARGE);
    assert_int_equal(take(false, 1 << 20, UINT64_MAX, nothing, 0), TG_ERR_AGAIN);
}

static void much_beside_little_content_is_refused(void **state)
{
    (void)state;
    size_t length = TG_BODY_MAX_BYTES + 100;
    char *bytes = malloc(length);
    memset(bytes, 'x', length);
    memcpy(bytes, "1;", 2);
    assert_int_equal(take(true, 0, 1 << 20, bytes, length), TG_ERR_TOO_LARGE);
    free(bytes);
}

static void broken_chunks_are_not_taken(void **state)
{
    (void)state;
    char broken[] = "5\r\nhelloX", dangling[] = "5\r\nhello\r\nx";
    assert_int_equal(take(true, 0, 100, broken, sizeof(broken) - 1), TG_ERR_INVALID);
    assert_int_equal(take(true, 0, 100, dangling, sizeof(dangling) - 1), TG_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_length_has_no_body),
        cmocka_unit_test(a_counted_body_ends_at_its_length),
        cmocka_unit_test(chunks_end_after_the_last_one),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(trailers_are_checked_like_fields),
        cmocka_unit_test(too_long_bodies_are_not_skipped),
        cmocka_unit_test(the_content_is_handed_out),
        cmocka_unit_test(more_content_than_allowed_is_refused),
        cmocka_unit_test(much_beside_little_content_is_refused),
        cmocka_unit_test(broken_chunks_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
