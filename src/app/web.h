/* The files of web/, compiled in: the table that script/embed-files.cmake writes. */
#ifndef TIDEGATE_APP_WEB_H
#define TIDEGATE_APP_WEB_H

#include <stddef.h>

struct tg_web_entry {
    const char *name; /* NULL ends the table */
    const char *bytes;
    size_t length;
};
extern const struct tg_web_entry tg_web_entries[];

#endif
