/* Forms of strings that a compiler has to check: jq filters, regular expressions. */
#include "grammar.h"

#include <jq.h>
#include <string.h>

/* ---- jq ----------------------------------------------------------------------------------------------- */

/* Without what tells nothing here: "jq: error: ", and where the filter would stand on a command line. */
static void append_jq_error(struct tg_buffer *out, const char *text)
{
    static const char *const noise[] = { "jq: error: ", " (Unix shell quoting issues?)", " at <top-level>" };
    size_t length = strcspn(text, "\r\n");
    while (length > 0 && strchr(": ", text[length - 1]))
        length--;
    for (size_t at = 0; at < length;) {
        size_t skipped = 0;
        for (size_t i = 0; i < TG_COUNT_OF(noise); i++) {
            size_t noise_length = strlen(noise[i]);
            if (length - at >= noise_length && memcmp(text + at, noise[i], noise_length) == 0)
                skipped = noise_length;
        }
        if (skipped == 0)
            tg_buffer_append(out, text + at, 1);
        at += skipped > 0 ? skipped : 1;
    }
}

/* The first error is the one that explains; jq ends with the number of them. */
static void on_jq_error(void *arg, jv message)
{
    struct tg_buffer *error = arg;
    if (error->length == 0 && jv_get_kind(message) == JV_KIND_STRING)
        append_jq_error(error, jv_string_value(message));
    jv_free(message);
}

/* jq asserts that it has been told where libraries are; there are none. */
static void set_no_libraries(jq_state *jq)
{
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/nowhere"));
    jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/nowhere"));
}

static bool compile_jq(const char *text, struct tg_buffer *ret_error)
{
    jq_state *jq = jq_init();
    if (!jq) {
        tg_buffer_append_str(ret_error, "jq cannot start");
        return false;
    }
    jq_set_error_cb(jq, on_jq_error, ret_error);
    set_no_libraries(jq);
    bool is_compiled = jq_compile(jq, text);
    jq_teardown(&jq);
    return is_compiled;
}

static bool is_jq_filter(const char *text)
{
    struct tg_buffer error = { 0 };
    bool is_valid = compile_jq(text, &error);
    tg_buffer_deinit(&error);
    return is_valid;
}

static void explain_jq(const char *text, struct tg_buffer *out)
{
    struct tg_buffer error = { 0 };
    compile_jq(text, &error);
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
