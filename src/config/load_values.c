/* Loaders of the types that are more than one plain value: messages, initial, lists of words and codes, JSON, pairs. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

/* ---- messages ----------------------------------------------------------------------------------------- */

static void set_message(struct tg_config_message *message, bool is_binary, const char *bytes, size_t length)
{
    tg_message_deinit(message);
    message->is_set = true;
    message->is_binary = is_binary;
    message->length = length;
    message->bytes = tg_realloc_array(NULL, length + 1, 1);
    if (length > 0)
        memcpy(message->bytes, bytes, length);
    message->bytes[length] = '\0';
}

static void load_binary(struct tg_document *document, const struct tg_path *path, json_t *value,
                        struct tg_config_message *message)
{
    struct tg_path inner = TG_PATH_KEY(path, "$base64");
    json_t *text = json_object_get(value, "$base64");
    struct tg_buffer bytes = { 0 };
    if (json_object_size(value) != 1)
        tg_document_error(document, path, "expected no other key beside \"$base64\"");
    else if (!json_is_string(text) ||
             tg_base64_decode(&bytes, json_string_value(text), json_string_length(text)))
        tg_document_error(document, &inner, "expected base64, with its padding and without spaces");
    else
        set_message(message, true, bytes.data, bytes.length);
    tg_buffer_deinit(&bytes);
}

/* jansson writes 0.1 as 0.10000000000000001 unless told that 15 digits will do; they do when the value reads
 * back as the same. */
static char *compact_json(json_t *value)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    char *text = json_dumps(value, flags | JSON_REAL_PRECISION(15));
    json_t *back = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    bool is_exact = back && json_equal(back, value);
    json_decref(back);
    if (is_exact)
        return text;
    free(text);
    return json_dumps(value, flags | JSON_REAL_PRECISION(17));
}

static void load_one_message(struct tg_document *document, const struct tg_path *path, json_t *value,
                             struct tg_config_message *message)
{
    if (json_is_string(value)) {
        set_message(message, false, json_string_value(value), json_string_length(value));
        return;
    }
    if (json_object_get(value, "$base64")) {
        load_binary(document, path, value, message);
        return;
    }
    char *text = compact_json(value);
    if (text)
        set_message(message, false, text, strlen(text));
    else
        tg_document_error(document, path, "expected a message that can be written as JSON");
    free(text);
}

void tg_load_message(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, void *base)
{
    load_one_message(document, path, value,
                     (struct tg_config_message *)(void *)((char *)base + option->offset));
}

void tg_load_text_message(struct tg_document *document, const struct tg_path *path,
                          const struct tg_option *option, json_t *value, void *base)
{
    char **field = (char **)(void *)((char *)base + option->offset);
    struct tg_config_message message = { 0 };
    load_one_message(document, path, value, &message);
    if (message.is_binary) {
        tg_document_error(document, path, "expected text, or JSON that is sent as text");
    } else if (message.is_set && strlen(message.bytes) != message.length) {
        tg_document_error(document, path, "expected text without NUL characters");
    } else if (message.is_set) {
        free(*field);
        *field = message.bytes;
        message.bytes = NULL;
    }
    tg_message_deinit(&message);
}

void tg_load_messages(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option *option, json_t *value, void *base)
{
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_array_size(value);
    if (!tg_load_check_count(document, path, option, count))
        return;
    struct tg_config_message *messages = tg_alloc(count * sizeof(messages[0]));
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        load_one_message(document, &item, json_array_get(value, i), &messages[i]);
    }
    *(struct tg_config_message **)(void *)((char *)base + option->offset) = messages;
    *(size_t *)(void *)((char *)base + option->count_offset) = count;
}

/* ---- initial ------------------------------------------------------------------------------------------ */

