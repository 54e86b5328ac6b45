/* jq filters, compiled to see whether they can be.
 *
 * Together they are the items of one array, each in parentheses: [(first),(second)]. A text that could leave its
 * parentheses is not tried so: one whose brackets do not match, or where it would take more to tell; nor are those that
 * can only stand alone. If the array does not compile, it says nothing about any of them. */
#include "jq_filters.h"

#include <jq.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct {
    const char **texts; /* borrowed */
    size_t count;
} known;

/* ---- one ---------------------------------------------------------------------------------------------- */

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

/* jq asserts that it knows where libraries are; there are none. */
static void set_no_libraries(jq_state *jq)
{
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/nowhere"));
    jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/nowhere"));
}

static bool compile(const char *text, struct tg_buffer *ret_error)
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

static bool is_known(const char *text)
{
    for (size_t i = 0; i < known.count; i++)
        if (strcmp(known.texts[i], text) == 0)
            return true;
    return false;
}

bool tg_jq_filter_compiles(const char *text, struct tg_buffer *ret_error)
{
    return is_known(text) || compile(text, ret_error);
}

/* ---- many --------------------------------------------------------------------------------------------- */

/* Past a string without anything in it that is computed; NULL: it has such, or no end. */
static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '(' || at[1] == '\0'))
            return NULL;
        at += *at == '\\' ? 1 : 0;
    }
    return *at ? at : NULL;
}

static bool stays_in_parentheses(const char *text)
{
    static const char *const alone[] = { "import", "include", "module" };
    static const char brackets[] = "()[]{}";
    enum { DEPTH_MAX = 64 };
    char open[DEPTH_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < TG_COUNT_OF(alone); i++)
        if (strstr(text, alone[i]))
            return false;
    for (const char *at = text; *at; at++) {
        bool is_closing = strchr(")]}", *at) != NULL;
        if (*at == '#' || (is_closing && (depth == 0 || open[--depth] != *at)))
            return false;
        const char *opening = strchr(brackets, *at);
        if (opening && !is_closing && depth == DEPTH_MAX)
            return false;
        if (opening && !is_closing)
            open[depth++] = opening[1];
        else if (*at == '"' && !(at = skip_string(at)))
            return false;
    }
    return depth == 0 && text[strspn(text, " \t\r\n")] != '\0';
}

void tg_jq_filters_learn(const char *const *texts, size_t count)
{
    struct tg_buffer all = { 0 }, error = { 0 };
    tg_jq_filters_forget();
    known.texts = tg_alloc((count + 1) * sizeof(*known.texts));
    for (size_t i = 0; i < count; i++) {
        if (is_known(texts[i]) || !stays_in_parentheses(texts[i]))
            continue;
        tg_buffer_appendf(&all, "%s(%s\n)", known.count == 0 ? "[" : ",", texts[i]);
        known.texts[known.count++] = texts[i];
    }
    tg_buffer_append_str(&all, "]");
    if (known.count == 0 || !compile(all.data, &error))
        tg_jq_filters_forget();
    tg_buffer_deinit(&all);
    tg_buffer_deinit(&error);
}

void tg_jq_filters_forget(void)
{
    free(known.texts);
    known.texts = NULL;
    known.count = 0;
}
