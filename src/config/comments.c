/* Comments in option objects. They go before anything looks at values, so that a comment may speak of `${NAME}` or of
 * { "$file": … } without meaning it. Which objects are option objects, the table says: a message, or any other JSON
 * that is content, may have a key of this name too. */
#include "comments.h"

#include <string.h>

static void empty_objects(json_t *value, const struct tg_option_object *object);

/* A condition is an object of the table, or a list of conditions. */
static void empty_conditions(json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        empty_conditions(item);
    }
    empty_objects(value, &tg_options_condition);
}

/* By the iterator: the member stays, since positions depend on its place. */
static void empty_comment(json_t *object)
{
    if (json_object_get(object, TG_COMMENT_KEY))
        json_object_iter_set_new(object, json_object_iter_at(object, TG_COMMENT_KEY), json_null());
}

static void empty_below(json_t *value, const struct tg_option *option)
{
    size_t i;
    const char *key;
    json_t *item;
    switch (option->type) {
    case TG_OPTION_OBJECT:
        empty_objects(value, option->object);
        break;
    case TG_OPTION_LIST:
        json_array_foreach(value, i, item)
        {
            empty_objects(item, option->object);
        }
        break;
    case TG_OPTION_MAP:
        empty_comment(value);
        json_object_foreach(value, key, item)
        {
            empty_objects(item, option->object);
        }
        break;
    case TG_OPTION_CONDITION:
    case TG_OPTION_CONDITIONS:
        empty_conditions(value);
        break;
    default:
        break;
    }
}

static void empty_objects(json_t *value, const struct tg_option_object *object)
{
    empty_comment(value);
    for (size_t i = 0; i < object->option_count && json_is_object(value); i++) {
        json_t *below = json_object_get(value, object->options[i].key);
        if (below)
            empty_below(below, &object->options[i]);
    }
}

void tg_document_empty_comments(struct tg_document *document)
{
    empty_objects(document->root, &tg_options_root);
}
