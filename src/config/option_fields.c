/* The fields that the rows of the option table stand for: defaults and freeing. */
#include "condition.h"
#include "options.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

/* ---- defaults ----------------------------------------------------------------------------------------- */

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

static int64_t *split_numbers(const char *text, size_t *ret_count)
{
    int64_t *numbers = NULL;
    size_t count = 0;
    for (char *end; *text; text = end + strspn(end, " ")) {
        numbers = tg_realloc_array(numbers, count + 1, sizeof(numbers[0]));
        numbers[count++] = strtoll(text, &end, 10);
    }
    *ret_count = count;
    return numbers;
}

static void set_default(const struct tg_option *option, void *base)
{
    void *field = (char *)base + option->offset;
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
    case TG_OPTION_CODES:
        *(int64_t **)field =
            split_numbers(option->default_text, (size_t *)(void *)((char *)base + option->count_offset));
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
            set_default(option, base);
    }
}

/* ---- freeing ------------------------------------------------------------------------------------------ */

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

static void deinit_condition(struct tg_config_condition *condition)
{
    free(condition->pointer);
    free(condition->pattern);
    tg_strings_free(condition->values);
    tg_conditions_free(condition->conditions, condition->condition_count);
}

void tg_conditions_free(struct tg_config_condition *conditions, size_t count)
{
    for (size_t i = 0; conditions && i < count; i++)
        deinit_condition(&conditions[i]);
    free(conditions);
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
        case TG_OPTION_TEXT:
            free(*(char **)field);
            break;
        case TG_OPTION_STRINGS:
        case TG_OPTION_JSON:
        case TG_OPTION_JSONS:
            tg_strings_free(*(char ***)field);
            break;
        case TG_OPTION_WORDS:
        case TG_OPTION_CODES:
            free(*(int64_t **)field);
            break;
        case TG_OPTION_CONDITION:
            tg_conditions_free(*(struct tg_config_condition **)field, 1);
            break;
        case TG_OPTION_CONDITIONS:
            tg_conditions_free(*(struct tg_config_condition **)field, *count);
            break;
        case TG_OPTION_OBJECT:
            tg_options_free(option->object, field);
            break;
        case TG_OPTION_LIST:
        case TG_OPTION_MAP:
            free_items(option, *(char **)field, *count);
            break;
        case TG_OPTION_URL:
            tg_url_deinit(field);
            break;
        case TG_OPTION_HEADERS:
        case TG_OPTION_PAIRS:
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
