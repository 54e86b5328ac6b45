/* What the rows of the option table mean: texts to numbers, ranges in words. */
#include "grammar.h"
#include "options.h"

#include <inttypes.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------------------------------ */

static enum tg_err parse_integer(const char *text, int base, int64_t *ret_number)
{
    int64_t number = 0;
    if (!*text || strlen(text) > 15)
        return TG_ERR_INVALID;
    for (; *text; text++) {
        if (*text < '0' || *text >= '0' + base)
            return TG_ERR_INVALID;
        number = number * base + (*text - '0');
    }
    *ret_number = number;
    return TG_OK;
}

static enum tg_err parse_word(const struct tg_option_word *words, const char *text, int64_t *ret_number)
{
    for (; words->word; words++) {
        if (strcmp(words->word, text) == 0) {
            *ret_number = words->value;
            return TG_OK;
        }
    }
    return TG_ERR_INVALID;
}

static enum tg_err parse_bool(const char *text, int64_t *ret_number)
{
    static const struct tg_option_word words[] = { { "false", 0 }, { "true", 1 }, { 0 } };
    return parse_word(words, text, ret_number);
}

bool tg_option_is_in_range(const struct tg_option *option, int64_t number)
{
    if (option->max == 0 || (number == 0 && option->is_zero_allowed))
        return true;
    return number >= option->min && number <= option->max;
}

enum tg_err tg_option_parse_scalar(const struct tg_option *option, const char *text, int64_t *ret_number)
{
    int64_t number = 0;
    enum tg_err err = TG_ERR_INVALID;
    switch (option->type) {
    case TG_OPTION_BOOL:
        err = parse_bool(text, &number);
        break;
    case TG_OPTION_INTEGER:
        err = parse_integer(text, 10, &number);
        break;
    case TG_OPTION_MODE:
        err = parse_integer(text, 8, &number);
        break;
    case TG_OPTION_DURATION:
        err = tg_parse_duration(text, &number);
        break;
    case TG_OPTION_SIZE:
        err = tg_parse_size(text, &number);
        break;
    case TG_OPTION_ENUM:
        err = parse_word(option->words, text, &number);
        break;
    default:
        break;
    }
    if (err)
        return err;
    if (!tg_option_is_in_range(option, number))
        return TG_ERR_LIMIT;
    *ret_number = number;
    return TG_OK;
}

/* ---- in words ----------------------------------------------------------------------------------------- */

static void append_words(const struct tg_option_word *words, struct tg_buffer *out)
{
    for (const struct tg_option_word *word = words; word->word; word++) {
        const char *before = word == words ? "" : word[1].word ? ", " : " or ";
        tg_buffer_appendf(out, "%s\"%s\"", before, word->word);
    }
}

void tg_option_append_kinds(const struct tg_option *option, struct tg_buffer *out)
{
    enum { KINDS_MAX = 8 };
    struct tg_option_word those[KINDS_MAX + 1] = { { 0 } };
    size_t count = 0;
    for (const struct tg_option_word *word = tg_upstream_kind_words; word->word && count < KINDS_MAX;
         word++) {
        if (option->kinds & TG_KIND_BIT(word->value))
            those[count++] = *word;
    }
    tg_buffer_append_str(out, "kind ");
    append_words(those, out);
}

static void append_range(const struct tg_option *option, struct tg_buffer *out)
{
    char least[TG_UNIT_TEXT_MAX], most[TG_UNIT_TEXT_MAX];
    switch (option->type) {
    case TG_OPTION_DURATION:
        tg_format_duration(option->min, least);
        tg_format_duration(option->max, most);
        tg_buffer_appendf(out, "a duration from \"%s\" to \"%s\"%s", least, most,
                          option->is_zero_allowed ? ", or \"0\"" : "");
        break;
    case TG_OPTION_SIZE:
        tg_format_size(option->min, least);
        tg_format_size(option->max, most);
        tg_buffer_appendf(out, "a size from \"%s\" to \"%s\"", least, most);
        break;
    case TG_OPTION_MODE:
        tg_buffer_append_str(out, "an octal number from \"0000\" to \"0777\"");
        break;
    default:
        tg_buffer_appendf(out, "a whole number from %" PRId64 " to %" PRId64, option->min, option->max);
    }
}

static const char *const shapes[TG_OPTION_TYPE_COUNT] = {
    [TG_OPTION_IGNORED] = "a string",
    [TG_OPTION_BOOL] = "true or false",
    [TG_OPTION_DURATION] = "a duration such as \"20s\" (ms, s, m, h or d)",
    [TG_OPTION_SIZE] = "a size such as \"16MiB\" (B, KB, MB, GB, KiB, MiB or GiB)",
    [TG_OPTION_MODE] = "an octal number such as \"0660\"",
    [TG_OPTION_STRING] = "a string",
    [TG_OPTION_PATH] = "the name of a file",
    [TG_OPTION_FILE] = "the name of a file",
    [TG_OPTION_STRINGS] = "an array of strings",
    [TG_OPTION_OBJECT] = "an object",
    [TG_OPTION_LIST] = "an array of objects",
    [TG_OPTION_MAP] = "an object",
    [TG_OPTION_URL] = "a URL such as \"wss://legacy.internal:9000/feed\"",
    [TG_OPTION_HEADERS] = "an object of strings",
    [TG_OPTION_PAIRS] = "an object of strings",
    [TG_OPTION_MESSAGE] = "a message: a string, { \"$base64\": \"…\" }, or other JSON",
    [TG_OPTION_TEXT] = "a message: a string, or other JSON",
    [TG_OPTION_MESSAGES] = "an array of messages",
    [TG_OPTION_INITIAL] = "\"live\", \"all\", or an object such as { \"last\": 100 }",
    [TG_OPTION_CODES] = "an array of close codes",
    [TG_OPTION_NUMBER] = "a number",
    [TG_OPTION_JSON] = "a JSON value",
    [TG_OPTION_JSONS] = "an array of JSON values",
    [TG_OPTION_CONDITION] = "a condition such as { \"pointer\": \"/type\", \"equals\": \"trade\" }",
    [TG_OPTION_CONDITIONS] = "an array of conditions",
};

/* One that fits into a line. */
static void append_object_example(const struct tg_option *option, struct tg_buffer *out)
{
    const char *example = option->object ? option->object->example : NULL;
    if (!example || strchr(example, '\n'))
        return;
    if (option->type == TG_OPTION_OBJECT)
        tg_buffer_appendf(out, " such as %s", example);
    else if (option->type == TG_OPTION_LIST)
        tg_buffer_appendf(out, " such as [ %s ]", example);
}

void tg_option_append_expected(const struct tg_option *option, bool is_shape, struct tg_buffer *out)
{
    if (option->type == TG_OPTION_WORDS)
        tg_buffer_append_str(out, "an array of ");
    if (option->type == TG_OPTION_ENUM || option->type == TG_OPTION_WORDS)
        append_words(option->words, out);
    else if (option->type == TG_OPTION_INTEGER || !is_shape)
        append_range(option, out);
    else if (option->type == TG_OPTION_STRING && option->grammar)
        tg_buffer_append_str(out, option->grammar->expected);
    else
        tg_buffer_append_str(out, shapes[option->type]);
    append_object_example(option, out);
}
