/* A scanner that knows what comes next, and so what is missing.
 *
 *     {  "a"  :  1  ,  "b"  :  [  2  ]  }
 *     └ KEY  COLON VALUE COMMA                   what is expected at each token; DONE after the root's end
 *
 * An error for a missing token points behind the token before it; one for an open bracket points to the bracket. Of several
 * open brackets, the layout decides which one to blame: a bracket that closes one opened further to the right most likely
 * belongs to an outer one. Errors quote keys, but never values, since those may be secrets. */
#include "json_syntax.h"

#include "json_positions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum expected { VALUE, KEY, COLON, COMMA, DONE };

struct bracket {
    size_t at;
    char kind; /* '{' or '[' */
};

struct scan {
    const char *text;
    size_t length, at;
    enum expected expected;
    size_t token_start, token_end; /* of the token before */
    struct bracket open[TG_JSON_DEPTH_MAX];
    size_t depth;
    size_t suspect; /* a bracket that the layout says is not closed; SIZE_MAX: none */
    struct tg_json_fault *fault;
    bool is_over; /* a fault was found, or nothing can be said */
    bool has_fault;
};

static void __attribute__((format(printf, 3, 4)))
set_fault(struct scan *scan, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    scan->fault->at = at;
    vsnprintf(scan->fault->text, sizeof(scan->fault->text), format, args);
    va_end(args);
    scan->has_fault = true;
    scan->is_over = true;
}

static char peek(const struct scan *scan, size_t ahead)
{
    return scan->at + ahead < scan->length ? scan->text[scan->at + ahead] : '\0';
}

static char token_before(const struct scan *scan)
{
    return scan->token_end > 0 ? scan->text[scan->token_end - 1] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           (c != '\0' && strchr("_$-.", c));
}

/* ---- characters that other languages have -------------------------------------------------------------- */

/* Quotes that word processors make of " and '; the length of the one at `text`, or 0. */
static size_t typographic_quote(const char *text, size_t length)
{
    static const char *const quotes[] = { "\u201c", "\u201d", "\u201e", "\u201f", "\u2018",
                                          "\u2019", "\u201a", "\u00ab", "\u00bb" };
    for (size_t i = 0; i < TG_COUNT_OF(quotes); i++) {
        size_t quote_length = strlen(quotes[i]);
        if (length >= quote_length && memcmp(text, quotes[i], quote_length) == 0)
            return quote_length;
    }
    return 0;
}

static bool is_odd_space(const char *text, size_t length)
{
    static const char *const spaces[] = { "\u00a0", "\u2007", "\u202f", "\u200b", "\ufeff", "\u3000" };
    for (size_t i = 0; i < TG_COUNT_OF(spaces); i++) {
        size_t space_length = strlen(spaces[i]);
        if (length >= space_length && memcmp(text, spaces[i], space_length) == 0)
            return true;
    }
    return false;
}

