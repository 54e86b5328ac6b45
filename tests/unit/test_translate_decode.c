/* Decoding: each step, in a row, and within its limit. */
#include "translate/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { MAX_BYTES = 100000, GZIP = 15 + 16, ZLIB = 15, RAW = -15 };

static void assert_decodes(enum tg_config_decode step, struct tg_str bytes, struct tg_str expected)
{
    struct tg_buffer out = { 0 };

    assert_int_equal(tg_decode(step, bytes, MAX_BYTES, &out), TG_OK);
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(out.data, expected.data, expected.length);
    assert_int_equal(out.data[out.length], 0);
    tg_buffer_deinit(&out);
}

static void assert_fails(enum tg_config_decode step, struct tg_str bytes, size_t max_bytes,
                         enum tg_err expected)
{
    struct tg_buffer out = { 0 };

    assert_int_equal(tg_decode(step, bytes, max_bytes, &out), expected);
    tg_buffer_deinit(&out);
}

/* Appends `bytes` in one of zlib's formats. */
static void deflate_to(struct tg_buffer *out, int window_bits, struct tg_str bytes)
{
    z_stream stream = { 0 };

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, bytes.length) + 64;
    assert_int_equal(tg_buffer_reserve(out, room), TG_OK);
    stream.next_in = (Bytef *)bytes.data;
    stream.avail_in = (uInt)bytes.length;
    stream.next_out = (Bytef *)out->data + out->length;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->length += room - stream.avail_out;
    out->data[out->length] = '\0';
    deflateEnd(&stream);
}

/* ---- base64 ----------------------------------------------------------------------------------- */

