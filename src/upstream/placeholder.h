/* "{name}" in a text, and what stands there instead. Pure. */
#ifndef TIDEGATE_UPSTREAM_PLACEHOLDER_H
#define TIDEGATE_UPSTREAM_PLACEHOLDER_H

#include "tidegate/translate.h"

/* How a value is written in its place. TG_ERR_INVALID: it cannot stand there. */
typedef enum tg_err tg_place_fn(struct tg_buffer *out, struct tg_str value);
enum tg_err tg_place_encoded(struct tg_buffer *out,
                             struct tg_str value); /* all but unreserved characters, RFC 3986 */
enum tg_err tg_place_in_site(struct tg_buffer *out,
                             struct tg_str value); /* letters, digits, ".", "-", ":", "[", "]" */
enum tg_err tg_place_in_header(struct tg_buffer *out, struct tg_str value); /* no control characters */
enum tg_err tg_place_in_json(struct tg_buffer *out, struct tg_str value);   /* UTF-8, within a string */
enum tg_err tg_place_in_text(struct tg_buffer *out, struct tg_str value);   /* UTF-8 */

struct tg_places {
    const struct tg_pair *values;
    size_t count;
};

bool tg_placeholder_is_in(struct tg_str text, const struct tg_places *places);
/* Appends the text; a "{…}" that is the name of nothing stays as it is. What a value holds is never looked at again. */
enum tg_err tg_placeholder_fill(struct tg_buffer *out, struct tg_str text, const struct tg_places *places,
                                tg_place_fn *place);

/* Whether the text is JSON that has placeholders within its strings, or as values. One that begins with a placeholder is
 * just text. */
bool tg_placeholder_is_json(struct tg_str text, const struct tg_places *places);
/* Such a text: within strings as tg_place_in_json, else a value must be JSON itself. */
enum tg_err tg_placeholder_fill_json(struct tg_buffer *out, struct tg_str text,
                                     const struct tg_places *places);

#endif