void tg_load_initial(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, void *base)
{
    int64_t *initial = (int64_t *)(void *)((char *)base + option->offset);
    int64_t *last_count = (int64_t *)(void *)((char *)base + option->count_offset);
    const char *word = json_string_value(value);
    json_t *last = json_object_get(value, "last");
    if (word && strcmp(word, "live") == 0) {
        *initial = TG_INITIAL_LIVE;
    } else if (word && strcmp(word, "all") == 0) {
        *initial = TG_INITIAL_ALL;
    } else if (last && json_object_size(value) == 1) {
        struct tg_path inner = TG_PATH_KEY(path, "last");
        if (json_is_integer(last) && tg_option_is_in_range(option, json_integer_value(last))) {
            *initial = TG_INITIAL_LAST;
            *last_count = json_integer_value(last);
        } else {
            tg_load_report(document, &inner, option, false);
        }
    } else {
        tg_load_report(document, path, option, true);
    }
}

/* ---- words, numbers, JSON, pairs ---------------------------------------------------------------------- */

static void *field_of(const struct tg_option *option, void *base)
{
    return (char *)base + option->offset;
}

void tg_load_words(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                   json_t *value, void *base)
{
    const struct tg_option word = { .type = TG_OPTION_ENUM, .words = option->words };
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_array_size(value);
    if (!tg_load_check_count(document, path, option, count))
        return;
    int64_t *numbers = tg_alloc(count * sizeof(numbers[0]));
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        const char *text = tg_load_text(document, &item, &word, NULL, json_array_get(value, i));
        if (text && tg_option_parse_scalar(&word, text, &numbers[i]))
            tg_load_report(document, &item, &word, true);
    }
    *(int64_t **)field_of(option, base) = numbers;
    *(size_t *)(void *)((char *)base + option->count_offset) = count;
}

void tg_load_codes(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                   json_t *value, void *base)
{
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_array_size(value);
    if (!tg_load_check_count(document, path, option, count))
        return;
    int64_t *codes = tg_alloc((count + 1) * sizeof(codes[0]));
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        codes[i] = json_integer_value(json_array_get(value, i));
        if (codes[i] < TG_CLOSE_CODE_MIN || codes[i] > TG_CLOSE_CODE_MAX)
            tg_document_error(document, &item, "expected a close code from %d to %d", TG_CLOSE_CODE_MIN,
                              TG_CLOSE_CODE_MAX);
    }
    free(*(int64_t **)field_of(option, base));
    *(int64_t **)field_of(option, base) = codes;
    *(size_t *)(void *)((char *)base + option->count_offset) = count;
}

void tg_load_number(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                    json_t *value, void *base)
{
    if (json_is_number(value))
        *(double *)field_of(option, base) = json_number_value(value);
    else
        tg_load_report(document, path, option, true);
}

/* In place of what cannot be written stands nothing; there is an error then. */
static char *load_one_json(struct tg_document *document, const struct tg_path *path, json_t *value)
{
    char *text = compact_json(value);
    if (!text)
        tg_document_error(document, path, "expected a value that can be written as JSON");
    return text;
}

void tg_load_json(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                  json_t *value, void *base)
{
    char **texts = tg_alloc(2 * sizeof(texts[0]));
    texts[0] = load_one_json(document, path, value);
    *(char ***)field_of(option, base) = texts;
}

void tg_load_jsons(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                   json_t *value, void *base)
{
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_array_size(value), loaded = 0;
    if (!tg_load_check_count(document, path, option, count))
        return;
    char **texts = tg_alloc((count + 1) * sizeof(texts[0]));
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        texts[loaded] = load_one_json(document, &item, json_array_get(value, i));
        loaded += texts[loaded] ? 1 : 0;
    }
    *(char ***)field_of(option, base) = texts;
}

void tg_load_pairs(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                   json_t *value, void *base)
{
    if (!json_is_object(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_object_size(value), loaded = 0;
    if (!tg_load_check_count(document, path, option, count))
        return;
    struct tg_config_header *pairs = tg_alloc((count + 1) * sizeof(pairs[0]));
    const char *name;
    json_t *inner_value;
    json_object_foreach(value, name, inner_value)
    {
        struct tg_path inner = TG_PATH_KEY(path, name);
        const char *text = tg_load_text(document, &inner, option, option->grammar, inner_value);
        if (!text)
            continue;
        pairs[loaded].name = tg_strdup(name);
        pairs[loaded++].value = tg_strdup(text);
    }
    *(struct tg_config_header **)field_of(option, base) = pairs;
}
