/* JSON pointers, RFC 6901: compiled once, resolved for each message. */
#ifndef TIDEGATE_TRANSLATE_POINTER_H
#define TIDEGATE_TRANSLATE_POINTER_H

#include "tidegate/base.h"

#include <jansson.h>

struct tg_pointer_token {
    char *key;
    size_t index;
    bool is_index; /* the key reads as an array index: digits without a leading zero */
};

struct tg_pointer {
    struct tg_pointer_token *tokens;
    size_t count;
};

/* `text` begins with "/" (or is empty: the whole document). TG_ERR_INVALID: neither, or a "~" that is not
 * "~0" or
 * "~1". */
enum tg_err tg_pointer_new(const char *text, struct tg_pointer **ret_pointer);
void tg_pointer_free(struct tg_pointer *pointer); /* NULL is fine */

/* What the pointer finds, borrowed from `root`; NULL when there is nothing. */
json_t *tg_pointer_resolve(const struct tg_pointer *pointer, json_t *root);

/* The same in the text itself, which must be valid JSON: the bytes of the value, so that numbers stay as the
 * backend wrote them. Of members with the same name the last one counts, as in tg_pointer_resolve. */
struct tg_str tg_pointer_slice(const struct tg_pointer *pointer, struct tg_str text);
/* Appends valid JSON without the white space between its tokens. */
enum tg_err tg_json_compact(struct tg_buffer *out, struct tg_str json);

#endif
