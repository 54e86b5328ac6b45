/* Text views, the hash of short byte strings, and the edit distance of two words. */
#include "tidegate/base.h"

#include <string.h>

struct tg_str tg_str_from(const char *text)
{
    return (struct tg_str){ text ? text : "", text ? strlen(text) : 0 };
}

bool tg_str_equals(struct tg_str a, struct tg_str b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Not tolower(): that one follows the locale. */
static unsigned char ascii_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool tg_str_equals_nocase(struct tg_str a, struct tg_str b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (ascii_lower((unsigned char)a.data[i]) != ascii_lower((unsigned char)b.data[i]))
            return false;
    }
    return true;
}

bool tg_str_has_control(struct tg_str text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return true;
    }
    return false;
}

bool tg_str_has_dot_segment(struct tg_str path)
{
    size_t dots = 0, start = 0;
    for (size_t at = 0; at <= path.length; at++) {
        if (at == path.length || path.data[at] == '/') {
            if (dots > 0 && dots <= 2 && dots == at - start)
                return true;
            dots = 0;
            start = at + 1;
        } else {
            dots += path.data[at] == '.';
        }
    }
    return false;
}

int tg_hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

uint32_t tg_hash32(const void *bytes, size_t length)
{
    const unsigned char *data = bytes;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) {
        hash ^= data[i];
        hash *= 16777619u;
    }
    return hash;
}

enum { WORD_MAX = 63 }; /* longer words are no typing errors of each other */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: three rows of the usual table, the oldest for swapped neighbours. */
size_t tg_edit_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return strcmp(a, b) == 0 ? 0 : (a_length > b_length ? a_length : b_length);

    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *second_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], second_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}
