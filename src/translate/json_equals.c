/* Numbers, and the equality of JSON values. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_BYTES = 64,        /* longer numbers are rare, and get memory of their own */
    NUMBER_EQUALS_MAX = 1024, /* a longer one equals none but itself: it is not read for each constant */
};

bool tg_json_is_integer(struct tg_str value)
{
    size_t digits = 0;

    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] >= '0' && value.data[i] <= '9')
            digits++;
        else if (i > 0 || value.data[i] != '-')
            return false;
    }
    return digits > 0;
}

int tg_json_compare_integers(struct tg_str integer, int64_t known)
{
    bool is_negative = *integer.data == '-';
    int64_t number = 0;

    for (size_t i = is_negative ? 1 : 0; i < integer.length; i++) {
        int digit = integer.data[i] - '0';
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, is_negative ? -digit : digit, &number))
            return is_negative ? -1 : 1; /* beyond any that is known */
    }
    return (number > known) - (number < known);
}

double tg_json_number(struct tg_str number)
{
    char small[NUMBER_BYTES];
    char *text = number.length < sizeof(small) ? small : malloc(number.length + 1);

    if (!text)
        return NAN;
    memcpy(text, number.data, number.length);
    text[number.length] = '\0';
    double result = strtod(text, NULL);
    if (text != small)
        free(text);
    return result;
}

static bool is_zero(struct tg_str integer)
{
    return integer.data[integer.length - 1] == '0' && integer.length <= (*integer.data == '-' ? 2u : 1u);
}

static bool numbers_equal(struct tg_str a, struct tg_str b)
{
    if (a.length > NUMBER_EQUALS_MAX || b.length > NUMBER_EQUALS_MAX)
        return false;
    /* Integers have no leading zeros: of those that are written differently only 0 and -0 are the same. */
    if (tg_json_is_integer(a) && tg_json_is_integer(b))
        return is_zero(a) && is_zero(b);
    double left = tg_json_number(a), right = tg_json_number(b);
    return left == right && isfinite(left);
}

static bool arrays_equal(struct tg_str value, struct tg_str known)
{
    struct tg_json_walk walk = tg_json_walk(value), known_walk = tg_json_walk(known);
    struct tg_str item, known_item;

    while (tg_json_next_item(&walk, &item)) {
        if (!tg_json_next_item(&known_walk, &known_item) || !tg_json_equals(item, known_item))
            return false;
    }
    return !tg_json_next_item(&known_walk, &known_item);
}

static bool objects_equal(struct tg_str value, struct tg_str known)
{
    struct tg_str name, member;

    for (struct tg_json_walk walk = tg_json_walk(value); tg_json_next_member(&walk, &name, &member);) {
        if (tg_json_member(known, name).length == 0)
            return false;
    }
    for (struct tg_json_walk walk = tg_json_walk(known); tg_json_next_member(&walk, &name, &member);) {
        struct tg_str found = tg_json_member(value, name);
        if (found.length == 0 || !tg_json_equals(found, tg_json_member(known, name)))
            return false;
    }
    return true;
}

bool tg_json_equals(struct tg_str value, struct tg_str known)
{
    enum tg_json_kind kind = tg_json_kind(value);

    if (kind != tg_json_kind(known))
        return false;
    if (tg_str_equals(value, known))
        return true;
    switch (kind) {
    case TG_JSON_STRING:
        return tg_json_strings_equal(value, known);
    case TG_JSON_NUMBER:
        return numbers_equal(value, known);
    case TG_JSON_ARRAY:
        return arrays_equal(value, known);
    case TG_JSON_OBJECT:
        return objects_equal(value, known);
    default:
        return true;
    }
}
