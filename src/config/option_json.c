/* Values of the option table as JSON. */
#include "option_json.h"

#include <stdlib.h>
#include <string.h>

json_t *tg_option_default_json(const struct tg_option *option)
{
    const char *text = option->default_text;
    if (option->type == TG_OPTION_BOOL)
        return json_boolean(strcmp(text, "true") == 0);
    if (option->type == TG_OPTION_INTEGER)
        return json_integer(strtoll(text, NULL, 10));
    bool is_codes = option->type == TG_OPTION_CODES;
    if (option->type != TG_OPTION_STRINGS && !is_codes)
        return json_string(text);
    json_t *list = json_array();
    while (*text) {
        size_t length = strcspn(text, " ");
        json_array_append_new(list,
                              is_codes ? json_integer(strtoll(text, NULL, 10)) : json_stringn(text, length));
        text += length + strspn(text + length, " ");
    }
    return list;
}

json_t *tg_option_example_json(const struct tg_option *option)
{
    struct tg_buffer text = { 0 };
    tg_buffer_appendf(&text, "{%s}", option->example);
    json_t *object = json_loadb(tg_text_or_empty(text.data), text.length, 0, NULL);
    json_t *value = json_incref(json_object_get(object, option->key));
    json_decref(object);
    tg_buffer_deinit(&text);
    return value;
}
