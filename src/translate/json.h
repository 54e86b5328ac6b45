/* JSON as text: checked once, then read where it lies, so that every number stays as the backend wrote it. A tree of
 * values would round 0.1, and has no place for 1e400 or 12345678901234567890.
 *
 * Text is UTF-8 throughout; who gets it from outside has checked that. */
#ifndef TIDEGATE_TRANSLATE_JSON_H
#define TIDEGATE_TRANSLATE_JSON_H

#include "tidegate/translate.h" /* tg_json_check, tg_json_string */

enum { TG_JSON_NESTING_MAX = 2048 }; /* a text with more open brackets is none */

/* ---- is it JSON? ------------------------------------------------------------------------------ */

/* tg_json_check takes what RFC 8259 does, any value; but each "\u" escape must stand for a character, alone or as a pair
 * of surrogates. The string whose opening quote is at `at`: what follows it, or NULL. A part of tg_json_check. */
const char *tg_json_check_string(const char *at, const char *end);

/* A text that may be JSON, and what is known about that. */
enum tg_json_state { TG_JSON_UNKNOWN, TG_JSON_YES, TG_JSON_NO };
struct tg_json {
    struct tg_str text;
    enum tg_json_state state;
};
bool tg_json_is_valid(struct tg_json *json); /* checks once */

/* ---- values: pieces of a text that is JSON, without white space around them; empty: there is none ---- */

enum tg_json_kind {
    TG_JSON_NONE,
    TG_JSON_OBJECT,
    TG_JSON_ARRAY,
    TG_JSON_STRING,
    TG_JSON_NUMBER,
    TG_JSON_TRUE,
    TG_JSON_FALSE,
    TG_JSON_NULL
};
enum tg_json_kind tg_json_kind(struct tg_str value);
struct tg_str tg_json_root(struct tg_str text); /* all of it */

/* A walk over an array or an object, in order. */
struct tg_json_walk {
    const char *at, *end;
};
struct tg_json_walk tg_json_walk(struct tg_str container);
bool tg_json_next_item(struct tg_json_walk *walk, struct tg_str *ret_item);
bool tg_json_next_member(struct tg_json_walk *walk, struct tg_str *ret_name, struct tg_str *ret_value);

/* The member whose name is the same string as `name`, which is JSON with its quotes. Of several the last one counts. */
struct tg_str tg_json_member(struct tg_str object, struct tg_str name);
struct tg_str tg_json_item(struct tg_str array, size_t index);
struct tg_str tg_json_last_item(struct tg_str array);

/* Appends the value without the white space between its tokens. */
enum tg_err tg_json_compact(struct tg_buffer *out, struct tg_str value);

bool tg_json_is_integer(struct tg_str value); /* a number without fraction and exponent */
/* Below, at or above zero, however long the first one is. */
int tg_json_compare_integers(struct tg_str integer, int64_t known);
double tg_json_number(struct tg_str number); /* infinite when it is beyond a double; NaN when memory is out */

/* Equality of values, not of texts: 1 is 1.0, "a" is "\u0061", the order of members does not matter. Integers compare
 * exactly, other numbers as doubles; one that is longer than 1024 bytes equals none that is written differently. Takes
 * as long as one times the other; `known` is the small one, from the rules, and its nesting is how deep the stack
 * grows. */
bool tg_json_equals(struct tg_str value, struct tg_str known);
bool tg_json_strings_equal(struct tg_str a, struct tg_str b);

#endif
