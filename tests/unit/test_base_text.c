/* Unit tests: errors' texts, text views, UTF-8, base64, hash, edit distance. */
#include "tidegate/base.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_error_has_a_text(void **state)
{
    (void)state;
    for (int err = TG_OK; err >= TG_ERR_LAST; err--)
        assert_string_not_equal(tg_err_text((enum tg_err)err), "unknown error");
    assert_string_equal(tg_err_text((enum tg_err)1), "unknown error");
    assert_string_equal(tg_err_text((enum tg_err) - 1000), "unknown error");
}

static void views_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(tg_str_equals(tg_str_from(NULL), tg_str_from("")));
    assert_true(tg_str_equals(TG_STR("abc"), tg_str_from("abc")));
    assert_false(tg_str_equals(TG_STR("abc"), TG_STR("abC")));
    assert_false(tg_str_equals(TG_STR("abc"), TG_STR("ab")));
    assert_true(tg_str_equals_nocase(TG_STR("Last-Event-ID"), TG_STR("last-event-id")));
    assert_false(tg_str_equals_nocase(TG_STR("["), TG_STR("{")));
}

static void utf8_follows_rfc_3629(void **state)
{
    (void)state;
    const char *good[] = { "", "a", "ä€😀", "\x7f", "\xf4\x8f\xbf\xbf", "\xee\x80\x80", "12345678ä" };
    const char *bad[] = { "\x80",
                          "\xc0\xaf",
                          "\xc1\xbf",
                          "\xe0\x9f\xbf",
                          "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "\xe2\x82",
                          "\xc3(",
                          "12345678\xff" };
    for (size_t i = 0; i < TG_COUNT_OF(good); i++)
        assert_true(tg_utf8_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_false(tg_utf8_is_valid(bad[i], strlen(bad[i])));
    assert_true(tg_utf8_is_valid("a\0b", 3));
}

static void base64_round_trips(void **state)
{
    (void)state;
    unsigned char bytes[257];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7);
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        struct tg_buffer text = { 0 }, back = { 0 };
        assert_int_equal(tg_base64_encode(&text, bytes, length), TG_OK);
        assert_int_equal(text.length, (length + 2) / 3 * 4);
        assert_int_equal(tg_base64_decode(&back, text.data, text.length), TG_OK);
        assert_int_equal(back.length, length);
        assert_memory_equal(back.data, bytes, length);
        tg_buffer_deinit(&text);
        tg_buffer_deinit(&back);
    }
}

static void base64_appends_large_inputs_in_pieces(void **state)
{
    (void)state;
    size_t length = (5 << 20) + 1;
    char *bytes = malloc(length);
    memset(bytes, 'x', length);
    struct tg_buffer text = { 0 }, back = { 0 };
    tg_buffer_append_str(&back, "head:");
    assert_int_equal(tg_base64_encode(&text, bytes, length), TG_OK);
    assert_int_equal(tg_base64_decode(&back, text.data, text.length), TG_OK);
    assert_int_equal(back.length, length + 5);
    assert_memory_equal(back.data, "head:", 5);
    assert_memory_equal(back.data + 5, bytes, length);
    tg_buffer_deinit(&text);
    tg_buffer_deinit(&back);
    free(bytes);
}

static void base64_decoder_is_strict(void **state)
{
    (void)state;
    const char *bad[] = { "A",    "AA",   "AAA",  "AA==\n",   " AAAA", "AAA ",
                          "A===", "====", "AA=A", "AAAA=AAA", "AA-_",  "\nAAA" };
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        struct tg_buffer out = { 0 };
        tg_buffer_append_str(&out, "kept");
        assert_int_equal(tg_base64_decode(&out, bad[i], strlen(bad[i])), TG_ERR_INVALID);
        assert_string_equal(out.data, "kept");
        tg_buffer_deinit(&out);
    }
}

static void hash_is_fnv1a(void **state)
{
    (void)state;
    assert_int_equal(tg_hash32("", 0), 0x811c9dc5u);
    assert_int_equal(tg_hash32("a", 1), 0xe40c292cu);
    assert_int_equal(tg_hash32("foobar", 6), 0xbf9cf968u);
}

static void edit_distance_counts_swaps_once(void **state)
{
    (void)state;
    assert_int_equal(tg_edit_distance("", ""), 0);
    assert_int_equal(tg_edit_distance("url", "url"), 0);
    assert_int_equal(tg_edit_distance("", "url"), 3);
    assert_int_equal(tg_edit_distance("urll", "url"), 1);
    assert_int_equal(tg_edit_distance("ulr", "url"), 1);
    assert_int_equal(tg_edit_distance("kitten", "sitting"), 3);
    char word[300];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(tg_edit_distance(word, "url"), 299);
    assert_int_equal(tg_edit_distance(word, word), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_a_text),
        cmocka_unit_test(views_compare_by_bytes),
        cmocka_unit_test(utf8_follows_rfc_3629),
        cmocka_unit_test(base64_round_trips),
        cmocka_unit_test(base64_appends_large_inputs_in_pieces),
        cmocka_unit_test(base64_decoder_is_strict),
        cmocka_unit_test(hash_is_fnv1a),
        cmocka_unit_test(edit_distance_counts_swaps_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
