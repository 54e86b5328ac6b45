/* Loaders of the types that are more than one plain value: URL, headers, messages, initial. */
#include "grammar.h"
#include "load.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

void tg_load_url(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                 json_t *value, void *base)
{
    struct tg_config_url *url = (struct tg_config_url *)(void *)((char *)base + option->offset);
    const char *expected;
    const char *text = tg_load_text(document, path, option, NULL, value);
    if (text && tg_url_parse(text, url, &expected))
        tg_document_error(document, path, "expected %s", expected);
}

/* ---- headers ------------------------------------------------------------------------------------------ */

/* What the handshake sets itself, and where to set it instead, if anywhere. A name that ends with "-" is a
 * prefix. */
static const struct {
    struct tg_str name;
    const char *instead;
} handshake_headers[] = {
    { TG_STR("Host"), "the URL's host is sent" },
    { TG_STR("Connection"), "the handshake sets it" },
    { TG_STR("Upgrade"), "the handshake sets it" },
    { TG_STR("Content-Length"), "the handshake sets it" },
    { TG_STR("Transfer-Encoding"), "the handshake sets it" },
    { TG_STR("Origin"), "use \"origin\"" },
    { TG_STR("Sec-WebSocket-Protocol"), "use \"subprotocols\"" },
    { TG_STR("Sec-WebSocket-"), "the handshake sets it" },
};

static const char *why_not_to_set(struct tg_str name)
{
    for (size_t i = 0; i < TG_COUNT_OF(handshake_headers); i++) {
        struct tg_str known = handshake_headers[i].name, compared = name;
        if (known.data[known.length - 1] == '-' && compared.length > known.length)
            compared.length = known.length;
        if (tg_str_equals_nocase(known, compared))
            return handshake_headers[i].instead;
    }
    return NULL;
}

static bool has_header(const struct tg_config_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (tg_str_equals_nocase(tg_str_from(headers[i].name), tg_str_from(name)))
            return true;
    }
    return false;
}

void tg_load_headers(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, void *base)
{
    if (!json_is_object(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    if (!tg_load_check_count(document, path, option, json_object_size(value)))
        return;
    struct tg_config_header *headers = tg_alloc((json_object_size(value) + 1) * sizeof(headers[0]));
    size_t count = 0;
    const char *name;
    json_t *inner_value;
    json_object_foreach(value, name, inner_value)
    {
        struct tg_path inner = TG_PATH_KEY(path, name);
        const char *instead = why_not_to_set(tg_str_from(name));
        const char *text = NULL;
        if (!tg_grammar_token.is_valid(name))
            tg_document_error_at_key(document, &inner, "expected a header name: %s",
                                     tg_grammar_token.expected);
        else if (instead)
            tg_document_error_at_key(document, &inner, "this header cannot be set: %s", instead);
        else if (has_header(headers, count, name))
            tg_document_error_at_key(document, &inner, "this header is set twice");
        else
            text = tg_load_text(document, &inner, option, option->grammar, inner_value);
        if (!text)
            continue;
        headers[count].name = tg_strdup(name);
        headers[count++].value = tg_strdup(text);
    }
    struct tg_config_header **field = (struct tg_config_header **)(void *)((char *)base + option->offset);
    tg_headers_free(*field);
    *field = headers;
}

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
