/* Frames.
 *
 *      0               1               2                               (bytes)
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *     |F|R|R|R| opcode|M| length      | 126: 16 bits of length        |
 *     |I|S|S|S|       |A|             | 127: 64 bits of length        | then the payload
 *     |N|V|V|V|       |S| 0 to 125    |                               |
 *     | |1|2|3|       |K|             |                               |
 *     +-+-+-+-+-------+-+-------------+-------------------------------+
 *
 * A head that lies whole in the block is read where it lies; one that is cut is gathered first, byte by byte,
 * so that each rule is checked in one place, and at the same byte however the frames are cut. */
#include "frames.h"

#include <string.h>

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASK = 0x80, LENGTH = 0x7f };
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

static bool is_control(unsigned opcode)
{
    return (opcode & 0x8) != 0;
}

/* ---- the head --------------------------------------------------------------------------------- */

static const char *check_opcode(const struct tg_frame_reader *reader, unsigned opcode)
{
    switch (opcode) {
    case TG_OPCODE_CONTINUATION:
        return reader->is_in_message ? NULL : "a continuation of nothing";
    case TG_OPCODE_TEXT:
    case TG_OPCODE_BINARY:
        return reader->is_in_message ? "a new message within a message" : NULL;
    case TG_OPCODE_CLOSE:
    case TG_OPCODE_PING:
    case TG_OPCODE_PONG:
        return NULL;
    default:
        return "an unknown opcode";
    }
}

static const char *check_start(const struct tg_frame_reader *reader, const unsigned char head[2])
{
    if (head[0] & RESERVED)
        return "a reserved bit";
    if (head[1] & MASK)
        return "a masked frame";
    if (is_control(head[0] & OPCODE)) {
        if (!(head[0] & FIN))
            return "a control frame in fragments";
        if ((head[1] & LENGTH) > TG_CONTROL_PAYLOAD_MAX)
            return "a control frame of more than 125 bytes";
    }
    return check_opcode(reader, head[0] & OPCODE);
}

static unsigned head_size(unsigned length)
{
    return length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
}

