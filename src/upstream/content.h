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
/* Whether it is this media type, such as "text/html", whatever its parameters. */
bool tg_content_is(struct tg_str content_type, const char *media_type);

/* A text without the byte order mark that some backends put before it. */
struct tg_str tg_content_without_mark(struct tg_str text);

#endif
