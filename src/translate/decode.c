/* The decode steps in a row, and the two that read digits. */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

void tg_decoder_deinit(struct tg_decoder *decoder)
{
    tg_buffer_deinit(&decoder->outputs[0]);
    tg_buffer_deinit(&decoder->outputs[1]);
}

enum tg_err tg_decode_make_room(struct tg_buffer *out, size_t length)
{
    /* tg_buffer_reserve would round up to a power of two, up to twice what the limit allows. */
    if (out->capacity <= length) {
        char *data = realloc(out->data, length + 1);
        if (!data)
            return TG_ERR_MEMORY;
        out->data = data;
        out->capacity = length + 1;
    }
    tg_buffer_clear(out);
    return TG_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

/* How the text may end after `digits` (0 to 3) of its last group: with padding or without, then white space. */
static bool is_base64_end(const char *at, const char *end, size_t digits)
{
    size_t padding = 0;

    while (at < end && *at == '=' && padding < 2)
        at++, padding++;
    while (at < end && is_space(*at))
        at++;
    if (at < end || digits == 1)
        return false;
    return padding == 0 || digits + padding == 4;
}

static enum tg_err decode_base64(struct tg_str bytes, size_t max_bytes, struct tg_buffer *out)
{
    const char *at = bytes.data, *end = bytes.data + bytes.length;
    size_t estimate = bytes.length / 4 * 3 + 3, room = estimate < max_bytes ? estimate : max_bytes;
    uint32_t group = 0;
    size_t digits = 0, length = 0;

    if (tg_decode_make_room(out, room) < 0)
        return TG_ERR_MEMORY;
    for (; at < end; at++) {
        int value = base64_value(*at);
        if (value < 0 && digits == 0 && is_space(*at))
            continue;
        if (value < 0)
            break;
        group = group << 6 | (uint32_t)value;
        if (++digits != 1) {
            if (length == room)
                return TG_ERR_TOO_LARGE;
            out->data[length++] = (char)(group >> (6 - 2 * (digits - 1)));
        }
        digits %= 4;
    }
    if (!is_base64_end(at, end, digits))
        return TG_ERR_INVALID;
    out->data[length] = '\0';
    out->length = length;
    return TG_OK;
}

static enum tg_err decode_hex(struct tg_str bytes, size_t max_bytes, struct tg_buffer *out)
{
    const char *at = bytes.data, *end = bytes.data + bytes.length;
    size_t room = bytes.length / 2 < max_bytes ? bytes.length / 2 : max_bytes, length = 0;

    if (tg_decode_make_room(out, room) < 0)
        return TG_ERR_MEMORY;
    while (at < end) {
        if (is_space(*at)) {
            at++;
            continue;
        }
        int high = tg_hex_value(at[0]), low = end - at > 1 ? tg_hex_value(at[1]) : -1;
        if (high < 0 || low < 0)
            return TG_ERR_INVALID;
        if (length == room)
            return TG_ERR_TOO_LARGE;
        out->data[length++] = (char)(high << 4 | low);
        at += 2;
    }
    out->data[length] = '\0';
    out->length = length;
    return TG_OK;
}

enum tg_err tg_decode(enum tg_config_decode step, struct tg_str bytes, size_t max_bytes,
                      struct tg_buffer *out)
{
    switch (step) {
    case TG_DECODE_BASE64:
        return decode_base64(bytes, max_bytes, out);
    case TG_DECODE_HEX:
        return decode_hex(bytes, max_bytes, out);
    case TG_DECODE_GUNZIP:
        return tg_decode_gunzip(bytes, max_bytes, out);
    case TG_DECODE_INFLATE:
        return tg_decode_inflate(bytes, max_bytes, out);
    case TG_DECODE_UTF8:
        break;
    }
    return TG_ERR_INVALID;
}

enum tg_err tg_decoder_run(struct tg_decoder *decoder, struct tg_str *bytes, bool *is_binary)
{
    const struct tg_config_translate *rules = decoder->rules;
    size_t max_bytes = (size_t)rules->max_decoded_bytes;
    struct tg_buffer *out = &decoder->outputs[0], *other = &decoder->outputs[1];
    struct tg_str result = *bytes;
    bool is_text = !*is_binary;

    for (size_t i = 0; i < rules->decode_count; i++) {
        enum tg_config_decode step = (enum tg_config_decode)rules->decode[i];
        is_text = step == TG_DECODE_UTF8;
        if (is_text) {
            if (result.length > max_bytes)
                return TG_ERR_TOO_LARGE;
            if (!tg_utf8_is_valid(result.data, result.length))
                return TG_ERR_INVALID;
            continue;
        }
        enum tg_err err = tg_decode(step, result, max_bytes, out);
        if (err)
            return err;
        result = (struct tg_str){ out->data, out->length };
        struct tg_buffer *next = other;
        other = out;
        out = next;
    }
    *bytes = result;
    *is_binary = !is_text;
    return TG_OK;
}