static uint64_t read_number(const unsigned char *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* A whole head, its first two bytes checked. */
static const char *begin_frame(struct tg_frame_reader *reader, const unsigned char *head)
{
    uint64_t length = head[1] & LENGTH;

    if (length == LENGTH_16) {
        length = read_number(head + 2, 2);
        if (length < LENGTH_16)
            return "a length in more bytes than it needs";
    } else if (length == LENGTH_64) {
        length = read_number(head + 2, 8);
        if (length >> 63)
            return "a length of 2^63 or more";
        if (length <= UINT16_MAX)
            return "a length in more bytes than it needs";
    }
    reader->opcode = head[0] & OPCODE;
    reader->is_final = (head[0] & FIN) != 0;
    reader->left = length;
    reader->is_in_frame = true;
    reader->control_length = 0;
    if (is_control(reader->opcode))
        return NULL;
    reader->is_first = reader->opcode != TG_OPCODE_CONTINUATION;
    if (reader->is_first)
        reader->is_binary = reader->opcode == TG_OPCODE_BINARY;
    reader->is_in_message = !reader->is_final;
    return NULL;
}

static void skip(struct tg_str *block, size_t count)
{
    block->data += count;
    block->length -= count;
}

/* Leaves `is_in_frame` false when the head is not whole yet. */
static const char *read_head(struct tg_frame_reader *reader, struct tg_str *block)
{
    const unsigned char *bytes = (const unsigned char *)block->data;
    const char *breach;

    if (reader->head_length == 0 && block->length >= 2 && block->length >= head_size(bytes[1] & LENGTH)) {
        breach = check_start(reader, bytes);
        if (!breach)
            breach = begin_frame(reader, bytes);
        skip(block, head_size(bytes[1] & LENGTH));
        return breach;
    }
    while (block->length > 0) {
        reader->head[reader->head_length++] = (unsigned char)*block->data;
        skip(block, 1);
        if (reader->head_length < 2)
            continue;
        if (reader->head_length == 2 && (breach = check_start(reader, reader->head)))
            return breach;
        if (reader->head_length < head_size(reader->head[1] & LENGTH))
            continue;
        reader->head_length = 0;
        return begin_frame(reader, reader->head);
    }
    return NULL;
}

/* ---- the payload ------------------------------------------------------------------------------ */

/* RFC 6455 section 7.4, and what has been registered since. */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum tg_frame_kind fail(struct tg_frame_reader *reader, const char *breach, struct tg_frame *ret_frame)
{
    reader->is_over = true;
    ret_frame->breach = breach;
    return TG_FRAME_BREACH;
}

static enum tg_frame_kind end_of_close(struct tg_frame_reader *reader, struct tg_str payload,
                                       struct tg_frame *ret_frame)
{
    reader->is_over = true;
    ret_frame->close_code = 0;
    ret_frame->payload = (struct tg_str){ "", 0 };
    if (payload.length == 0)
        return TG_FRAME_CLOSE;
    if (payload.length == 1)
        return fail(reader, "a close frame of one byte", ret_frame);
    unsigned code = (unsigned)read_number((const unsigned char *)payload.data, 2);
    if (!is_close_code(code))
        return fail(reader, "close code", ret_frame);
    skip(&payload, 2);
    if (!tg_utf8_is_valid(payload.data, payload.length))
        return fail(reader, "a close reason that is not UTF-8", ret_frame);
    ret_frame->close_code = code;
    ret_frame->payload = payload;
    return TG_FRAME_CLOSE;
}

static enum tg_frame_kind read_control(struct tg_frame_reader *reader, struct tg_str *block,
                                       struct tg_frame *ret_frame)
{
    struct tg_str payload = { block->data, (size_t)reader->left };

    if (reader->control_length > 0 || block->length < reader->left) {
        size_t count = block->length < reader->left ? block->length : (size_t)reader->left;
        if (count > 0)
            memcpy(reader->control + reader->control_length, block->data, count);
        reader->control_length += count;
        reader->left -= count;
        skip(block, count);
        if (reader->left > 0)
            return TG_FRAME_NONE;
        payload = (struct tg_str){ (const char *)reader->control, reader->control_length };
    } else {
        skip(block, payload.length);
    }
    reader->is_in_frame = false;
    if (reader->opcode == TG_OPCODE_CLOSE)
        return end_of_close(reader, payload, ret_frame);
    ret_frame->payload = payload;
    return reader->opcode == TG_OPCODE_PING ? TG_FRAME_PING : TG_FRAME_PONG;
}

static enum tg_frame_kind read_data(struct tg_frame_reader *reader, struct tg_str *block,
                                    struct tg_frame *ret_frame)
{
    static const enum tg_frame_kind kinds[] = {
        [TG_ASSEMBLY_MORE] = TG_FRAME_NONE,
        [TG_ASSEMBLY_WHOLE] = TG_FRAME_MESSAGE,
        [TG_ASSEMBLY_OVERSIZE] = TG_FRAME_OVERSIZE,
        [TG_ASSEMBLY_NO_MEMORY] = TG_FRAME_NO_MEMORY,
    };
    size_t count = block->length < reader->left ? block->length : (size_t)reader->left;

    if (count == 0 && reader->left > 0)
        return TG_FRAME_NONE;
    const struct tg_piece piece = {
        .bytes = block->data,
        .length = count,
        .is_first = reader->is_first,
        .is_last = reader->is_final && count == reader->left,
        .is_binary = reader->is_binary,
    };
    skip(block, count);
    reader->left -= count;
    reader->is_first = false;
    reader->is_in_frame = reader->left > 0;
    return kinds[tg_assembler_add(&reader->assembler, &piece, &ret_frame->message)];
}

enum tg_frame_kind tg_frame_read(struct tg_frame_reader *reader, struct tg_str *block,
                                 struct tg_frame *ret_frame)
{
    /* A frame without a payload is whole with its head, so that the block may be empty by now. */
    while (!reader->is_over && (block->length > 0 || (reader->is_in_frame && reader->left == 0))) {
        if (!reader->is_in_frame) {
            const char *breach = read_head(reader, block);
            if (breach)
                return fail(reader, breach, ret_frame);
            if (!reader->is_in_frame)
                return TG_FRAME_NONE;
        }
        enum tg_frame_kind kind = is_control(reader->opcode) ? read_control(reader, block, ret_frame)
                                                             : read_data(reader, block, ret_frame);
        if (kind != TG_FRAME_NONE)
            return kind;
    }
    skip(block, block->length);
    return TG_FRAME_NONE;
}

void tg_frame_reader_deinit(struct tg_frame_reader *reader)
{
    tg_assembler_deinit(&reader->assembler);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void mask(unsigned char *out, const unsigned char *in, size_t length,
                 const unsigned char key[TG_FRAME_KEY_BYTES])
{
    uint64_t word, keys;
    size_t at = 0;

    memcpy(&keys, key, TG_FRAME_KEY_BYTES);
    memcpy((unsigned char *)&keys + TG_FRAME_KEY_BYTES, key, TG_FRAME_KEY_BYTES);
    for (; length - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, in + at, sizeof(word));
        word ^= keys;
        memcpy(out + at, &word, sizeof(word));
    }
    for (; at < length; at++)
        out[at] = in[at] ^ key[at % TG_FRAME_KEY_BYTES];
}

static size_t write_head(unsigned char head[TG_FRAME_HEAD_MAX], enum tg_opcode opcode, size_t length)
{
    size_t size = 2;

    head[0] = (unsigned char)(FIN | opcode);
    if (length <= TG_CONTROL_PAYLOAD_MAX) {
        head[1] = (unsigned char)(MASK | length);
        return size;
    }
    unsigned count = length <= UINT16_MAX ? 2 : 8;
    head[1] = MASK | (count == 2 ? LENGTH_16 : LENGTH_64);
    while (count-- > 0)
        head[size++] = (unsigned char)(length >> (8 * count));
    return size;
}

enum tg_err tg_frame_write(struct tg_buffer *out, enum tg_opcode opcode, const void *payload, size_t length,
                           const unsigned char key[TG_FRAME_KEY_BYTES])
{
    unsigned char head[TG_FRAME_HEAD_MAX];

    if (length > SIZE_MAX / 4)
        return TG_ERR_MEMORY;
    enum tg_err err = tg_buffer_reserve(out, TG_FRAME_HEAD_MAX + length);
    if (err < 0)
        return err;
    size_t size = write_head(head, opcode, length);
    tg_buffer_append(out, head, size);
    tg_buffer_append(out, key, TG_FRAME_KEY_BYTES);
    mask((unsigned char *)out->data + out->length, payload, length, key);
    out->length += length;
    out->data[out->length] = '\0';
    return TG_OK;
}

/* ---- pongs ------------------------------------------------------------------------------------ */

void tg_pongs_deinit(struct tg_pongs *pongs)
{
    tg_buffer_deinit(&pongs->waiting);
    pongs->offset = 0;
    pongs->count = 0;
}

bool tg_pongs_are_full(const struct tg_pongs *pongs)
{
    return pongs->count == TG_PONGS_MAX;
}

/* One byte of length, then the payload. */
void tg_pongs_add(struct tg_pongs *pongs, struct tg_str payload)
{
    const unsigned char length = (unsigned char)payload.length;

    if (tg_pongs_are_full(pongs))
        tg_pongs_deinit(pongs);
    if (tg_buffer_reserve(&pongs->waiting, 1 + payload.length) < 0)
        return;
    tg_buffer_append(&pongs->waiting, &length, 1);
    tg_buffer_append(&pongs->waiting, payload.data, payload.length);
    pongs->count++;
}

bool tg_pongs_take(struct tg_pongs *pongs, struct tg_str *ret_payload)
{
    if (pongs->count == 0) {
        tg_pongs_deinit(pongs);
        return false;
    }
    const char *at = pongs->waiting.data + pongs->offset;
    *ret_payload = (struct tg_str){ at + 1, (unsigned char)*at };
    pongs->offset += 1 + ret_payload->length;
    pongs->count--;
    return true;
}
