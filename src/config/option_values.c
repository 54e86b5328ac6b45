/* What the rows of the option table mean: texts to numbers, ranges in words, defaults, freeing. */
#include "grammar.h"
#include "options.h"

#include <inttypes.h>
#include <stdlib.h>
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
    [TG_OPTION_DURATION] = "a duration such as \"20s\"",
    [TG_OPTION_SIZE] = "a size such as \"16MiB\"",
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
    [TG_OPTION_MESSAGE] = "a message: a string, { \"$base64\": \"…\" }, or other JSON",
    [TG_OPTION_MESSAGES] = "an array of messages",
    [TG_OPTION_INITIAL] = "\"live\", \"all\", or an object such as { \"last\": 100 }",
};

void tg_option_append_expected(const struct tg_option *option, bool is_shape, struct tg_buffer *out)
{
    if (option->type == TG_OPTION_ENUM)
        append_words(option->words, out);
    else if (option->type == TG_OPTION_INTEGER || !is_shape)
        append_range(option, out);
    else if (option->type == TG_OPTION_STRING && option->grammar)
        tg_buffer_append_str(out, option->grammar->expected);
    else
        tg_buffer_append_str(out, shapes[option->type]);
}

/* ---- defaults and freeing ----------------------------------------------------------------------------- */

static char **split_words(const char *text)
{
    char **words = NULL;
    size_t count = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        words = tg_realloc_array(words, count + 2, sizeof(words[0]));
        words[count++] = tg_strndup(text, length);
        words[count] = NULL;
        text += length + strspn(text + length, " ");
    }
    return words;
}

static void set_default(const struct tg_option *option, void *field)
{
    int64_t number;
    switch (option->type) {
    case TG_OPTION_STRING:
    case TG_OPTION_PATH:
    case TG_OPTION_FILE:
        *(char **)field = tg_strdup(option->default_text);
        break;
    case TG_OPTION_STRINGS:
        *(char ***)field = split_words(option->default_text);
        break;
    case TG_OPTION_INITIAL:
        break; /* zero is TG_INITIAL_LIVE */
    case TG_OPTION_BOOL:
        if (!tg_option_parse_scalar(option, option->default_text, &number))
            *(bool *)field = number != 0;
        break;
    default:
        if (!tg_option_parse_scalar(option, option->default_text, &number))
            *(int64_t *)field = number;
    }
}

void tg_options_set_defaults(const struct tg_option_object *object, void *base)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        void *field = (char *)base + option->offset;
        if (option->type == TG_OPTION_OBJECT && !option->has_no_default_keys)
            tg_options_set_defaults(option->object, field);
        else if (option->default_text)
            set_default(option, field);
    }
}

void tg_message_deinit(struct tg_config_message *message)
{
    free(message->bytes);
    *message = (struct tg_config_message){ 0 };
}

void tg_headers_free(struct tg_config_header *headers)
{
    for (struct tg_config_header *header = headers; header && header->name; header++) {
        free(header->name);
        free(header->value);
    }
    free(headers);
}

void tg_strings_free(char **strings)
{
    for (char **string = strings; string && *string; string++)
        free(*string);
    free(strings);
}

static void free_items(const struct tg_option *option, char *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *item = items + i * option->object->size;
        if (option->type == TG_OPTION_MAP)
            free(*(char **)(void *)item);
        tg_options_free(option->object, item);
    }
    free(items);
}

static void free_messages(struct tg_config_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tg_message_deinit(&messages[i]);
    free(messages);
}

static void free_url(struct tg_config_url *url)
{
    free(url->text);
    free(url->host);
    free(url->path);
}

void tg_options_free(const struct tg_option_object *object, void *base)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        void *field = (char *)base + option->offset;
        size_t *count = (size_t *)(void *)((char *)base + option->count_offset);
        switch (option->type) {
        case TG_OPTION_STRING:
        case TG_OPTION_PATH:
        case TG_OPTION_FILE:
            free(*(char **)field);
            break;
        case TG_OPTION_STRINGS:
            tg_strings_free(*(char ***)field);
            break;
        case TG_OPTION_OBJECT:
            tg_options_free(option->object, field);
            break;
        case TG_OPTION_LIST:
        case TG_OPTION_MAP:
            free_items(option, *(char **)field, *count);
            break;
        case TG_OPTION_URL:
            free_url(field);
            break;
        case TG_OPTION_HEADERS:
            tg_headers_free(*(struct tg_config_header **)field);
            break;
        case TG_OPTION_MESSAGE:
            tg_message_deinit(field);
            break;
        case TG_OPTION_MESSAGES:
            free_messages(*(struct tg_config_message **)field, *count);
            break;
        default:
            break;
        }
    }
}
