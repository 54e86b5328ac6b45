/* Allocation that ends the process when memory is out, for small control structures. */
#include "tidegate/base.h"

#include <stdlib.h>
#include <string.h>

static void __attribute__((noreturn)) die_out_of_memory(size_t size)
{
    tg_log(TG_LOG_ERROR, "base", "out_of_memory", TG_F_INT("bytes", size));
    abort();
}

void *tg_alloc(size_t size)
{
    /* Zero bytes may give NULL, which must mean failure only. */
    void *block = calloc(1, size ? size : 1);
    if (!block)
        die_out_of_memory(size);
    return block;
}

void *tg_realloc_array(void *block, size_t count, size_t item_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        die_out_of_memory(SIZE_MAX);
    void *moved = realloc(block, size ? size : 1);
    if (!moved)
        die_out_of_memory(size);
    return moved;
}

char *tg_strdup(const char *text)
{
    return tg_strndup(text, strlen(text));
}

char *tg_strndup(const char *text, size_t length)
{
    length = strnlen(text, length);
    char *copy = malloc(length + 1);
    if (!copy)
        die_out_of_memory(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}
