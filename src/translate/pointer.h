/* JSON pointers, RFC 6901: compiled once, followed in each message's text. */
#ifndef TIDEGATE_TRANSLATE_POINTER_H
#define TIDEGATE_TRANSLATE_POINTER_H

#include "tidegate/base.h"

struct tg_pointer;

/* `text` begins with "/" (or is empty: the whole document). TG_ERR_INVALID: neither, or a "~" that is not
 * "~0" or "~1". */
enum tg_err tg_pointer_new(struct tg_str text, struct tg_pointer **ret_pointer);
void tg_pointer_free(struct tg_pointer *pointer); /* NULL is fine */

/* What the pointer finds in a text that is JSON: the bytes of the value; empty when there is nothing. Of members with
 * the same name the last one counts. Walks all that lies before the value: for many items of one array use
 * tg_json_walk. */
struct tg_str tg_pointer_slice(const struct tg_pointer *pointer, struct tg_str text);

#endif
