/* JSON strings: their check, their characters, and whether two are the same. */
#include "json.h"

#include <string.h>

enum {
    UTF8_MAX = 4,
    ESCAPE_MAX = 6, /* characters of an escape for each byte that it stands for, at most */
};

static bool read_hex4(const char *at, const char *end, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        if (c >= '0' && c <= '9')
            unit = unit << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            unit = unit << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *ret_unit = unit;
    return true;
}

/* The escape "\u…" at `at`, one or a pair: what follows it, or NULL when it is no character. */
static const char *read_unicode(const char *at, const char *end, uint32_t *ret_code_point)
{
    uint32_t high, low;

    if (!read_hex4(at + 2, end, &high) || (high >= 0xdc00 && high <= 0xdfff))
        return NULL;
    at += 6;
    if (high < 0xd800 || high > 0xdbff) {
        *ret_code_point = high;
        return at;
    }
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u' || !read_hex4(at + 2, end, &low) || low < 0xdc00 ||
        low > 0xdfff)
        return NULL;
    *ret_code_point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return at + 6;
}

/* The escape at `at`, which is a backslash. */
static const char *read_escape(const char *at, const char *end, uint32_t *ret_code_point)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";

    if (end - at < 2)
        return NULL;
    if (at[1] == 'u')
        return read_unicode(at, end, ret_code_point);
    const char *name = memchr(names, at[1], sizeof(names) - 1);
    if (!name)
        return NULL;
    *ret_code_point = (unsigned char)meanings[name - names];
    return at + 2;
}

const char *tg_json_check_string(const char *at, const char *end)
{
    uint32_t code_point;

    at++;
    while (at && at < end) {
        if (*at == '"')
            return at + 1;
        if ((unsigned char)*at < 0x20)
            return NULL;
        at = *at == '\\' ? read_escape(at, end, &code_point) : at + 1;
    }
    return NULL;
}

static size_t write_utf8(uint32_t code_point, char ret_bytes[UTF8_MAX])
{
    if (code_point < 0x80) {
        ret_bytes[0] = (char)code_point;
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        ret_bytes[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    ret_bytes[0] = (char)((0xf00u >> size & 0xf0u) | code_point);
    return size;
}

enum tg_err tg_json_string(struct tg_str string, struct tg_buffer *scratch, struct tg_str *ret_characters)
{
    const char *at = string.data + 1, *end = string.data + string.length - 1;
    size_t start = scratch->length;

    if (!memchr(at, '\\', (size_t)(end - at))) {
        *ret_characters = (struct tg_str){ at, (size_t)(end - at) };
        return TG_OK;
    }
    /* No escape is shorter than what it stands for: the first reserve is enough for all that follows. */
    if (tg_buffer_reserve(scratch, string.length) < 0)
        return TG_ERR_MEMORY;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        const char *plain_end = escape ? escape : end;
        tg_buffer_append(scratch, at, (size_t)(plain_end - at));
        at = plain_end;
        if (escape) {
            char bytes[UTF8_MAX];
            uint32_t code_point = 0;
            const char *next = read_escape(escape, end, &code_point);
            tg_buffer_append(scratch, bytes, write_utf8(code_point, bytes));
            at = next ? next : end;
        }
    }
    *ret_characters = (struct tg_str){ scratch->data + start, scratch->length - start };
    return TG_OK;
}

/* The characters of a string, byte by byte. */
struct characters {
    const char *at, *end;
    char bytes[UTF8_MAX]; /* of an escape */
    size_t used, count;
};

static struct characters characters_of(struct tg_str string)
{
    return (struct characters){ .at = string.data + 1, .end = string.data + string.length - 1 };
}

static int next_byte(struct characters *characters)
{
    uint32_t code_point = 0;

    if (characters->used < characters->count)
        return (unsigned char)characters->bytes[characters->used++];
    if (characters->at == characters->end)
        return -1;
    if (*characters->at != '\\')
        return (unsigned char)*characters->at++;
    const char *next = read_escape(characters->at, characters->end, &code_point);
    characters->at = next ? next : characters->end;
    characters->count = write_utf8(code_point, characters->bytes);
    characters->used = 1;
    return (unsigned char)characters->bytes[0];
}

bool tg_json_strings_equal(struct tg_str a, struct tg_str b)
{
    if (tg_str_equals(a, b))
        return true;
    /* So that a long string is not searched for escapes for the sake of each short one. */
    if (a.length / ESCAPE_MAX > b.length || b.length / ESCAPE_MAX > a.length)
        return false;
    if (!memchr(a.data, '\\', a.length) && !memchr(b.data, '\\', b.length))
        return false;

    struct characters left = characters_of(a), right = characters_of(b);
    for (;;) {
        int byte = next_byte(&left);
        if (byte != next_byte(&right))
            return false;
        if (byte < 0)
            return true;
    }
}
