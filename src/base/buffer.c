/* The growable byte buffer. Capacity doubles; one byte of it is always kept for the closing NUL. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void tg_buffer_deinit(struct tg_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct tg_buffer){ 0 };
}

struct tg_str tg_buffer_view(const struct tg_buffer *buffer)
{
    return (struct tg_str){ tg_text_or_empty(buffer->data), buffer->length };
}

void tg_buffer_clear(struct tg_buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

enum tg_err tg_buffer_reserve(struct tg_buffer *buffer, size_t extra)
{
    size_t needed;
    if (__builtin_add_overflow(buffer->length, extra, &needed) || needed >= SIZE_MAX / 2)
        return TG_ERR_MEMORY;
    needed += 1;
    if (needed <= buffer->capacity)
        return TG_OK;
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return TG_ERR_MEMORY;
    buffer->data = data;
    buffer->capacity = capacity;
    buffer->data[buffer->length] = '\0';
    return TG_OK;
}

enum tg_err tg_buffer_append(struct tg_buffer *buffer, const void *bytes, size_t length)
{
    enum tg_err err = tg_buffer_reserve(buffer, length);
    if (err)
        return err;
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
    return TG_OK;
}

enum tg_err tg_buffer_append_str(struct tg_buffer *buffer, const char *text)
{
    return tg_buffer_append(buffer, text, strlen(text));
}

enum tg_err tg_buffer_appendf(struct tg_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return TG_ERR_INVALID;
    enum tg_err err = tg_buffer_reserve(buffer, (size_t)length);
    if (err)
        return err;
    va_start(args, format);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, args);
    va_end(args);
    buffer->length += (size_t)length;
    return TG_OK;
}

void tg_buffer_consume(struct tg_buffer *buffer, size_t length)
{
    if (length == 0)
        return;
    if (length > buffer->length)
        length = buffer->length;
    buffer->length -= length;
    memmove(buffer->data, buffer->data + length, buffer->length);
    buffer->data[buffer->length] = '\0';
}

enum tg_err tg_buffer_append_json(struct tg_buffer *buffer, const char *text, size_t length)
{
    size_t length_before = buffer->length;
    enum tg_err err = tg_buffer_reserve(buffer, length);
    for (size_t at = 0; at < length && !err;) {
        size_t plain = 0;
        while (at + plain < length && tg_json_is_plain(text[at + plain]))
            plain++;
        if (plain > 0) {
            err = tg_buffer_append(buffer, text + at, plain);
            at += plain;
        } else {
            char out[TG_JSON_ESCAPE_MAX];
            size_t out_length;
            at += tg_json_escape(text + at, length - at, out, &out_length);
            err = tg_buffer_append(buffer, out, out_length);
        }
    }
    if (err && buffer->data) {
        buffer->length = length_before;
        buffer->data[length_before] = '\0';
    }
    return err;
}
