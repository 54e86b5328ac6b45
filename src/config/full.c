/* The full configuration, made of the form and the option table:
 *
 *   form ─► mark what stands in it ─► put in every other option where the loader takes it ─► order, comments ─► text
 *
 * The loader itself is asked whether an option may stand in a place, so nothing here knows which options exclude each
 * other or belong to which kind and scope. It is asked for the one stream at hand: a filter in another one would cost
 * each question its compilation. */
#include "full.h"

#include "comments.h"
#include "option_json.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 1000 };

struct filling {
    json_t *root;
    const char *stream; /* at hand; NULL: none */
    struct placed {
        const struct tg_option *option;
        bool is_done; /* with its default, if it has one */
    } placed[OPTIONS_MAX];
    size_t placed_count;
};

typedef void visit_object(struct filling *filling, json_t *value, const struct tg_option_object *object);

static struct placed *find_placed(struct filling *filling, const struct tg_option *option)
{
    for (size_t i = 0; i < filling->placed_count; i++) {
        if (filling->placed[i].option == option)
            return &filling->placed[i];
    }
    return NULL;
}

static bool is_default(const struct tg_option *option, json_t *value)
{
    json_t *standard = option->default_text ? tg_option_default_json(option) : NULL;
    bool is_equal = standard && json_equal(standard, value);
    json_decref(standard);
    return is_equal;
}

/* ---- walking ------------------------------------------------------------------------------------------ */

static void visit_conditions(struct filling *filling, json_t *value, visit_object *visit)
{
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        visit_conditions(filling, item, visit);
    }
    if (json_is_object(value))
        visit(filling, value, &tg_options_condition);
}

static void visit_map(struct filling *filling, json_t *map, const struct tg_option *option,
                      visit_object *visit)
{
    const char *key;
    json_t *item;
    json_object_foreach(map, key, item)
    {
        bool is_stream = option->object == &tg_options_stream;
        if (is_stream)
            filling->stream = key;
        visit(filling, item, option->object);
        if (is_stream)
            filling->stream = NULL;
    }
}

/* Visits the objects that the option's value consists of. */
static void visit_below(struct filling *filling, json_t *value, const struct tg_option *option,
                        visit_object *visit)
{
    size_t i;
    json_t *item;
    switch (option->type) {
    case TG_OPTION_OBJECT:
        visit(filling, value, option->object);
        break;
    case TG_OPTION_LIST:
        json_array_foreach(value, i, item)
        {
            visit(filling, item, option->object);
        }
        break;
    case TG_OPTION_MAP:
        visit_map(filling, value, option, visit);
        break;
    case TG_OPTION_CONDITION:
    case TG_OPTION_CONDITIONS:
        visit_conditions(filling, value, visit);
        break;
    default:
        break;
    }
}

/* ---- filling in --------------------------------------------------------------------------------------- */

static void note_placed(struct filling *filling, const struct tg_option *option, json_t *value)
{
    struct placed *placed = find_placed(filling, option);
    if (!placed && filling->placed_count < OPTIONS_MAX) {
        placed = &filling->placed[filling->placed_count++];
        *placed = (struct placed){ .option = option };
    }
    if (placed)
        placed->is_done = placed->is_done || !option->default_text || is_default(option, value);
}

static void mark(struct filling *filling, json_t *value, const struct tg_option_object *object)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *below = json_object_get(value, option->key);
        if (!below)
            continue;
        note_placed(filling, option, below);
        visit_below(filling, below, option, mark);
    }
}

/* The stream at hand with its routes, or all of it. */
static json_t *select_part(const struct filling *filling)
{
    if (!filling->stream)
        return json_incref(filling->root);
    json_t *streams = json_object_get(filling->root, "streams"), *routes = json_array(), *route;
    size_t i;
    json_array_foreach(json_object_get(filling->root, "routes"), i, route)
    {
        const char *stream = json_string_value(json_object_get(route, "stream"));
        if (stream && strcmp(stream, filling->stream) == 0)
            json_array_append(routes, route);
    }
    return json_pack("{s:{s:O}, s:o}", "streams", filling->stream, json_object_get(streams, filling->stream),
                     "routes", routes);
}

static bool is_accepted(const struct filling *filling)
{
    struct tg_buffer errors = { 0 };
    json_t *part = select_part(filling);
    char *text = json_dumps(part, JSON_COMPACT);
    bool is_good = text && tg_config_parse_alone(text, strlen(text), &errors) == TG_OK;
    free(text);
    json_decref(part);
    tg_buffer_deinit(&errors);
    return is_good;
}

