/* Fuzz target: the reader of WebSocket frames. What comes out must not depend on the pieces in which the bytes
 * arrive, and memory stays below the cap. What is written can be read again. */
#include "upstream/frames.h"

#include <stdlib.h>
#include <string.h>

enum { CAP = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

static void note(struct tg_buffer *out, const struct tg_frame *frame, enum tg_frame_kind kind)
{
    unsigned char head[4] = { (unsigned char)kind, 0, 0, 0 };

    if (kind == TG_FRAME_MESSAGE) {
        head[1] = frame->message.is_binary;
        check(frame->message.length <= CAP);
        tg_buffer_append(out, frame->message.bytes, frame->message.length);
    } else if (kind == TG_FRAME_PING || kind == TG_FRAME_PONG || kind == TG_FRAME_CLOSE) {
        check(frame->payload.length <= TG_CONTROL_PAYLOAD_MAX);
        tg_buffer_append(out, frame->payload.data, frame->payload.length);
    } else if (kind == TG_FRAME_BREACH) {
        tg_buffer_append_str(out, frame->breach);
    }
    if (kind == TG_FRAME_CLOSE) {
        check(tg_utf8_is_valid(frame->payload.data, frame->payload.length));
        head[2] = (unsigned char)(frame->close_code >> 8);
        head[3] = (unsigned char)frame->close_code;
    }
    if (kind != TG_FRAME_NONE)
        tg_buffer_append(out, head, sizeof(head));
}

/* Pongs hold what their pings did, in order; too many of them leave the latest. */
static void check_pongs(const char *bytes, size_t size)
{
    struct tg_frame_reader reader = { .assembler = { .max_bytes = CAP } };
    struct tg_str block = { bytes, size };
    struct tg_buffer pings = { 0 };
    struct tg_pongs pongs = { 0 };
    struct tg_str payload = { "", 0 };
    struct tg_frame frame;

    while (block.length > 0)
        if (tg_frame_read(&reader, &block, &frame) == TG_FRAME_PING) {
            tg_pongs_add(&pongs, frame.payload);
            tg_buffer_append(&pings, frame.payload.data, frame.payload.length);
        }
    struct tg_buffer answered = { 0 };
    while (tg_pongs_take(&pongs, &payload))
        tg_buffer_append(&answered, payload.data, payload.length);
    check(answered.length <= pings.length);
    size_t missed = pings.length - answered.length;
    check(answered.length == 0 || memcmp(pings.data + missed, answered.data, answered.length) == 0);
    tg_buffer_deinit(&answered);
    tg_buffer_deinit(&pings);
    tg_frame_reader_deinit(&reader);
}

/* Each block is a copy of its own, so that reading past its end is seen. */
static struct tg_buffer read_in_steps(const char *bytes, size_t size, size_t step)
{
    struct tg_frame_reader reader = { .assembler = { .max_bytes = CAP } };
    struct tg_buffer out = { 0 };

    for (size_t at = 0; at < size; at += step) {
        size_t length = size - at < step ? size - at : step;
        char *copy = malloc(length);
        struct tg_str block = { copy, length };
        struct tg_frame frame;
        memcpy(copy, bytes + at, length);
        while (block.length > 0)
            note(&out, &frame, tg_frame_read(&reader, &block, &frame));
        free(copy);
        check(reader.assembler.buffer.length <= CAP);
    }
    tg_frame_reader_deinit(&reader);
    return out;
}

static void check_written(const uint8_t *data, size_t size)
{
    static const unsigned char no_key[TG_FRAME_KEY_BYTES];
    struct tg_buffer out = { 0 };

    check(tg_frame_write(&out, TG_OPCODE_TEXT, data, size, no_key) == TG_OK);
    /* Without its mask it is a frame as a server writes it. */
    size_t head = out.length - size - TG_FRAME_KEY_BYTES;
    out.data[1] &= 0x7f;
    memmove(out.data + head, out.data + head + TG_FRAME_KEY_BYTES, size);
    struct tg_frame_reader reader = { .assembler = { .max_bytes = size } };
    struct tg_str block = { out.data, out.length - TG_FRAME_KEY_BYTES };
    struct tg_frame frame;
    check(tg_frame_read(&reader, &block, &frame) == TG_FRAME_MESSAGE);
    check(block.length == 0 && frame.message.length == size && !frame.message.is_binary);
    check(size == 0 || memcmp(frame.message.bytes, data, size) == 0);
    tg_frame_reader_deinit(&reader);
    tg_buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    const char *bytes = (const char *)data + 1;
    struct tg_buffer whole = read_in_steps(bytes, size - 1, size);
    const size_t steps[] = { 1, 2, 3, 1u + data[0] };
    for (size_t i = 0; i < TG_COUNT_OF(steps); i++) {
        struct tg_buffer cut = read_in_steps(bytes, size - 1, steps[i]);
        check(cut.length == whole.length);
        check(cut.length == 0 || memcmp(cut.data, whole.data, cut.length) == 0);
        tg_buffer_deinit(&cut);
    }
    tg_buffer_deinit(&whole);
    check_written(data, size);
    check_pongs(bytes, size - 1);
    return 0;
}
