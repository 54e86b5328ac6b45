/* Base64 (RFC 4648 section 4) through OpenSSL, made strict: its decoder skips white space. */
#include "tidegate/base.h"

#include <openssl/evp.h>

/* EVP counts in int; both are whole groups, so that the pieces join. */
enum { ENCODE_PIECE = 3 << 20, DECODE_PIECE = 4 << 20 };

enum tg_err tg_base64_encode(struct tg_buffer *out, const void *bytes, size_t length)
{
    if (length > SIZE_MAX / 4)
        return TG_ERR_MEMORY;
    /* EVP_EncodeBlock writes a NUL, for which the buffer keeps its spare byte. */
    enum tg_err err = tg_buffer_reserve(out, (length + 2) / 3 * 4);
    if (err)
        return err;
    const unsigned char *from = bytes;
    while (length > 0) {
        size_t piece = length < ENCODE_PIECE ? length : ENCODE_PIECE;
        int written = EVP_EncodeBlock((unsigned char *)out->data + out->length, from, (int)piece);
        out->length += (size_t)written;
        from += piece;
        length -= piece;
    }
    out->data[out->length] = '\0';
    return TG_OK;
}

static bool is_base64_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

enum tg_err tg_base64_decode(struct tg_buffer *out, const char *text, size_t length)
{
    if (length % 4 != 0)
        return TG_ERR_INVALID;
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - padding - 1] == '=')
        padding++;
    for (size_t i = 0; i < length - padding; i++) {
        if (!is_base64_digit(text[i]))
            return TG_ERR_INVALID;
    }

    enum tg_err err = tg_buffer_reserve(out, length / 4 * 3);
    if (err)
        return err;
    size_t length_before = out->length;
    for (size_t at = 0; at < length;) {
        size_t piece = length - at < DECODE_PIECE ? length - at : DECODE_PIECE;
        int written = EVP_DecodeBlock((unsigned char *)out->data + out->length,
                                      (const unsigned char *)text + at, (int)piece);
        if (written < 0) {
            out->length = length_before;
            out->data[out->length] = '\0';
            return TG_ERR_INVALID;
        }
        out->length += (size_t)written;
        at += piece;
    }
    /* EVP counts the padding as bytes of zero. */
    out->length -= padding;
    out->data[out->length] = '\0';
    return TG_OK;
}
