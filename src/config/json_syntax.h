/* What is wrong with a text that should be JSON, in words for people, at the place where it can be mended. Pure. */
#ifndef TIDEGATE_CONFIG_JSON_SYNTAX_H
#define TIDEGATE_CONFIG_JSON_SYNTAX_H

#include "tidegate/base.h"

struct tg_json_fault {
    size_t at; /* offset in the text; may be its end */
    char text[200];
};

/* The first fault against the grammar of JSON (RFC 8259); the root must be an object or an array. False: none was found,
 * which does not say that there is none: characters, duplicate keys and depth are not looked at. */
bool tg_json_find_fault(const char *text, size_t length, struct tg_json_fault *ret_fault);

#endif