/* What is wrong whatever is expected; false: nothing. */
static bool find_foreign(struct scan *scan)
{
    const char *at = scan->text + scan->at;
    size_t left = scan->length - scan->at;
    if (*at == '#' || (*at == '/' && (peek(scan, 1) == '/' || peek(scan, 1) == '*')))
        set_fault(scan, scan->at, "JSON has no comments; a \"$comment\" key takes one");
    else if (*at == '\'' || *at == '`')
        set_fault(scan, scan->at, "keys and strings need double quotes (\"), not %c", *at);
    else if (typographic_quote(at, left) > 0)
        set_fault(scan, scan->at, "keys and strings need plain double quotes (\"), not typographic ones");
    else if (is_odd_space(at, left))
        set_fault(scan, scan->at, "a special space character, such as a no-break space; use a plain space");
    return scan->is_over;
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

static void end_token(struct scan *scan, size_t start)
{
    scan->token_start = start;
    scan->token_end = scan->at;
}

static void report_open_string(struct scan *scan, size_t start)
{
    for (size_t at = start + 1; at < scan->at; at++) {
        if (typographic_quote(scan->text + at, scan->at - at) > 0) {
            set_fault(scan, at, "a string ends with a plain double quote (\"), not with a typographic one");
            return;
        }
    }
    bool is_at_end = scan->at == scan->length;
    set_fault(scan, start, "this string is not closed%s",
              is_at_end ? "" : " on its line; a line break in a string is written \"\\n\"");
}

/* At the backslash. */
static void skip_escape(struct scan *scan)
{
    char c = peek(scan, 1);
    if (c == '\0' || !strchr("\"\\/bfnrtu", c)) {
        set_fault(scan, scan->at, "a backslash in a string is written \"\\\\\"");
        return;
    }
    for (size_t i = 2; c == 'u' && i < 6; i++) {
        if (tg_hex_value(peek(scan, i)) < 0) {
            set_fault(scan, scan->at, "\"\\u\" needs four hexadecimal digits");
            return;
        }
    }
    scan->at += c == 'u' ? 6 : 2;
}

static void skip_string(struct scan *scan)
{
    size_t start = scan->at++;
    while (!scan->is_over && scan->at < scan->length && scan->text[scan->at] != '"') {
        char c = scan->text[scan->at];
        if (c == '\n' || c == '\r')
            break;
        if (c == '\t')
            set_fault(scan, scan->at, "a tab in a string is written \"\\t\"");
        else if ((unsigned char)c < 0x20)
            set_fault(scan, scan->at, "a control character in a string is written \"\\u%04x\"", (unsigned)c);
        else if (c == '\\')
            skip_escape(scan);
        else
            scan->at++;
    }
    if (scan->is_over)
        return;
    if (peek(scan, 0) != '"') {
        report_open_string(scan, start);
        return;
    }
    scan->at++;
    end_token(scan, start);
}

static size_t skip_digits(struct scan *scan)
{
    size_t start = scan->at;
    while (is_digit(peek(scan, 0)))
        scan->at++;
    return scan->at - start;
}

static bool skip_number_parts(struct scan *scan)
{
    scan->at += peek(scan, 0) == '-';
    bool has_zero = peek(scan, 0) == '0';
    size_t digits = skip_digits(scan);
    if (digits == 0 || (has_zero && digits > 1))
        return false;
    if (peek(scan, 0) == '.') {
        scan->at++;
        if (skip_digits(scan) == 0)
            return false;
    }
    if (peek(scan, 0) == 'e' || peek(scan, 0) == 'E') {
        scan->at++;
        scan->at += peek(scan, 0) == '+' || peek(scan, 0) == '-';
        if (skip_digits(scan) == 0)
            return false;
    }
    return true;
}

static void skip_number(struct scan *scan)
{
    size_t start = scan->at;
    bool is_number = skip_number_parts(scan), has_unit = false;
    for (size_t at = start; at < scan->length && is_word_character(scan->text[at]); at++)
        has_unit = has_unit || !(is_digit(scan->text[at]) || strchr("+-.eE", scan->text[at]));
    if (has_unit)
        set_fault(scan, start, "a number with a unit needs double quotes, such as \"20s\" or \"16MiB\"");
    else if (!is_number || is_word_character(peek(scan, 0)))
        set_fault(scan, start, "a number is written like 5, -1 or 0.25, without a leading zero or \"+\"");
    else
        end_token(scan, start);
}

static bool is_word(const char *word, size_t length, const char *const *words)
{
    for (; *words; words++) {
        if (strlen(*words) == length && strncasecmp(word, *words, length) == 0)
            return true;
    }
    return false;
}

static void skip_word(struct scan *scan)
{
    static const char *const truths[] = { "true", "yes", "on", NULL };
    static const char *const falsehoods[] = { "false", "no", "off", NULL };
    static const char *const nothings[] = { "null", "none", "nil", "undefined", NULL };
    size_t start = scan->at;
    const char *word = scan->text + start;
    while (is_word_character(peek(scan, 0)))
        scan->at++;
    size_t length = scan->at - start;
    bool is_literal = (length == 4 && (memcmp(word, "true", 4) == 0 || memcmp(word, "null", 4) == 0)) ||
                      (length == 5 && memcmp(word, "false", 5) == 0);
    const char *meant = is_word(word, length, truths)       ? "true"
                        : is_word(word, length, falsehoods) ? "false"
                        : is_word(word, length, nothings)   ? "null"
                                                            : NULL;
    if (is_literal)
        end_token(scan, start);
    else if (meant)
        set_fault(scan, start, "in JSON this is written %s", meant);
    else
        set_fault(scan, start, "text needs double quotes");
}

/* ---- brackets ------------------------------------------------------------------------------------------ */

static char closing(char open)
{
    return open == '{' ? '}' : ']';
}

static size_t line_of(const struct scan *scan, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += scan->text[i] == '\n';
    return line;
}

/* How far the line of this place is indented; *ret_is_first: nothing stands before it. */
static size_t indentation(const struct scan *scan, size_t at, bool *ret_is_first)
{
    size_t start = at, first;
    while (start > 0 && scan->text[start - 1] != '\n')
        start--;
    for (first = start; first < at && (scan->text[first] == ' ' || scan->text[first] == '\t'); first++)
        ;
    *ret_is_first = first == at;
    return first - start;
}

/* The bracket at `at` closes `bracket`: does it look as if it belonged to an outer one? */
static void look_at_layout(struct scan *scan, const struct bracket *bracket, size_t at)
{
    bool is_first, ignored;
    size_t close_indentation = indentation(scan, at, &is_first);
    if (scan->suspect == SIZE_MAX && is_first && close_indentation < indentation(scan, bracket->at, &ignored))
        scan->suspect = bracket->at;
}

static void open_bracket(struct scan *scan)
{
    if (scan->depth == TG_COUNT_OF(scan->open)) {
        scan->is_over = true;
        return;
    }
    char kind = scan->text[scan->at];
    scan->open[scan->depth++] = (struct bracket){ scan->at, kind };
    scan->expected = kind == '{' ? KEY : VALUE;
    scan->at++;
    end_token(scan, scan->at - 1);
}

static void close_bracket(struct scan *scan)
{
    char c = scan->text[scan->at];
    if (scan->depth == 0) {
        set_fault(scan, scan->at, "one \"%c\" too many", c);
        return;
    }
    const struct bracket *last = &scan->open[scan->depth - 1];
    if (closing(last->kind) != c) {
        bool fits_outer = scan->depth > 1 && closing(scan->open[scan->depth - 2].kind) == c;
        if (fits_outer)
            set_fault(scan, last->at, "this \"%c\" is not closed: line %zu has \"%c\" instead of \"%c\"",
                      last->kind, line_of(scan, scan->at), c, closing(last->kind));
        else
            set_fault(scan, scan->at, "expected \"%c\" instead of \"%c\"", closing(last->kind), c);
        return;
    }
    look_at_layout(scan, last, scan->at);
    scan->depth--;
    scan->expected = scan->depth > 0 ? COMMA : DONE;
    scan->at++;
    end_token(scan, scan->at - 1);
}

/* ---- what is expected ---------------------------------------------------------------------------------- */

/* A bracket that closes where a key or a value was expected. */
static void close_early(struct scan *scan)
{
    char before = token_before(scan);
    if (before == ',')
        set_fault(scan, scan->token_start, "this \",\" is one too many: nothing follows it");
    else if (before == ':' && scan->expected == VALUE)
        set_fault(scan, scan->token_end, "a value is missing after the \":\"");
    else
        close_bracket(scan); /* an empty object or array, or the wrong bracket */
}

static void after_value(struct scan *scan)
{
    if (!scan->is_over)
        scan->expected = scan->depth > 0 ? COMMA : DONE;
}

static void take_value(struct scan *scan)
{
    char c = scan->text[scan->at];
    if (c == '{' || c == '[') {
        open_bracket(scan);
    } else if (scan->depth == 0) {
        set_fault(scan, scan->at, "a configuration must begin with \"{\"");
    } else if (c == '"') {
        skip_string(scan);
        after_value(scan);
    } else if (c == '-' || c == '+' || c == '.' || is_digit(c)) {
        skip_number(scan);
        after_value(scan);
    } else if (is_word_character(c)) {
        skip_word(scan);
        after_value(scan);
    } else if (c == '}' || c == ']') {
        close_early(scan);
    } else if (c == ',' && token_before(scan) == ':') {
        set_fault(scan, scan->token_end, "a value is missing after the \":\"");
    } else if (c == ',') {
        set_fault(scan, scan->at, "this \",\" is one too many: nothing comes before it");
    } else {
        set_fault(scan, scan->at, "expected a value");
    }
}

static void report_bare_key(struct scan *scan)
{
    size_t length = 0;
    while (is_word_character(peek(scan, length)))
        length++;
    if (length <= 64)
        set_fault(scan, scan->at, "a key needs double quotes: \"%.*s\"", (int)length, scan->text + scan->at);
    else
        set_fault(scan, scan->at, "a key needs double quotes");
}

static void take_key(struct scan *scan)
{
    char c = scan->text[scan->at];
    if (c == '"') {
        skip_string(scan);
        scan->expected = COLON;
    } else if (c == '}' || c == ']') {
        close_early(scan);
    } else if (c == ',') {
        set_fault(scan, scan->at, "this \",\" is one too many: nothing comes before it");
    } else if (c == ':') {
        set_fault(scan, scan->at, "a key is missing before this \":\"");
    } else if (is_word_character(c)) {
        report_bare_key(scan);
    } else {
        set_fault(scan, scan->at, "expected a key in double quotes");
    }
}

static void take_colon(struct scan *scan)
{
    char c = scan->text[scan->at];
    if (c == ':') {
        scan->expected = VALUE;
        scan->at++;
        end_token(scan, scan->at - 1);
    } else if (c == '=') {
        set_fault(scan, scan->at, "use \":\" between a key and its value, not \"=\"");
    } else if (c == ',' || c == '}') {
        set_fault(scan, scan->token_end, "\":\" and a value are missing after the key");
    } else {
        set_fault(scan, scan->token_end, "\":\" is missing after the key");
    }
}

static void take_comma(struct scan *scan)
{
    char c = scan->text[scan->at];
    char kind = scan->open[scan->depth - 1].kind;
    if (c == ',') {
        scan->expected = kind == '{' ? KEY : VALUE;
        scan->at++;
        end_token(scan, scan->at - 1);
    } else if (c == '}' || c == ']') {
        close_bracket(scan);
    } else if (c == ';') {
        set_fault(scan, scan->at, "use \",\" as the separator, not \";\"");
    } else if (c == ':') {
        set_fault(scan, scan->at,
                  kind == '[' ? "an array has no keys; use { } for an object"
                              : "this \":\" follows a value; only a key has one");
    } else {
        set_fault(scan, scan->token_end, "\",\" is missing");
    }
}

static void take_token(struct scan *scan)
{
    switch (scan->expected) {
    case VALUE:
        take_value(scan);
        break;
    case KEY:
        take_key(scan);
        break;
    case COLON:
        take_colon(scan);
        break;
    case COMMA:
        take_comma(scan);
        break;
    case DONE:
        if (scan->text[scan->at] == '}' || scan->text[scan->at] == ']')
            close_bracket(scan);
        else
            set_fault(scan, scan->at, "unexpected text after the \"%c\" that ends the file",
                      token_before(scan));
        break;
    }
}

static void report_end(struct scan *scan)
{
    if (scan->depth == 0)
        return;
    const struct bracket *last = &scan->open[scan->depth - 1];
    size_t at = scan->suspect != SIZE_MAX ? scan->suspect : last->at;
    set_fault(scan, at, "this \"%c\" is not closed", scan->text[at]);
}

bool tg_json_find_fault(const char *text, size_t length, struct tg_json_fault *ret_fault)
{
    struct tg_json_fault fault;
    struct scan *scan = tg_alloc(sizeof(*scan));
    *scan = (struct scan){ .text = text, .length = length, .suspect = SIZE_MAX, .fault = &fault };
    while (!scan->is_over) {
        while (scan->at < length && text[scan->at] != '\0' && strchr(" \t\r\n", text[scan->at]))
            scan->at++;
        if (scan->at == length)
            break;
        if (!find_foreign(scan))
            take_token(scan);
    }
    if (!scan->is_over)
        report_end(scan);
    bool has_fault = scan->has_fault;
    free(scan);
    if (has_fault)
        *ret_fault = fault;
    return has_fault;
}
