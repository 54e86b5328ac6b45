/* What an answer's Content-Type says about its body (RFC 9110 section 8.3), and where a text begins. Pure. */
#ifndef TIDEGATE_UPSTREAM_CONTENT_H
#define TIDEGATE_UPSTREAM_CONTENT_H

#include "tidegate/base.h"

enum tg_content {
    TG_CONTENT_UNKNOWN, /* it says nothing */
    TG_CONTENT_TEXT,    /* text, JSON, XML or JavaScript */
    TG_CONTENT_BINARY,
};
enum tg_content tg_content_of(struct tg_str content_type);
/* Whether it names one of these media types, whatever its parameters. Several Content-Type lines are one list, with
 * commas. A type of the list may end with a star for its second half, or for both. `types` ends with NULL; it may be
 * NULL. */
bool tg_content_is_any(struct tg_str content_type, const char *const *types);
bool tg_content_has_type(struct tg_str content_type);
/* Whether it names web pages and nothing else. */
bool tg_content_is_page(struct tg_str content_type);
/* Whether a text looks like a web page and not like other XML: some backends label everything as HTML. */
bool tg_content_looks_like_page(struct tg_str text);

/* A text without the byte order mark that some backends put before it. */
struct tg_str tg_content_without_mark(struct tg_str text);

#endif
