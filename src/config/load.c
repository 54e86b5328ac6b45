/* The loader: walks JSON and table side by side. The types with a form of their own are in load_values.c,
 * load_request.c and condition.c, the errors that they share in load_report.c. */
#include "load.h"
#include "comments.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *field_of(const struct tg_option *option, void *base)
{
    return (char *)base + option->offset;
}

static size_t *count_of(const struct tg_option *option, void *base)
{
    return (size_t *)(void *)((char *)base + option->count_offset);
}

/* ---- one loader for each type ------------------------------------------------------------------------- */

static void load_ignored(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, json_t *value, void *base)
{
    (void)base;
    if (!json_is_string(value))
        tg_load_report(document, path, option, true);
}

/* Numbers, true and false are often put into quotes. */
static void report_word(struct tg_document *document, const struct tg_path *path,
                        const struct tg_option *option, json_t *value)
{
    struct tg_buffer expected = { 0 };
    tg_load_append_expected(document, path, option, true, &expected);
    tg_document_error(document, path, "expected %s%s", expected.data,
                      json_is_string(value) ? ", without quotes" : "");
    tg_buffer_deinit(&expected);
}

static void load_bool(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option *option, json_t *value, void *base)
{
    if (json_is_boolean(value))
        *(bool *)field_of(option, base) = json_is_true(value);
    else
        report_word(document, path, option, value);
}

static void load_integer(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, json_t *value, void *base)
{
    if (json_is_integer(value) && tg_option_is_in_range(option, json_integer_value(value)))
        *(int64_t *)field_of(option, base) = json_integer_value(value);
    else
        report_word(document, path, option, value);
}

static void load_scalar_text(struct tg_document *document, const struct tg_path *path,
                             const struct tg_option *option, json_t *value, void *base)
{
    const char *text = tg_load_text(document, path, option, NULL, value);
    if (!text)
        return;
    enum tg_err err = tg_option_parse_scalar(option, text, field_of(option, base));
    if (err)
        tg_load_report(document, path, option, err != TG_ERR_LIMIT);
}

static void set_string(char **field, char *text)
{
    free(*field);
    *field = text;
}

static void load_string(struct tg_document *document, const struct tg_path *path,
                        const struct tg_option *option, json_t *value, void *base)
{
    const char *text = tg_load_text(document, path, option, option->grammar, value);
    if (text)
        set_string(field_of(option, base), tg_strdup(text));
}

static void load_path(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option *option, json_t *value, void *base)
{
    const char *text = tg_load_text(document, path, option, NULL, value);
    if (!text)
        return;
    char *name = *text ? tg_file_join(document->folder, text) : tg_strdup(text);
    if (option->grammar && !option->grammar->is_valid(name)) {
        tg_document_error(document, path, "expected %s", option->grammar->expected);
        free(name);
        return;
    }
    int why = option->type == TG_OPTION_FILE && !document->ignores_files ? tg_file_check_readable(name) : 0;
    if (why) {
        struct tg_buffer shown = { 0 };
        tg_document_append_file(document, path, name, &shown);
        tg_document_error(document, path, "cannot read the file \"%s\": %s", shown.data, strerror(why));
        tg_buffer_deinit(&shown);
    }
    set_string(field_of(option, base), name);
}

static void load_strings(struct tg_document *document, const struct tg_path *path,
                         const struct tg_option *option, json_t *value, void *base)
{
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_array_size(value), loaded = 0;
    if (!tg_load_check_count(document, path, option, count))
        return;
    char **strings = tg_realloc_array(NULL, count + 1, sizeof(strings[0]));
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        const char *text = tg_load_text(document, &item, option, option->grammar, json_array_get(value, i));
        if (text)
            strings[loaded++] = tg_strdup(text);
    }
    strings[loaded] = NULL;
    char ***field = field_of(option, base);
    tg_strings_free(*field);
    *field = strings;
}

static void load_object(struct tg_document *document, const struct tg_path *path,
                        const struct tg_option *option, json_t *value, void *base)
{
    void *field = field_of(option, base);
    if (option->set_offset)
        *((bool *)base + option->set_offset) = true;
    if (option->has_no_default_keys)
        tg_options_set_defaults(option->object, field);
    tg_options_load(document, path, option->object, value, field);
}

