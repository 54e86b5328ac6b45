/* Frames: whatever the cuts, the same things come out, and each breach is seen. */
#include "upstream/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAP = 300 };

#define BYTES(literal) (literal), sizeof(literal) - 1
#define X100                                                                                                 \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* ---- reading, as text -------------------------------------------------------------------------- */

static void note(struct tg_buffer *out, const char *what, const char *bytes, size_t length)
{
    tg_buffer_appendf(out, "%s(%.*s) ", what, (int)length, bytes);
}

static void note_frame(struct tg_buffer *out, enum tg_frame_kind kind, const struct tg_frame *frame)
{
    switch (kind) {
    case TG_FRAME_NONE:
        break;
    case TG_FRAME_MESSAGE:
        note(out, frame->message.is_binary ? "binary" : "text", frame->message.bytes, frame->message.length);
        break;
    case TG_FRAME_OVERSIZE:
        note(out, "oversize", "", 0);
        break;
    case TG_FRAME_NO_MEMORY:
        note(out, "no memory", "", 0);
        break;
    case TG_FRAME_PING:
        note(out, "ping", frame->payload.data, frame->payload.length);
        break;
    case TG_FRAME_PONG:
        note(out, "pong", frame->payload.data, frame->payload.length);
        break;
    case TG_FRAME_CLOSE:
        tg_buffer_appendf(out, "close %u(%.*s) ", frame->close_code, (int)frame->payload.length,
                          frame->payload.data);
        break;
    case TG_FRAME_BREACH:
        note(out, "breach", frame->breach, strlen(frame->breach));
        break;
    }
}

/* Each block is a copy of its own, so that reading past its end is seen. */
static void read_block(struct tg_frame_reader *reader, const char *bytes, size_t length,
                       struct tg_buffer *out)
{
    char *copy = malloc(length ? length : 1);
    struct tg_str block = { copy, length };
    struct tg_frame frame;

    memcpy(copy, bytes, length);
    while (block.length > 0)
        note_frame(out, tg_frame_read(reader, &block, &frame), &frame);
    free(copy);
}

static char *read_in_steps(const char *bytes, size_t length, size_t first, size_t step)
{
    struct tg_frame_reader reader = { .assembler = { .max_bytes = CAP } };
    struct tg_buffer out = { 0 };
    size_t at = 0, size = first;

    tg_buffer_append_str(&out, "");
    while (at < length) {
        if (size > length - at)
            size = length - at;
        read_block(&reader, bytes + at, size, &out);
        at += size;
        size = step;
    }
    assert_true(reader.assembler.buffer.capacity <= 2 * CAP);
    tg_frame_reader_deinit(&reader);
    return out.data;
}

static void assert_read(const char *bytes, size_t length, const char *expected)
{
    char *got = read_in_steps(bytes, length, length, length);

    assert_string_equal(got, expected);
    free(got);
    for (size_t first = 1; first < length; first++) {
        got = read_in_steps(bytes, length, first, length);
        assert_string_equal(got, expected);
        free(got);
    }
    for (size_t step = 1; step <= 7; step++) {
        got = read_in_steps(bytes, length, step, step);
        assert_string_equal(got, expected);
        free(got);
    }
}

/* ---- what is right ----------------------------------------------------------------------------- */

static void messages_come_whole(void **state)
{
    (void)state;
    assert_read(BYTES("\x81\x05hello"), "text(hello) ");
    assert_read(BYTES("\x82\x03\x01\x02z"), "binary(\x01\x02z) ");
    assert_read(BYTES("\x81\x00\x82\x00"), "text() binary() ");
    assert_read(BYTES("\x81\x01"
                      "a\x81\x01"
                      "b\x81\x01"
                      "c"),
                "text(a) text(b) text(c) ");
    assert_read(BYTES("\x81\x7e\x00\xc8" X100 X100 "\x81\x01z"), "text(" X100 X100 ") text(z) ");
}

static void fragments_become_one_message(void **state)
{
    (void)state;
    assert_read(BYTES("\x01\x02he\x00\x01l\x80\x02lo"), "text(hello) ");
    assert_read(BYTES("\x02\x00\x00\x00\x80\x01z"), "binary(z) ");
    assert_read(BYTES("\x01\x01z\x80\x00\x81\x00"), "text(z) text() ");
    assert_read(BYTES("\x01\x00\x80\x00"), "text() ");
}

