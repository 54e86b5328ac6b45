/* JSON pointers: a list of unescaped tokens, each with its array index worked out beforehand. */
#include "pointer.h"

#include <stdlib.h>
#include <string.h>

/* Writes the unescaped token in `text` to `key`, which has room for it. */
static enum tg_err unescape(const char *text, size_t length, char *key)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '~') {
            if (i + 1 == length || (text[i + 1] != '0' && text[i + 1] != '1'))
                return TG_ERR_INVALID;
            c = text[++i] == '0' ? '~' : '/';
        }
        *key++ = c;
    }
    *key = '\0';
    return TG_OK;
}

static bool read_index(const char *key, size_t *ret_index)
{
    size_t index = 0;
    size_t length = strlen(key);

    if (length == 0 || length > 15 || (key[0] == '0' && length > 1))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (key[i] < '0' || key[i] > '9')
            return false;
        index = index * 10 + (size_t)(key[i] - '0');
    }
    *ret_index = index;
    return true;
}

enum tg_err tg_pointer_new(const char *text, struct tg_pointer **ret_pointer)
{
    if (*text != '\0' && *text != '/')
        return TG_ERR_INVALID;

    struct tg_pointer *pointer = tg_alloc(sizeof(*pointer));
    while (*text == '/') {
        text++;
        size_t length = strcspn(text, "/");
        pointer->tokens = tg_realloc_array(pointer->tokens, pointer->count + 1, sizeof(*pointer->tokens));
        struct tg_pointer_token *token = &pointer->tokens[pointer->count++];
        *token = (struct tg_pointer_token){ .key = tg_alloc(length + 1) };
        if (unescape(text, length, token->key) < 0)
            goto fail;
        token->is_index = read_index(token->key, &token->index);
        text += length;
    }
    *ret_pointer = pointer;
    return TG_OK;

fail:
    tg_pointer_free(pointer);
    return TG_ERR_INVALID;
}

void tg_pointer_free(struct tg_pointer *pointer)
{
    if (!pointer)
        return;
    for (size_t i = 0; i < pointer->count; i++)
        free(pointer->tokens[i].key);
    free(pointer->tokens);
    free(pointer);
}

json_t *tg_pointer_resolve(const struct tg_pointer *pointer, json_t *root)
{
    json_t *value = root;

    for (size_t i = 0; i < pointer->count && value; i++) {
        const struct tg_pointer_token *token = &pointer->tokens[i];
        if (json_is_object(value))
            value = json_object_get(value, token->key);
        else if (json_is_array(value) && token->is_index)
            value = json_array_get(value, token->index);
        else
            value = NULL;
    }
    return value;
}
