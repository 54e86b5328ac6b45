/* What is wrong with a value, and what every loader of a type asks first. */
#include "grammar.h"
#include "load.h"
#include "url.h"

#include <inttypes.h>
#include <string.h>

int64_t tg_load_kind_beside(const struct tg_document *document, const struct tg_path *path)
{
    struct tg_path kind_path = TG_PATH_KEY(path->up, "kind");
    json_t *value = tg_document_find(document, &kind_path);
    if (!value)
        return TG_UPSTREAM_WEBSOCKET;
    const char *text = json_string_value(value);
    for (const struct tg_option_word *word = tg_upstream_kind_words; text && word->word; word++) {
        if (strcmp(word->word, text) == 0)
            return word->value;
    }
    return TG_URL_ANY_KIND;
}

/* What a URL must be depends on what stands beside it. */
void tg_load_append_expected(const struct tg_document *document, const struct tg_path *path,
                             const struct tg_option *option, bool is_shape, struct tg_buffer *out)
{
    if (option->type == TG_OPTION_URL)
        tg_buffer_append_str(out, tg_url_expected(tg_load_kind_beside(document, path)));
    else
        tg_option_append_expected(option, is_shape, out);
}

void tg_load_report(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                    bool is_shape)
{
    struct tg_buffer expected = { 0 };
    tg_load_append_expected(document, path, option, is_shape, &expected);
    tg_document_error(document, path, "expected %s", expected.data);
    tg_buffer_deinit(&expected);
}

static void report_text(struct tg_document *document, const struct tg_path *path,
                        const struct tg_option_grammar *grammar, const char *text)
{
    struct tg_buffer expected = { 0 };
    if (grammar->explain && tg_document_may_be_quoted(document, path))
        grammar->explain(text, &expected);
    else
        tg_buffer_append_str(&expected, grammar->expected);
    tg_document_error(document, path, "expected %s", expected.data);
    tg_buffer_deinit(&expected);
}

static void warn_text(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option_grammar *grammar, const char *text)
{
    struct tg_buffer why = { 0 };
    grammar->suspect(text, &why);
    if (why.length > 0)
        tg_document_warn(document, path, "%s", why.data);
    tg_buffer_deinit(&why);
}

const char *tg_load_text(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, const struct tg_option_grammar *grammar,
                         json_t *value)
{
    const char *text = json_string_value(value);
    if (!text) {
        if (option->type == TG_OPTION_STRINGS || option->type == TG_OPTION_HEADERS ||
            option->type == TG_OPTION_PAIRS)
            tg_document_error(document, path, "expected a string");
        else
            tg_load_report(document, path, option, true);
        return NULL;
    }
    if (strlen(text) != json_string_length(value)) {
        tg_document_error(document, path, "expected a string without NUL characters");
        return NULL;
    }
    if (grammar && !grammar->is_valid(text)) {
        report_text(document, path, grammar, text);
        return NULL;
    }
    if (grammar && grammar->suspect && tg_document_may_be_quoted(document, path))
        warn_text(document, path, grammar, text);
    return text;
}

bool tg_load_check_count(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, size_t count)
{
    if (option->max == 0 || ((int64_t)count >= option->min && (int64_t)count <= option->max))
        return true;
    if (option->min > 0)
        tg_document_error(document, path, "expected %" PRId64 " to %" PRId64 " items", option->min,
                          option->max);
    else
        tg_document_error(document, path, "expected at most %" PRId64 " items", option->max);
    return false;
}
