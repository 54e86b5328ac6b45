/* gunzip and inflate, by zlib. The output grows by doubling up to one byte over the limit, which tells that there would
 * have been more. */
#include "decode.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
    WINDOW_BITS = 15,
    FORMAT_GZIP = 16, /* added to the bits, as inflateInit2 wants it */
    FIRST_ROOM = 4096,
};

static enum tg_err grow(struct tg_buffer *out, size_t max_bytes)
{
    size_t most = max_bytes + 2; /* the byte too many, and the closing NUL */
    size_t capacity = out->capacity < FIRST_ROOM ? FIRST_ROOM : out->capacity * 2;

    if (out->capacity > out->length + 1)
        return TG_OK;
    if (capacity > most)
        capacity = most;
    char *data = realloc(out->data, capacity);
    if (!data)
        return TG_ERR_MEMORY;
    out->data = data;
    out->capacity = capacity;
    return TG_OK;
}

/* One call of zlib, into what room there is. */
static enum tg_err inflate_more(z_stream *stream, size_t max_bytes, struct tg_buffer *out, int *ret_result)
{
    if (grow(out, max_bytes) < 0)
        return TG_ERR_MEMORY;
    size_t room = out->capacity - 1 - out->length;
    if (room > max_bytes + 1 - out->length)
        room = max_bytes + 1 - out->length; /* a buffer that is kept may be larger than the limit asks for */
    if (room > UINT_MAX)
        room = UINT_MAX;
    stream->next_out = (Bytef *)out->data + out->length;
    stream->avail_out = (uInt)room;
    *ret_result = inflate(stream, Z_NO_FLUSH);
    out->length += room - stream->avail_out;
    if (*ret_result == Z_MEM_ERROR)
        return TG_ERR_MEMORY;
    return out->length > max_bytes ? TG_ERR_TOO_LARGE : TG_OK;
}

static enum tg_err inflate_all(int window_bits, struct tg_str bytes, size_t max_bytes, struct tg_buffer *out)
{
    z_stream stream = { .next_in = (const Bytef *)bytes.data, .avail_in = (uInt)bytes.length };
    bool has_members = window_bits > FORMAT_GZIP;
    int result = Z_OK;

    tg_buffer_clear(out);
    if (bytes.length > UINT_MAX || max_bytes > SIZE_MAX / 4)
        return TG_ERR_TOO_LARGE;
    if (inflateInit2(&stream, window_bits) != Z_OK)
        return TG_ERR_MEMORY;
    enum tg_err err = TG_OK;
    while (!err) {
        err = inflate_more(&stream, max_bytes, out, &result);
        if (err)
            break;
        if (result == Z_STREAM_END && stream.avail_in == 0)
            break;
        if (result == Z_STREAM_END && has_members)
            result = inflateReset(&stream);
        /* With room for output Z_BUF_ERROR says that the input has ended too early. */
        if (result != Z_OK)
            err = TG_ERR_INVALID;
    }
    inflateEnd(&stream);
    if (!err)
        out->data[out->length] = '\0';
    else
        tg_buffer_clear(out);
    return err;
}

enum tg_err tg_decode_gunzip(struct tg_str bytes, size_t max_bytes, struct tg_buffer *out)
{
    return inflate_all(WINDOW_BITS + FORMAT_GZIP, bytes, max_bytes, out);
}

/* RFC 1950 section 2.2: the method deflate, a window of at most 32 KiB, and a check sum of the two bytes. No encoder's
 * raw stream begins so: it would be a stored block with bits set where zeros are written. */
static bool has_zlib_header(struct tg_str bytes)
{
    if (bytes.length < 2)
        return false;
    unsigned method_and_window = (unsigned char)bytes.data[0], flags = (unsigned char)bytes.data[1];
    return (method_and_window & 0x0f) == 8 && method_and_window >> 4 <= 7 &&
           (method_and_window << 8 | flags) % 31 == 0;
}

enum tg_err tg_decode_inflate(struct tg_str bytes, size_t max_bytes, struct tg_buffer *out)
{
    return inflate_all(has_zlib_header(bytes) ? WINDOW_BITS : -WINDOW_BITS, bytes, max_bytes, out);
}
