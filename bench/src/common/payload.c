#include "common/payload.h"

#include <string.h>

static const char before_seq[] = "{\"seq\":";
static const char before_t[] = ",\"t\":";
static const char before_pad[] = ",\"pad\":\"";
static const char after_pad[] = "\"}";

enum { DIGITS_MAX = 20 };

_Static_assert(sizeof(before_seq) + sizeof(before_t) + sizeof(before_pad) + sizeof(after_pad) - 4 +
                       2 * DIGITS_MAX <=
                   BENCH_PAYLOAD_MIN_BYTES,
               "the longest numbers fit into the shortest message");

static char *put_text(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    return out + length;
}

static char *put_number(char *out, uint64_t number)
{
    char digits[DIGITS_MAX];
    size_t first = DIGITS_MAX;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return put_text(out, digits + first, DIGITS_MAX - first);
}

void bench_payload_write(char *out, size_t size_bytes, uint64_t seq, uint64_t t_ns)
{
    char *end_of_pad = out + size_bytes - (sizeof(after_pad) - 1);
    out = put_text(out, before_seq, sizeof(before_seq) - 1);
    out = put_number(out, seq);
    out = put_text(out, before_t, sizeof(before_t) - 1);
    out = put_number(out, t_ns);
    out = put_text(out, before_pad, sizeof(before_pad) - 1);
    memset(out, 'x', (size_t)(end_of_pad - out));
    put_text(end_of_pad, after_pad, sizeof(after_pad) - 1);
}

/* What stands after `expected`; NULL if it is not there. */
static const char *take_text(const char *at, const char *end, const char *expected, size_t length)
{
    if (!at || (size_t)(end - at) < length || memcmp(at, expected, length) != 0)
        return NULL;
    return at + length;
}

static const char *take_number(const char *at, const char *end, uint64_t *ret_number)
{
    if (!at || at == end || *at < '0' || *at > '9')
        return NULL;
    uint64_t number = 0;
    for (; at != end && *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return NULL;
    }
    *ret_number = number;
    return at;
}

bool bench_payload_read(const char *text, size_t length, uint64_t *ret_seq, uint64_t *ret_t_ns)
{
    const char *end = text + length;
    uint64_t seq = 0, t_ns = 0;
    const char *at = take_text(text, end, before_seq, sizeof(before_seq) - 1);
    at = take_number(at, end, &seq);
    at = take_text(at, end, before_t, sizeof(before_t) - 1);
    at = take_number(at, end, &t_ns);
    if (!take_text(at, end, before_pad, sizeof(before_pad) - 1))
        return false;
    *ret_seq = seq;
    *ret_t_ns = t_ns;
    return true;
}
