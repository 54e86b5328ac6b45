/* JSON pointers: a list of tokens, each as the member's name that it stands for and, if it reads as one, an index. RFC 6901
 * lets "-" stand for the element after an array's last one, which never is there; here it is the last one. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

struct token {
    struct tg_buffer name; /* a JSON string */
    size_t index;
    bool is_index; /* digits without a leading zero */
    bool is_last;  /* "-" */
};

struct tg_pointer {
    struct token *tokens;
    size_t count;
};

/* Appends the unescaped token in `text` to `key`. */
static enum tg_err unescape(struct tg_str text, struct tg_buffer *key)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '~') {
            if (i + 1 == text.length || (text.data[i + 1] != '0' && text.data[i + 1] != '1'))
                return TG_ERR_INVALID;
            c = text.data[++i] == '0' ? '~' : '/';
        }
        if (tg_buffer_append(key, &c, 1) < 0)
            return TG_ERR_MEMORY;
    }
    return TG_OK;
}

static bool read_index(struct tg_str text, size_t *ret_index)
{
    size_t index = 0;

    if (text.length == 0 || text.length > 15 || (*text.data == '0' && text.length > 1))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        index = index * 10 + (size_t)(text.data[i] - '0');
    }
    *ret_index = index;
    return true;
}

static enum tg_err token_init(struct token *token, struct tg_str text)
{
    struct tg_buffer key = { 0 };
    enum tg_err err = unescape(text, &key);

    if (!err)
        err = tg_buffer_append_str(&token->name, "\"");
    if (!err)
        err = tg_buffer_append_json(&token->name, key.data, key.length);
    if (!err)
        err = tg_buffer_append_str(&token->name, "\"");
    tg_buffer_deinit(&key);
    token->is_index = read_index(text, &token->index);
    token->is_last = tg_str_equals(text, TG_STR("-"));
    return err;
}

enum tg_err tg_pointer_new(struct tg_str text, struct tg_pointer **ret_pointer)
{
    const char *at = text.data, *end = text.data + text.length;

    if (at < end && *at != '/')
        return TG_ERR_INVALID;

    struct tg_pointer *pointer = tg_alloc(sizeof(*pointer));
    while (at < end) {
        const char *start = at + 1;
        const char *slash = memchr(start, '/', (size_t)(end - start));
        at = slash ? slash : end;
        pointer->tokens = tg_realloc_array(pointer->tokens, pointer->count + 1, sizeof(*pointer->tokens));
        struct token *token = &pointer->tokens[pointer->count++];
        *token = (struct token){ 0 };
        enum tg_err err = token_init(token, (struct tg_str){ start, (size_t)(at - start) });
        if (err) {
            tg_pointer_free(pointer);
            return err;
        }
    }
    *ret_pointer = pointer;
    return TG_OK;
}

void tg_pointer_free(struct tg_pointer *pointer)
{
    if (!pointer)
        return;
    for (size_t i = 0; i < pointer->count; i++)
        tg_buffer_deinit(&pointer->tokens[i].name);
    free(pointer->tokens);
    free(pointer);
}

static struct tg_str item_of(struct tg_str array, const struct token *token)
{
    if (token->is_index)
        return tg_json_item(array, token->index);
    return token->is_last ? tg_json_last_item(array) : (struct tg_str){ NULL, 0 };
}

struct tg_str tg_pointer_slice(const struct tg_pointer *pointer, struct tg_str text)
{
    struct tg_str value = tg_json_root(text);

    for (size_t i = 0; i < pointer->count && value.length > 0; i++) {
        const struct token *token = &pointer->tokens[i];
        enum tg_json_kind kind = tg_json_kind(value);
        if (kind == TG_JSON_OBJECT)
            value = tg_json_member(value, (struct tg_str){ token->name.data, token->name.length });
        else if (kind == TG_JSON_ARRAY)
            value = item_of(value, token);
        else
            value = (struct tg_str){ NULL, 0 };
    }
    return value;
}