static void control_frames_come_between_fragments(void **state)
{
    (void)state;
    assert_read(BYTES("\x01\x01h\x89\x02pi\x80\x01i\x8a\x00"), "ping(pi) text(hi) pong() ");
    assert_read(BYTES("\x89\x7d" X100 "1234567890123456789012345"),
                "ping(" X100 "1234567890123456789012345) ");
}

static void a_message_in_the_block_is_not_copied(void **state)
{
    struct tg_frame_reader reader = { .assembler = { .max_bytes = CAP } };
    const char bytes[] = "\x81\x05hello\x89\x01p";
    struct tg_str block = { BYTES(bytes) };
    struct tg_frame frame;

    (void)state;
    assert_int_equal(tg_frame_read(&reader, &block, &frame), TG_FRAME_MESSAGE);
    assert_ptr_equal(frame.message.bytes, bytes + 2);
    assert_int_equal(tg_frame_read(&reader, &block, &frame), TG_FRAME_PING);
    assert_ptr_equal(frame.payload.data, bytes + 9);
    assert_int_equal(tg_frame_read(&reader, &block, &frame), TG_FRAME_NONE);
    assert_null(reader.assembler.buffer.data);
    tg_frame_reader_deinit(&reader);
}

static void a_message_over_the_cap_is_told_once_and_skipped(void **state)
{
    (void)state;
    assert_read(BYTES("\x81\x7e\x01\x2d" X100 X100 X100 "x\x81\x02ok"), "oversize() text(ok) ");
    assert_read(BYTES("\x81\x7e\x01\x2c" X100 X100 X100 "\x81\x02ok"), "text(" X100 X100 X100 ") text(ok) ");
    assert_read(
        BYTES("\x01\x7e\x00\xc8" X100 X100 "\x00\x7e\x00\xc8" X100 X100 "\x89\x01p\x80\x01x\x81\x02ok"),
        "oversize() ping(p) text(ok) ");
}

static void a_huge_length_costs_nothing(void **state)
{
    struct tg_frame_reader reader = { .assembler = { .max_bytes = CAP } };
    struct tg_buffer out = { 0 };

    (void)state;
    read_block(&reader, BYTES("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), &out);
    for (int i = 0; i < 10; i++)
        read_block(&reader, BYTES(X100), &out);
    assert_string_equal(out.data, "oversize() ");
    assert_int_equal(reader.assembler.buffer.capacity, 0);
    tg_buffer_deinit(&out);
    tg_frame_reader_deinit(&reader);
}

static void close_frames(void **state)
{
    (void)state;
    assert_read(BYTES("\x88\x00\x81\x01z"), "close 0() ");
    assert_read(BYTES("\x88\x02\x03\xe8\x81\x01z"), "close 1000() ");
    assert_read(BYTES("\x88\x05\x03\xe9"
                      "bye"),
                "close 1001(bye) ");
    assert_read(BYTES("\x88\x04\x0f\xa0\xc3\xa4"), "close 4000(\xc3\xa4) ");
}

static void close_codes(void **state)
{
    static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999 };
    static const unsigned bad[] = { 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535 };
    char text[32];

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(good); i++) {
        const char bytes[] = { '\x88', 2, (char)(good[i] >> 8), (char)good[i] };
        snprintf(text, sizeof(text), "close %u() ", good[i]);
        assert_read(bytes, sizeof(bytes), text);
    }
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        const char bytes[] = { '\x88', 2, (char)(bad[i] >> 8), (char)bad[i] };
        assert_read(bytes, sizeof(bytes), "breach(close code) ");
    }
}

/* ---- what is wrong ----------------------------------------------------------------------------- */

static void assert_breach(const char *bytes, size_t length, const char *breach)
{
    struct tg_buffer data = { 0 }, expected = { 0 };

    tg_buffer_append(&data, BYTES("\x81\x01z"));
    tg_buffer_append(&data, bytes, length);
    tg_buffer_append(&data, BYTES("\x81\x01z")); /* nothing is read after a breach */
    tg_buffer_appendf(&expected, "text(z) breach(%s) ", breach);
    assert_read(data.data, data.length, expected.data);
    tg_buffer_deinit(&data);
    tg_buffer_deinit(&expected);
}

