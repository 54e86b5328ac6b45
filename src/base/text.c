/* UTF-8 (RFC 3629) and the escaping of JSON strings (RFC 8259 section 7). */
#include "text.h"

#include <stdio.h>
#include <string.h>

size_t tg_utf8_decode(const char *bytes, size_t length, uint32_t *ret_code_point)
{
    const unsigned char *data = (const unsigned char *)bytes;
    uint32_t code_point, least;
    size_t size;

    if (data[0] < 0x80) {
        *ret_code_point = data[0];
        return 1;
    } else if (data[0] >= 0xc2 && data[0] <= 0xdf) {
        size = 2, least = 0x80, code_point = data[0] & 0x1fu;
    } else if (data[0] >= 0xe0 && data[0] <= 0xef) {
        size = 3, least = 0x800, code_point = data[0] & 0x0fu;
    } else if (data[0] >= 0xf0 && data[0] <= 0xf4) {
        size = 4, least = 0x10000, code_point = data[0] & 0x07u;
    } else {
        return 0;
    }
    if (size > length)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
        code_point = (code_point << 6) | (data[i] & 0x3fu);
    }
    if (code_point < least || code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        return 0;
    *ret_code_point = code_point;
    return size;
}

/* How many bytes at the front are surely ASCII: most payloads are nothing else. */
static size_t ascii_length(const char *bytes, size_t length)
{
    size_t at = 0;
    uint64_t words[4];
    for (; length - at >= sizeof(words); at += sizeof(words)) {
        memcpy(words, bytes + at, sizeof(words));
        if ((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u)
            break;
    }
    for (; length - at >= sizeof(words[0]); at += sizeof(words[0])) {
        memcpy(words, bytes + at, sizeof(words[0]));
        if (words[0] & 0x8080808080808080u)
            break;
    }
    return at;
}

bool tg_utf8_is_valid(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        if (!(bytes[at] & 0x80)) {
            size_t ascii = ascii_length(bytes + at, length - at);
            at += ascii ? ascii : 1;
            continue;
        }
        uint32_t code_point;
        size_t size = tg_utf8_decode(bytes + at, length - at, &code_point);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

static const char *short_escape(uint32_t code_point)
{
    switch (code_point) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

size_t tg_json_escape(const char *bytes, size_t length, char ret_out[TG_JSON_ESCAPE_MAX],
                      size_t *ret_out_length)
{
    uint32_t code_point = 0;
    size_t size = tg_utf8_decode(bytes, length, &code_point);
    if (size == 0) {
        memcpy(ret_out, "\xef\xbf\xbd", 3);
        *ret_out_length = 3;
        return 1;
    }
    const char *escape = short_escape(code_point);
    if (escape) {
        memcpy(ret_out, escape, 2);
        *ret_out_length = 2;
    } else if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) {
        /* RFC 8259 asks for it below 0x20 only; DEL and C1 steer terminals too. */
        *ret_out_length = (size_t)snprintf(ret_out, TG_JSON_ESCAPE_MAX, "\\u%04x", code_point & 0xffu);
    } else {
        memcpy(ret_out, bytes, size);
        *ret_out_length = size;
    }
    return size;
}