static void base64_takes_both_alphabets(void **state)
{
    (void)state;
    assert_decodes(TG_DECODE_BASE64, TG_STR("+/+/"), TG_STR("\xfb\xff\xbf"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("-_-_"), TG_STR("\xfb\xff\xbf"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("AAEC"), TG_STR("\0\1\2"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("eno5MA=="), TG_STR("zz90"));
    assert_decodes(TG_DECODE_BASE64, TG_STR(""), TG_STR(""));
}

static void base64_needs_no_padding(void **state)
{
    (void)state;
    assert_decodes(TG_DECODE_BASE64, TG_STR("Zg=="), TG_STR("f"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("Zg"), TG_STR("f"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("Zm8="), TG_STR("fo"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("Zm8"), TG_STR("fo"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("Zm9vYg"), TG_STR("foob"));
}

static void base64_ignores_space_between_groups(void **state)
{
    (void)state;
    assert_decodes(TG_DECODE_BASE64, TG_STR(" Zm9v\r\nYmFy\tZm8=\n"), TG_STR("foobarfo"));
    assert_decodes(TG_DECODE_BASE64, TG_STR("Zm9vYg\n"), TG_STR("foob"));
    assert_decodes(TG_DECODE_BASE64, TG_STR(" \n "), TG_STR(""));
}

static void base64_takes_nothing_else(void **state)
{
    static const char *const bad[] = { "Z",      "Zm9vY",    "Z===",  "Zg=",      "Zg===", "=",
                                       "====",   "Zm8==",    "Zg =",  "Zm9v Y g", "Zm 9v", "Zm9v.",
                                       "Zm9v==", "Zg==Zg==", "Zg==x", "Zm9\xc3",  "Zm9v\v" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_fails(TG_DECODE_BASE64, tg_str_from(bad[i]), MAX_BYTES, TG_ERR_INVALID);
    assert_fails(TG_DECODE_BASE64, (struct tg_str){ "Zm9\0", 4 }, MAX_BYTES, TG_ERR_INVALID);
}

static void base64_undoes_what_the_encoder_does(void **state)
{
    (void)state;
    for (size_t length = 0; length < 300; length++) {
        unsigned char bytes[300];
        struct tg_buffer encoded = { 0 };
        tg_random_bytes(bytes, length);
        assert_int_equal(tg_base64_encode(&encoded, bytes, length), TG_OK);
        assert_decodes(TG_DECODE_BASE64, tg_buffer_view(&encoded),
                       (struct tg_str){ (const char *)bytes, length });
        tg_buffer_deinit(&encoded);
    }
}

/* ---- hex -------------------------------------------------------------------------------------- */

static void hex_takes_both_cases_and_space_between_bytes(void **state)
{
    (void)state;
    assert_decodes(TG_DECODE_HEX, TG_STR("00fFA9"), TG_STR("\0\xff\xa9"));
    assert_decodes(TG_DECODE_HEX, TG_STR(" 41 42\n43\n"), TG_STR("ABC"));
    assert_decodes(TG_DECODE_HEX, TG_STR(""), TG_STR(""));
}

static void hex_takes_nothing_else(void **state)
{
    static const char *const bad[] = { "4", "414", "4 1", "4g", "0x41", "41,42", "-1", "41 4" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_fails(TG_DECODE_HEX, tg_str_from(bad[i]), MAX_BYTES, TG_ERR_INVALID);
}

/* ---- gunzip and inflate ----------------------------------------------------------------------- */

static void gunzip_takes_all_members(void **state)
{
    struct tg_buffer packed = { 0 };

    (void)state;
    deflate_to(&packed, GZIP, TG_STR("first "));
    assert_decodes(TG_DECODE_GUNZIP, tg_buffer_view(&packed), TG_STR("first "));
    deflate_to(&packed, GZIP, TG_STR(""));
    deflate_to(&packed, GZIP, TG_STR("second"));
    assert_decodes(TG_DECODE_GUNZIP, tg_buffer_view(&packed), TG_STR("first second"));
    tg_buffer_deinit(&packed);
}

static void inflate_takes_zlib_and_raw_deflate(void **state)
{
    static const char *const texts[] = { "", "a", "hello hello hello hello", "{\"a\":1}" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(texts); i++) {
        for (int bits = 9; bits <= 15; bits++) {
            struct tg_buffer zlib = { 0 }, raw = { 0 };
            deflate_to(&zlib, bits, tg_str_from(texts[i]));
            assert_decodes(TG_DECODE_INFLATE, tg_buffer_view(&zlib), tg_str_from(texts[i]));
            deflate_to(&raw, -bits, tg_str_from(texts[i]));
            assert_decodes(TG_DECODE_INFLATE, tg_buffer_view(&raw), tg_str_from(texts[i]));
            tg_buffer_deinit(&zlib);
            tg_buffer_deinit(&raw);
        }
    }
}

static void stored_blocks_are_raw_deflate(void **state)
{
    (void)state;
    assert_decodes(TG_DECODE_INFLATE, TG_STR("\x01\x02\x00\xfd\xffhi"), TG_STR("hi"));
    assert_decodes(TG_DECODE_INFLATE, TG_STR("\x00\x02\x00\xfd\xffhi\x03\x00"), TG_STR("hi"));
}

static void each_cut_off_input_is_an_error(void **state)
{
    static const struct {
        enum tg_config_decode step;
        int window_bits;
    } formats[] = { { TG_DECODE_GUNZIP, GZIP }, { TG_DECODE_INFLATE, ZLIB }, { TG_DECODE_INFLATE, RAW } };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(formats); i++) {
        struct tg_buffer packed = { 0 };
        deflate_to(&packed, formats[i].window_bits, TG_STR("some text, some more text"));
        for (size_t length = 0; length < packed.length; length++)
            assert_fails(formats[i].step, (struct tg_str){ packed.data, length }, MAX_BYTES, TG_ERR_INVALID);
        tg_buffer_deinit(&packed);
    }
}

static void a_second_member_that_is_cut_off_is_an_error(void **state)
{
    struct tg_buffer packed = { 0 };

    (void)state;
    deflate_to(&packed, GZIP, TG_STR("first"));
    size_t first = packed.length;
    deflate_to(&packed, GZIP, TG_STR("second"));
    for (size_t length = first + 1; length < packed.length; length++)
        assert_fails(TG_DECODE_GUNZIP, (struct tg_str){ packed.data, length }, MAX_BYTES, TG_ERR_INVALID);
    tg_buffer_deinit(&packed);
}

static void what_follows_compressed_bytes_is_an_error(void **state)
{
    static const struct {
        enum tg_config_decode step;
        int window_bits;
    } formats[] = { { TG_DECODE_GUNZIP, GZIP }, { TG_DECODE_INFLATE, ZLIB }, { TG_DECODE_INFLATE, RAW } };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(formats); i++) {
        struct tg_buffer packed = { 0 };
        deflate_to(&packed, formats[i].window_bits, TG_STR("text"));
        tg_buffer_append(&packed, "\0", 1);
        assert_fails(formats[i].step, tg_buffer_view(&packed), MAX_BYTES, TG_ERR_INVALID);
        tg_buffer_deinit(&packed);
    }
}

static void damage_is_an_error(void **state)
{
    struct tg_buffer packed = { 0 };

    (void)state;
    deflate_to(&packed, GZIP, TG_STR("some text, some more text"));
    packed.data[packed.length - 6] ^= 1; /* the check sum */
    assert_fails(TG_DECODE_GUNZIP, tg_buffer_view(&packed), MAX_BYTES, TG_ERR_INVALID);
    assert_fails(TG_DECODE_GUNZIP, TG_STR("no gzip at all, but long enough for it"), MAX_BYTES,
                 TG_ERR_INVALID);
    assert_fails(TG_DECODE_INFLATE, TG_STR("\xff\xff\xff\xff"), MAX_BYTES, TG_ERR_INVALID);
    /* A dictionary is asked for. */
    assert_fails(TG_DECODE_INFLATE, TG_STR("\x78\x20\x00\x00\x00\x00"), MAX_BYTES, TG_ERR_INVALID);
    tg_buffer_deinit(&packed);
}

/* ---- limits ----------------------------------------------------------------------------------- */

static void the_limit_is_exact(void **state)
{
    static const enum tg_config_decode steps[] = { TG_DECODE_BASE64, TG_DECODE_HEX, TG_DECODE_GUNZIP,
                                                   TG_DECODE_INFLATE };
    struct tg_buffer inputs[TG_COUNT_OF(steps)] = { 0 };

    (void)state;
    tg_buffer_append_str(&inputs[0], "MTIzNDU2Nzg5MA==");
    tg_buffer_append_str(&inputs[1], "31323334353637383930");
    deflate_to(&inputs[2], GZIP, TG_STR("1234567890"));
    deflate_to(&inputs[3], ZLIB, TG_STR("1234567890"));
    for (size_t i = 0; i < TG_COUNT_OF(steps); i++) {
        struct tg_buffer out = { 0 };
        assert_int_equal(tg_decode(steps[i], tg_buffer_view(&inputs[i]), 10, &out), TG_OK);
        assert_string_equal(out.data, "1234567890");
        assert_int_equal(tg_decode(steps[i], tg_buffer_view(&inputs[i]), 9, &out), TG_ERR_TOO_LARGE);
        assert_int_equal(tg_decode(steps[i], tg_buffer_view(&inputs[i]), 0, &out), TG_ERR_TOO_LARGE);
        tg_buffer_deinit(&out);
        tg_buffer_deinit(&inputs[i]);
    }
}

/* 20 MB of zeros in 20 KB, twice over. */
static void a_bomb_takes_no_memory_beyond_the_limit(void **state)
{
    size_t size = 20 * 1000 * 1000;
    char *zeros = calloc(1, size);
    struct tg_buffer packed = { 0 };

    (void)state;
    deflate_to(&packed, GZIP, (struct tg_str){ zeros, size });
    deflate_to(&packed, GZIP, (struct tg_str){ zeros, size });
    free(zeros);
    for (size_t max_bytes = 1; max_bytes < 10 * 1000 * 1000; max_bytes *= 7) {
        struct tg_buffer out = { 0 };
        assert_int_equal(tg_decode(TG_DECODE_GUNZIP, tg_buffer_view(&packed), max_bytes, &out),
                         TG_ERR_TOO_LARGE);
        assert_true(out.capacity <= max_bytes + 2);
        tg_buffer_deinit(&out);
    }
    tg_buffer_deinit(&packed);
}

static void a_buffer_larger_than_the_limit_does_not_lift_it(void **state)
{
    struct tg_buffer packed = { 0 }, out = { 0 };

    (void)state;
    deflate_to(&packed, ZLIB, TG_STR("1234567890"));
    assert_int_equal(tg_buffer_reserve(&out, 1000), TG_OK);
    assert_int_equal(tg_decode(TG_DECODE_INFLATE, tg_buffer_view(&packed), 5, &out), TG_ERR_TOO_LARGE);
    assert_int_equal(tg_decode(TG_DECODE_HEX, TG_STR("414243"), 2, &out), TG_ERR_TOO_LARGE);
    tg_buffer_deinit(&packed);
    tg_buffer_deinit(&out);
}

/* ---- steps in a row --------------------------------------------------------------------------- */

static enum tg_err run_steps(int64_t *steps, size_t count, int64_t max_bytes, struct tg_str *bytes,
                             bool *is_binary, struct tg_decoder *decoder, struct tg_config_translate *rules)
{
    *rules = (struct tg_config_translate){ .decode = steps,
                                           .decode_count = count,
                                           .max_decoded_bytes = max_bytes };
    *decoder = (struct tg_decoder){ .rules = rules };
    return tg_decoder_run(decoder, bytes, is_binary);
}

static void steps_follow_one_another(void **state)
{
    int64_t steps[] = { TG_DECODE_HEX, TG_DECODE_BASE64, TG_DECODE_GUNZIP, TG_DECODE_UTF8 };
    struct tg_buffer packed = { 0 }, base64 = { 0 }, hex = { 0 };
    struct tg_config_translate rules;
    struct tg_decoder decoder;
    bool is_binary = true;

    (void)state;
    deflate_to(&packed, GZIP, TG_STR("grüße"));
    tg_base64_encode(&base64, packed.data, packed.length);
    for (size_t i = 0; i < base64.length; i++)
        tg_buffer_appendf(&hex, "%02x", (unsigned)(unsigned char)base64.data[i]);
    struct tg_str bytes = tg_buffer_view(&hex);
    assert_int_equal(run_steps(steps, 4, 1000, &bytes, &is_binary, &decoder, &rules), TG_OK);
    assert_true(tg_str_equals(bytes, TG_STR("grüße")));
    assert_false(is_binary);
    tg_decoder_deinit(&decoder);
    tg_buffer_deinit(&packed);
    tg_buffer_deinit(&base64);
    tg_buffer_deinit(&hex);
}

static void without_utf8_at_the_end_the_result_is_binary(void **state)
{
    int64_t steps[] = { TG_DECODE_HEX };
    struct tg_config_translate rules;
    struct tg_decoder decoder;
    struct tg_str bytes = TG_STR("41");
    bool is_binary = false;

    (void)state;
    assert_int_equal(run_steps(steps, 1, 1000, &bytes, &is_binary, &decoder, &rules), TG_OK);
    assert_true(tg_str_equals(bytes, TG_STR("A")));
    assert_true(is_binary);
    tg_decoder_deinit(&decoder);
}

static void text_that_is_not_utf8_is_an_error(void **state)
{
    int64_t steps[] = { TG_DECODE_HEX, TG_DECODE_UTF8 };
    struct tg_config_translate rules;
    struct tg_decoder decoder;
    struct tg_str bytes = TG_STR("41ff");
    bool is_binary = true;

    (void)state;
    assert_int_equal(run_steps(steps, 2, 1000, &bytes, &is_binary, &decoder, &rules), TG_ERR_INVALID);
    assert_true(tg_str_equals(bytes, TG_STR("41ff")));
    assert_true(is_binary);
    tg_decoder_deinit(&decoder);
}

static void each_step_has_the_limit(void **state)
{
    int64_t utf8[] = { TG_DECODE_UTF8 }, twice[] = { TG_DECODE_HEX, TG_DECODE_HEX };
    struct tg_config_translate rules;
    struct tg_decoder decoder;
    struct tg_str bytes = TG_STR("123"), hex = TG_STR("34313432");
    bool is_binary = false;

    (void)state;
    assert_int_equal(run_steps(utf8, 1, 2, &bytes, &is_binary, &decoder, &rules), TG_ERR_TOO_LARGE);
    assert_int_equal(run_steps(twice, 2, 3, &hex, &is_binary, &decoder, &rules), TG_ERR_TOO_LARGE);
    tg_decoder_deinit(&decoder);
    assert_int_equal(run_steps(twice, 2, 4, &hex, &is_binary, &decoder, &rules), TG_OK);
    assert_true(tg_str_equals(hex, TG_STR("AB")));
    tg_decoder_deinit(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_takes_both_alphabets),
        cmocka_unit_test(base64_needs_no_padding),
        cmocka_unit_test(base64_ignores_space_between_groups),
        cmocka_unit_test(base64_takes_nothing_else),
        cmocka_unit_test(base64_undoes_what_the_encoder_does),
        cmocka_unit_test(hex_takes_both_cases_and_space_between_bytes),
        cmocka_unit_test(hex_takes_nothing_else),
        cmocka_unit_test(gunzip_takes_all_members),
        cmocka_unit_test(inflate_takes_zlib_and_raw_deflate),
        cmocka_unit_test(stored_blocks_are_raw_deflate),
        cmocka_unit_test(each_cut_off_input_is_an_error),
        cmocka_unit_test(a_second_member_that_is_cut_off_is_an_error),
        cmocka_unit_test(what_follows_compressed_bytes_is_an_error),
        cmocka_unit_test(damage_is_an_error),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(a_bomb_takes_no_memory_beyond_the_limit),
        cmocka_unit_test(a_buffer_larger_than_the_limit_does_not_lift_it),
        cmocka_unit_test(steps_follow_one_another),
        cmocka_unit_test(without_utf8_at_the_end_the_result_is_binary),
        cmocka_unit_test(text_that_is_not_utf8_is_an_error),
        cmocka_unit_test(each_step_has_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
