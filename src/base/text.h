/* What the base layer's text topics share: UTF-8 decoding and JSON escaping, one character at a time. */
#ifndef TIDEGATE_BASE_TEXT_H
#define TIDEGATE_BASE_TEXT_H

#include "tidegate/base.h"

/* The length (1 to 4) of the valid UTF-8 sequence at the front of `bytes`, and its code point; 0 when
 * there is none. `length` > 0. */
size_t tg_utf8_decode(const char *bytes, size_t length, uint32_t *ret_code_point);

enum { TG_JSON_ESCAPE_MAX = 8 }; /* bytes that one character can become */

/* Writes the first character of `bytes` as the inside of a JSON string and returns how many bytes of the
 * input it took (at least 1). A byte that is no UTF-8 becomes U+FFFD. `length` > 0. */
size_t tg_json_escape(const char *bytes, size_t length, char ret_out[TG_JSON_ESCAPE_MAX],
                      size_t *ret_out_length);

/* True for a byte that tg_json_escape copies as it is, whatever follows it. */
static inline bool tg_json_is_plain(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#endif