static void load_list(struct tg_document *document, const struct tg_path *path,
                      const struct tg_option *option, json_t *value, void *base)
{
    if (!json_is_array(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_array_size(value), size = option->object->size;
    if (!tg_load_check_count(document, path, option, count))
        return;
    char *items = tg_alloc(count * size);
    *(char **)field_of(option, base) = items;
    *count_of(option, base) = count;
    for (size_t i = 0; i < count; i++) {
        struct tg_path item = TG_PATH_INDEX(path, i);
        tg_options_set_defaults(option->object, items + i * size);
        tg_options_load(document, &item, option->object, json_array_get(value, i), items + i * size);
    }
}

static void load_map(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, void *base)
{
    if (!json_is_object(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    size_t count = json_object_size(value), size = option->object->size;
    count -= json_object_get(value, TG_COMMENT_KEY) ? 1 : 0;
    if (!tg_load_check_count(document, path, option, count))
        return;
    char *item = tg_alloc(count * size);
    *(char **)field_of(option, base) = item;
    *count_of(option, base) = count;
    const char *name;
    json_t *inner;
    json_object_foreach(value, name, inner)
    {
        struct tg_path item_path = TG_PATH_KEY(path, name);
        if (strcmp(name, TG_COMMENT_KEY) == 0)
            continue;
        *(char **)(void *)item = tg_strdup(name);
        tg_options_set_defaults(option->object, item);
        /* First, since an error below the name would hide this one. */
        if (!option->grammar->is_valid(name))
            tg_document_error_at_key(document, &item_path, "expected %s", option->grammar->expected);
        tg_options_load(document, &item_path, option->object, inner, item);
        item += size;
    }
}

static tg_option_loader *const loaders[TG_OPTION_TYPE_COUNT] = {
    [TG_OPTION_IGNORED] = load_ignored,
    [TG_OPTION_BOOL] = load_bool,
    [TG_OPTION_INTEGER] = load_integer,
    [TG_OPTION_DURATION] = load_scalar_text,
    [TG_OPTION_SIZE] = load_scalar_text,
    [TG_OPTION_MODE] = load_scalar_text,
    [TG_OPTION_ENUM] = load_scalar_text,
    [TG_OPTION_STRING] = load_string,
    [TG_OPTION_PATH] = load_path,
    [TG_OPTION_FILE] = load_path,
    [TG_OPTION_STRINGS] = load_strings,
    [TG_OPTION_OBJECT] = load_object,
    [TG_OPTION_LIST] = load_list,
    [TG_OPTION_MAP] = load_map,
    [TG_OPTION_URL] = tg_load_url,
    [TG_OPTION_HEADERS] = tg_load_headers,
    [TG_OPTION_PAIRS] = tg_load_pairs,
    [TG_OPTION_MESSAGE] = tg_load_message,
    [TG_OPTION_TEXT] = tg_load_text_message,
    [TG_OPTION_MESSAGES] = tg_load_messages,
    [TG_OPTION_INITIAL] = tg_load_initial,
    [TG_OPTION_WORDS] = tg_load_words,
    [TG_OPTION_CODES] = tg_load_codes,
    [TG_OPTION_NUMBER] = tg_load_number,
    [TG_OPTION_JSON] = tg_load_json,
    [TG_OPTION_JSONS] = tg_load_jsons,
    [TG_OPTION_CONDITION] = tg_load_condition,
    [TG_OPTION_CONDITIONS] = tg_load_conditions,
};

/* ---- objects ------------------------------------------------------------------------------------------ */

static const struct tg_option *find_option(const struct tg_option_object *object, const char *key)
{
    for (size_t i = 0; i < object->option_count; i++) {
        if (strcmp(object->options[i].key, key) == 0)
            return &object->options[i];
    }
    return NULL;
}

/* Where in the table the key is: in how many objects, and the title of the last one. */
static size_t find_places(const struct tg_option_object *object, const char *title, const char *key,
                          struct tg_buffer *ret_title)
{
    size_t count = 0;
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        if (strcmp(option->key, key) == 0) {
            tg_buffer_clear(ret_title);
            tg_buffer_append_str(ret_title, title);
            count++;
        }
        if (!option->object)
            continue;
        struct tg_buffer inner = { 0 };
        tg_buffer_appendf(&inner, "%s%s%s%s", title, *title ? "." : "", option->key,
                          option->type == TG_OPTION_LIST  ? "[]"
                          : option->type == TG_OPTION_MAP ? ".<name>"
                                                          : "");
        count += find_places(option->object, inner.data, key, ret_title);
        tg_buffer_deinit(&inner);
    }
    return count;
}

/* The key that is most likely meant: one that differs in a letter or two, else the only one that begins like it. */
static const char *find_nearest(const struct tg_option_object *object, const char *key)
{
    const char *nearest = NULL, *longer = NULL;
    size_t nearest_distance = 2 + strlen(key) / 4, longer_count = 0;
    for (size_t i = 0; i < object->option_count; i++) {
        const char *known = object->options[i].key;
        size_t distance = strcasecmp(key, known) == 0 ? 1 : tg_edit_distance(key, known);
        if (distance < nearest_distance && distance < strlen(known)) {
            nearest = known;
            nearest_distance = distance;
        }
        if (strncasecmp(key, known, strlen(key)) == 0) {
            longer = known;
            longer_count++;
        }
    }
    return nearest ? nearest : longer_count == 1 && strlen(key) > 2 ? longer : NULL;
}

/* The only object in this one that has the key. */
static const char *find_inner(const struct tg_option_object *object, const char *key)
{
    const char *inner = NULL;
    size_t count = 0;
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        if (option->type == TG_OPTION_OBJECT && find_option(option->object, key)) {
            inner = option->key;
            count++;
        }
    }
    return count == 1 ? inner : NULL;
}

/* A key without a near neighbour, and in none of the objects within, gets a guess only when it is known in one other place,
 * and of more than one word, which says the same everywhere: a wrong guess would mislead. */
static void report_unknown_key(struct tg_document *document, const struct tg_path *path,
                               const struct tg_option_object *object, const char *key)
{
    const char *inner = find_inner(object, key), *nearest = inner ? NULL : find_nearest(object, key);
    struct tg_buffer title = { 0 };
    if (inner)
        tg_document_error_at_key(document, path, "unknown key; did you mean \"%s\" of \"%s\"?", key, inner);
    else if (nearest)
        tg_document_error_at_key(document, path, "unknown key; did you mean \"%s\"?", nearest);
    else if (strchr(key, '_') && find_places(&tg_options_root, "", key, &title) == 1)
        tg_document_error_at_key(document, path, "unknown key; \"%s\" has one of this name",
                                 title.length > 0 ? title.data : "the file");
    else
        tg_document_error_at_key(document, path, "unknown key");
    tg_buffer_deinit(&title);
}

static void report_missing_keys(struct tg_document *document, const struct tg_path *path,
                                const struct tg_option_object *object, json_t *value)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        if (!option->is_required || json_object_get(value, option->key))
            continue;
        struct tg_path inner = TG_PATH_KEY(path, option->key);
        struct tg_buffer expected = { 0 };
        tg_load_append_expected(document, &inner, option, true, &expected);
        tg_document_error(document, &inner, "missing; expected %s", expected.data);
        tg_buffer_deinit(&expected);
    }
}

void tg_options_load(struct tg_document *document, const struct tg_path *path,
                     const struct tg_option_object *object, json_t *value, void *base)
{
    if (!json_is_object(value)) {
        bool is_short = object->example && !strchr(object->example, '\n');
        tg_document_error(document, path, "expected an object%s%s", is_short ? " such as " : "",
                          is_short ? object->example : "");
        return;
    }
    const char *key;
    json_t *inner_value;
    json_object_foreach(value, key, inner_value)
    {
        struct tg_path inner = TG_PATH_KEY(path, key);
        const struct tg_option *option = find_option(object, key);
        if (option)
            loaders[option->type](document, &inner, option, inner_value, base);
        else if (strcmp(key, TG_COMMENT_KEY) != 0)
            report_unknown_key(document, &inner, object, key);
    }
    report_missing_keys(document, path, object, value);
}
