/* "{name}" in a text, and what stands there instead. Pure. */
#ifndef TIDEGATE_UPSTREAM_PLACEHOLDER_H
#define TIDEGATE_UPSTREAM_PLACEHOLDER_H

#include "tidegate/translate.h"

/* How a value is written in its place. TG_ERR_INVALID: it cannot stand there. */
typedef enum tg_err tg_place_fn(struct tg_buffer *out, struct tg_str value);
enum tg_err tg_place_encoded(struct tg_buffer *out,
                             struct tg_str value); /* all but unreserved characters, RFC 3986 */
enum tg_err tg_place_in_site(struct tg_buffer *out,
                             struct tg_str value); /* letters, digits, ".", "-", "_", ":", "[", "]" */
enum tg_err tg_place_in_header(struct tg_buffer *out,
                               struct tg_str value);                      /* no control characters but tabs */
enum tg_err tg_place_in_json(struct tg_buffer *out, struct tg_str value); /* UTF-8, within a string */
enum tg_err tg_place_in_xml(struct tg_buffer *out, struct tg_str value);  /* UTF-8, in text or an attribute */
enum tg_err tg_place_in_text(struct tg_buffer *out, struct tg_str value); /* UTF-8, one line */
enum tg_err tg_place_in_utf8(struct tg_buffer *out, struct tg_str value); /* UTF-8 */

struct tg_places {
    const struct tg_pair *values;
    size_t count;
};

bool tg_placeholder_is_in(struct tg_str text, const struct tg_places *places);
bool tg_placeholder_is_at(struct tg_str text, size_t at, const struct tg_places *places);
bool tg_placeholder_is_all(struct tg_str text, const struct tg_places *places); /* one, and nothing else */

/* Appends the text; a "{…}" that is the name of nothing stays as it is. What a value holds is never looked at again. */
enum tg_err tg_placeholder_fill(struct tg_buffer *out, struct tg_str text, const struct tg_places *places,
                                tg_place_fn *place);
/* Within double quotes, in which a backslash takes the next character along, and elsewhere. */
enum tg_err tg_placeholder_fill_quoted(struct tg_buffer *out, struct tg_str text,
                                       const struct tg_places *places, tg_place_fn *within_quotes,
                                       tg_place_fn *elsewhere);
/* A message, by what it is. JSON, also behind other text: within strings as tg_place_in_json (and JSON in a string counts
 * as JSON), else a value must be JSON itself. XML: as tg_place_in_xml. Other text: within double quotes as
 * tg_place_in_json, else as tg_place_in_text. A text that is one placeholder and nothing else: any UTF-8. */
enum tg_err tg_placeholder_fill_message(struct tg_buffer *out, struct tg_str text,
                                        const struct tg_places *places);

#endif
