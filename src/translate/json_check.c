/* Is a text JSON? RFC 8259 as a loop: however deep the nesting, the stack does not grow.
 *
 *   value due ─► scalar, "[]" or "{}" ─► value complete ─► "," ─► value due
 *       ▲                                  ▲     └─► "]" or "}" ─┐
 *       └─ "[" or "{" and a name           └─────────────────────┘  until no bracket is open */
#include "json.h"

#include <string.h>

enum { NESTING_WORDS = TG_JSON_NESTING_MAX / 64 };

struct checker {
    const char *at, *end;
    uint64_t is_object[NESTING_WORDS]; /* one bit for each open bracket */
    size_t depth;
};

static void skip_space(struct checker *checker)
{
    const char *at = checker->at;

    while (at < checker->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    checker->at = at;
}

static bool is_next(const struct checker *checker, char c)
{
    return checker->at < checker->end && *checker->at == c;
}

static bool is_in_object(const struct checker *checker)
{
    return checker->is_object[(checker->depth - 1) / 64] >> (checker->depth - 1) % 64 & 1;
}

static void enter(struct checker *checker, bool is_object)
{
    uint64_t *word = &checker->is_object[checker->depth / 64];
    uint64_t bit = (uint64_t)1 << checker->depth % 64;

    *word = is_object ? *word | bit : *word & ~bit;
    checker->depth++;
}

static bool check_word(struct checker *checker, const char *word, size_t length)
{
    if ((size_t)(checker->end - checker->at) < length || memcmp(checker->at, word, length) != 0)
        return false;
    checker->at += length;
    return true;
}

static bool check_digits(struct checker *checker)
{
    const char *start = checker->at;

    while (checker->at < checker->end && *checker->at >= '0' && *checker->at <= '9')
        checker->at++;
    return checker->at > start;
}

static bool check_number(struct checker *checker)
{
    if (is_next(checker, '-'))
        checker->at++;
    if (is_next(checker, '0'))
        checker->at++;
    else if (!check_digits(checker))
        return false;
    if (is_next(checker, '.')) {
        checker->at++;
        if (!check_digits(checker))
            return false;
    }
    if (is_next(checker, 'e') || is_next(checker, 'E')) {
        checker->at++;
        if (is_next(checker, '+') || is_next(checker, '-'))
            checker->at++;
        return check_digits(checker);
    }
    return true;
}

static bool check_string(struct checker *checker)
{
    const char *next = tg_json_check_string(checker->at, checker->end);

    if (next)
        checker->at = next;
    return next != NULL;
}

static bool check_scalar(struct checker *checker)
{
    switch (*checker->at) {
    case '"':
        return check_string(checker);
    case 't':
        return check_word(checker, "true", 4);
    case 'f':
        return check_word(checker, "false", 5);
    case 'n':
        return check_word(checker, "null", 4);
    default:
        return check_number(checker);
    }
}

/* A member's name and its colon. */
static bool check_name(struct checker *checker)
{
    skip_space(checker);
    if (!is_next(checker, '"') || !check_string(checker))
        return false;
    skip_space(checker);
    if (!is_next(checker, ':'))
        return false;
    checker->at++;
    return true;
}

/* From the start of a value to its end, or to where the first value in it is due. */
static bool check_value(struct checker *checker, bool *ret_is_complete)
{
    *ret_is_complete = true;
    skip_space(checker);
    if (checker->at == checker->end)
        return false;
    if (*checker->at != '{' && *checker->at != '[')
        return check_scalar(checker);

    bool is_object = *checker->at++ == '{';
    skip_space(checker);
    if (is_next(checker, is_object ? '}' : ']')) {
        checker->at++;
        return true;
    }
    if (checker->depth == TG_JSON_NESTING_MAX)
        return false;
    enter(checker, is_object);
    *ret_is_complete = false;
    return !is_object || check_name(checker);
}

/* From the end of a value to where the next one is due, or to the end of all. */
static bool check_rest(struct checker *checker, bool *ret_is_end)
{
    for (skip_space(checker); checker->depth > 0; skip_space(checker)) {
        bool is_object = is_in_object(checker);
        if (is_next(checker, ',')) {
            checker->at++;
            *ret_is_end = false;
            return !is_object || check_name(checker);
        }
        if (!is_next(checker, is_object ? '}' : ']'))
            return false;
        checker->at++;
        checker->depth--;
    }
    *ret_is_end = true;
    return checker->at == checker->end;
}

bool tg_json_check(struct tg_str text)
{
    struct checker checker = { .at = text.data, .end = text.data + text.length };
    bool is_complete, is_end = false;

    while (!is_end) {
        if (!check_value(&checker, &is_complete) || (is_complete && !check_rest(&checker, &is_end)))
            return false;
    }
    return true;
}

bool tg_json_is_valid(struct tg_json *json)
{
    if (json->state == TG_JSON_UNKNOWN)
        json->state = tg_json_check(json->text) ? TG_JSON_YES : TG_JSON_NO;
    return json->state == TG_JSON_YES;
}