static void reserved_bits(void **state)
{
    (void)state;
    assert_breach(BYTES("\xc1\x01x"), "a reserved bit");
    assert_breach(BYTES("\xa1\x01x"), "a reserved bit");
    assert_breach(BYTES("\x91\x01x"), "a reserved bit");
    assert_breach(BYTES("\xc9\x00"), "a reserved bit");
}

static void masked_frames(void **state)
{
    (void)state;
    assert_breach(BYTES("\x81\x81\x01\x02\x03\x04x"), "a masked frame");
    assert_breach(BYTES("\x81\xfe\x00\xc8"), "a masked frame");
    assert_breach(BYTES("\x88\x80\x00\x00\x00\x00"), "a masked frame");
}

static void unknown_opcodes(void **state)
{
    (void)state;
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        const char bytes[] = { (char)(0x80 | opcode), 0 };
        if ((opcode > 2 && opcode < 8) || opcode > 10)
            assert_breach(bytes, sizeof(bytes), "an unknown opcode");
    }
}

static void lengths_that_are_not_minimal(void **state)
{
    (void)state;
    assert_breach(BYTES("\x81\x7e\x00\x01x"), "a length in more bytes than it needs");
    assert_breach(BYTES("\x81\x7e\x00\x7d"), "a length in more bytes than it needs");
    assert_breach(BYTES("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), "a length in more bytes than it needs");
    assert_read(BYTES("\x82\x7e\x00\x7e" X100 "12345678901234567890123456"),
                "binary(" X100 "12345678901234567890123456) ");
    assert_read(BYTES("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" X100 X100 X100 X100), "oversize() ");
}

static void lengths_of_64_bits(void **state)
{
    (void)state;
    assert_breach(BYTES("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), "a length of 2^63 or more");
    assert_breach(BYTES("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), "a length of 2^63 or more");
}

static void control_frames_that_are_none(void **state)
{
    (void)state;
    assert_breach(BYTES("\x09\x00"), "a control frame in fragments");
    assert_breach(BYTES("\x08\x00"), "a control frame in fragments");
    assert_breach(BYTES("\x89\x7e\x00\x7e"), "a control frame of more than 125 bytes");
    assert_breach(BYTES("\x88\x7f"), "a control frame of more than 125 bytes");
}

static void fragments_out_of_order(void **state)
{
    (void)state;
    assert_breach(BYTES("\x80\x01x"), "a continuation of nothing");
    assert_breach(BYTES("\x00\x01x"), "a continuation of nothing");
    assert_breach(BYTES("\x01\x01x\x81\x01y"), "a new message within a message");
    assert_breach(BYTES("\x01\x01x\x02\x01y"), "a new message within a message");
    assert_read(BYTES("\x01\x01x\x80\x01y\x80\x00"), "text(xy) breach(a continuation of nothing) ");
}

static void close_frames_that_are_none(void **state)
{
    (void)state;
    assert_breach(BYTES("\x88\x01\x03"), "a close frame of one byte");
    assert_breach(BYTES("\x88\x04\x03\xe8\xc0\x80"), "a close reason that is not UTF-8");
    assert_breach(BYTES("\x88\x03\x03\xe8\xc3"), "a close reason that is not UTF-8");
}

/* ---- writing ----------------------------------------------------------------------------------- */

static void assert_written(size_t length, const char *head, size_t head_length)
{
    static const unsigned char key[] = { 0x12, 0x34, 0x56, 0x78 };
    struct tg_buffer out = { 0 };
    char *payload = tg_alloc(length + 1);

    for (size_t i = 0; i < length; i++)
        payload[i] = (char)(i * 7);
    tg_buffer_append_str(&out, "before");
    assert_int_equal(tg_frame_write(&out, TG_OPCODE_BINARY, payload, length, key), TG_OK);
    assert_int_equal(out.length, 6 + head_length + 4 + length);
    const char *frame = out.data + 6;
    assert_memory_equal(frame, head, head_length);
    assert_memory_equal(frame + head_length, key, 4);
    for (size_t i = 0; i < length; i++)
        assert_int_equal((unsigned char)frame[head_length + 4 + i] ^ key[i % 4], (unsigned char)payload[i]);
    tg_buffer_deinit(&out);
    free(payload);
}

static void written_frames_are_masked_and_minimal(void **state)
{
    (void)state;
    assert_written(0, BYTES("\x82\x80"));
    for (size_t length = 1; length <= 125; length++)
        assert_written(length, (const char[]){ '\x82', (char)(0x80 | length) }, 2);
    assert_written(126, BYTES("\x82\xfe\x00\x7e"));
    assert_written(65535, BYTES("\x82\xfe\xff\xff"));
    assert_written(65536, BYTES("\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00"));
}

static void written_control_frames(void **state)
{
    static const unsigned char key[] = { 0, 0, 0, 0 };
    struct tg_buffer out = { 0 };

    (void)state;
    tg_frame_write(&out, TG_OPCODE_PING, NULL, 0, key);
    tg_frame_write(&out, TG_OPCODE_PONG, "p", 1, key);
    tg_frame_write(&out, TG_OPCODE_TEXT, "t", 1, key);
    tg_frame_write(&out, TG_OPCODE_CLOSE, "\x03\xe8", 2, key);
    const char expected[] = "\x89\x80\0\0\0\0"
                            "\x8a\x81\0\0\0\0p"
                            "\x81\x81\0\0\0\0t"
                            "\x88\x82\0\0\0\0\x03\xe8";
    assert_int_equal(out.length, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.length);
    tg_buffer_deinit(&out);
}

static void assert_pong(struct tg_pongs *pongs, const char *expected)
{
    struct tg_str payload;

    assert_true(tg_pongs_take(pongs, &payload));
    assert_int_equal(payload.length, strlen(expected));
    assert_memory_equal(payload.data, expected, payload.length);
}

static void each_ping_has_its_pong_in_order(void **state)
{
    struct tg_pongs pongs = { 0 };
    struct tg_str payload;
    char longest[TG_CONTROL_PAYLOAD_MAX + 1];

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(tg_pongs_take(&pongs, &payload));
    tg_pongs_add(&pongs, TG_STR("one"));
    tg_pongs_add(&pongs, TG_STR(""));
    tg_pongs_add(&pongs, tg_str_from(longest));
    assert_pong(&pongs, "one");
    tg_pongs_add(&pongs, TG_STR("four"));
    assert_pong(&pongs, "");
    assert_pong(&pongs, longest);
    assert_pong(&pongs, "four");
    assert_false(tg_pongs_take(&pongs, &payload));
    tg_pongs_add(&pongs, TG_STR("again"));
    assert_pong(&pongs, "again");
    tg_pongs_deinit(&pongs);
}

static void pongs_that_nobody_takes_give_way_to_the_latest(void **state)
{
    struct tg_pongs pongs = { 0 };
    struct tg_str payload;

    (void)state;
    for (int i = 0; i < 10 * TG_PONGS_MAX; i++)
        tg_pongs_add(&pongs, TG_STR("flood"));
    assert_true(tg_pongs_are_full(&pongs));
    assert_true(pongs.waiting.length <= TG_PONGS_MAX * (1 + TG_CONTROL_PAYLOAD_MAX));
    tg_pongs_add(&pongs, TG_STR("latest"));
    assert_pong(&pongs, "latest");
    assert_false(tg_pongs_take(&pongs, &payload));
    tg_pongs_deinit(&pongs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole),
        cmocka_unit_test(fragments_become_one_message),
        cmocka_unit_test(control_frames_come_between_fragments),
        cmocka_unit_test(a_message_in_the_block_is_not_copied),
        cmocka_unit_test(a_message_over_the_cap_is_told_once_and_skipped),
        cmocka_unit_test(a_huge_length_costs_nothing),
        cmocka_unit_test(close_frames),
        cmocka_unit_test(close_codes),
        cmocka_unit_test(reserved_bits),
        cmocka_unit_test(masked_frames),
        cmocka_unit_test(unknown_opcodes),
        cmocka_unit_test(lengths_that_are_not_minimal),
        cmocka_unit_test(lengths_of_64_bits),
        cmocka_unit_test(control_frames_that_are_none),
        cmocka_unit_test(fragments_out_of_order),
        cmocka_unit_test(close_frames_that_are_none),
        cmocka_unit_test(written_frames_are_masked_and_minimal),
        cmocka_unit_test(written_control_frames),
        cmocka_unit_test(each_ping_has_its_pong_in_order),
        cmocka_unit_test(pongs_that_nobody_takes_give_way_to_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