/* Of an example, what has defaults goes: they are filled in. */
static json_t *make_value(const struct tg_option *option)
{
    if (option->default_text)
        return tg_option_default_json(option);
    json_t *value = option->example                    ? tg_option_example_json(option)
                    : option->type == TG_OPTION_OBJECT ? json_object()
                                                       : NULL;
    for (size_t i = 0; option->type == TG_OPTION_OBJECT && i < option->object->option_count; i++) {
        if (option->object->options[i].default_text)
            json_object_del(value, option->object->options[i].key);
    }
    return value;
}

static void fill(struct filling *filling, json_t *value, const struct tg_option_object *object)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *below = json_object_get(value, option->key);
        struct placed *placed = find_placed(filling, option);
        if (!below && !(placed && placed->is_done)) {
            json_object_set_new(value, option->key, make_value(option));
            below = json_object_get(value, option->key);
            if (below && is_accepted(filling)) {
                mark(filling, value, object);
            } else if (below) {
                json_object_del(value, option->key);
                below = NULL;
            }
        }
        if (below)
            visit_below(filling, below, option, fill);
    }
}

/* ---- order and comments ------------------------------------------------------------------------------- */

/* Where an object has both, it says which of its values are no defaults; those that must be given are none anyway. */
static void append_examples(const struct tg_option_object *object, json_t *value, struct tg_buffer *comment)
{
    struct tg_buffer examples = { 0 };
    bool has_defaults = false;
    for (size_t i = 0; i < object->option_count && object != &tg_options_condition; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *below = json_object_get(value, option->key);
        if (!below || option->object || option->type == TG_OPTION_IGNORED)
            continue;
        if (is_default(option, below))
            has_defaults = true;
        else if (!option->is_required)
            tg_buffer_appendf(&examples, "%s%s", examples.length > 0 ? ", " : "", option->key);
    }
    if (has_defaults && examples.length > 0)
        tg_buffer_appendf(comment, "%sExamples, not defaults: %s.", comment->length > 0 ? " " : "",
                          examples.data);
    tg_buffer_deinit(&examples);
}

static void arrange(struct filling *filling, json_t *value, const struct tg_option_object *object)
{
    json_t *copy = json_copy(value), *note = json_object_get(copy, TG_COMMENT_KEY);
    struct tg_buffer comment = { 0 };
    tg_buffer_append_str(&comment, note ? json_string_value(note) : "");
    append_examples(object, copy, &comment);
    json_object_clear(value);
    if (comment.length > 0)
        json_object_set_new(value, TG_COMMENT_KEY, json_string(comment.data));
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *below = json_object_get(copy, option->key);
        if (!below)
            continue;
        json_object_set(value, option->key, below);
        visit_below(filling, below, option, arrange);
    }
    json_decref(copy);
    tg_buffer_deinit(&comment);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static void report_unplaced(struct filling *filling, const struct tg_option_object *object, const char *title,
                            struct tg_buffer *ret_errors)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        struct tg_buffer inner = { 0 };
        tg_buffer_appendf(&inner, "%s%s%s", title, *title ? "." : "", option->key);
        if (!find_placed(filling, option))
            tg_buffer_appendf(
                ret_errors,
                "no place for the option %s: give it an example in the option table, or a place in "
                "src/config/full_form.c\n",
                inner.data);
        else if (option->object)
            report_unplaced(filling, option->object, inner.data, ret_errors);
        tg_buffer_deinit(&inner);
    }
}

static json_t *load_form(void)
{
    char *text = tg_strdup(tg_full_form);
    for (char *at = text; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    json_t *form = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return form;
}

enum tg_err tg_config_full(struct tg_buffer *out, struct tg_buffer *ret_errors)
{
    struct filling *filling = tg_alloc(sizeof(*filling));
    size_t errors_before = ret_errors->length;
    filling->root = load_form();
    mark(filling, filling->root, &tg_options_root);
    fill(filling, filling->root, &tg_options_root);
    report_unplaced(filling, &tg_options_root, "", ret_errors);
    report_unplaced(filling, &tg_options_condition, "", ret_errors);
    bool is_whole = ret_errors->length == errors_before;
    if (is_whole) {
        arrange(filling, filling->root, &tg_options_root);
        tg_json_append_laid_out(out, filling->root);
    }
    json_decref(filling->root);
    free(filling);
    return is_whole ? TG_OK : TG_ERR_INVALID;
}
