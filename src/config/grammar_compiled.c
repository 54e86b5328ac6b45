/* Forms of strings that a compiler has to check: jq filters, regular expressions. */
#include "grammar.h"
#include "jq_filters.h"

#include <string.h>

/* ---- jq ----------------------------------------------------------------------------------------------- */

static bool is_jq_filter(const char *text)
{
    struct tg_buffer error = { 0 };
    bool is_valid = tg_jq_filter_compiles(text, &error);
    tg_buffer_deinit(&error);
    return is_valid;
}

static void explain_jq(const char *text, struct tg_buffer *out)
{
    struct tg_buffer error = { 0 };
    tg_jq_filter_compiles(text, &error);
    tg_buffer_append_str(out, tg_grammar_jq.expected);
    if (error.length > 0)
        tg_buffer_appendf(out, ": %s", error.data);
    tg_buffer_deinit(&error);
}

const struct tg_option_grammar tg_grammar_jq = {
    .expected = "a jq filter",
    .is_valid = is_jq_filter,
    .explain = explain_jq,
};

/* ---- regular expressions ------------------------------------------------------------------------------ */

static bool is_regex(const char *text)
{
    struct tg_regex *regex = NULL;
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_regex_new(text, &regex, &error);
    if (!err)
        tg_regex_free(regex);
    tg_buffer_deinit(&error);
    return !err;
}

static void explain_regex(const char *text, struct tg_buffer *out)
{
    struct tg_regex *regex = NULL;
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_regex_new(text, &regex, &error);
    if (!err)
        tg_regex_free(regex);
    tg_buffer_append_str(out, tg_grammar_regex.expected);
    if (error.length > 0)
        tg_buffer_appendf(out, ": %.*s", (int)strcspn(error.data, "\r\n"), error.data);
    tg_buffer_deinit(&error);
}

const struct tg_option_grammar tg_grammar_regex = {
    .expected = "a regular expression",
    .is_valid = is_regex,
    .explain = explain_regex,
};

/* A comment or a quotation that does not end would take in what follows the pattern. */
static bool is_regex_of_all(const char *text)
{
    struct tg_buffer whole = { 0 };
    tg_buffer_appendf(&whole, "\\A(?:%s)\\z", text);
    bool is_valid = is_regex(text) && is_regex(tg_text_or_empty(whole.data));
    tg_buffer_deinit(&whole);
    return is_valid;
}

static void explain_regex_of_all(const char *text, struct tg_buffer *out)
{
    if (is_regex(text))
        tg_buffer_append_str(out, "a regular expression that is still one in parentheses");
    else
        explain_regex(text, out);
}

const struct tg_option_grammar tg_grammar_regex_of_all = {
    .expected = "a regular expression",
    .is_valid = is_regex_of_all,
    .explain = explain_regex_of_all,
};
