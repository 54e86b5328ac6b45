/* Finds a compiled-in file by name. */
#include "web.h"

#include "tidegate/app.h"

#include <string.h>

struct tg_str tg_web_file(const char *name)
{
    for (const struct tg_web_entry *entry = tg_web_entries; entry->name; entry++) {
        if (strcmp(entry->name, name) == 0)
            return (struct tg_str){ entry->bytes, entry->length };
    }
    return tg_str_from(NULL);
}
