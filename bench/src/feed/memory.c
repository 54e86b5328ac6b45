#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

static void *expect(void *data)
{
    if (!data) {
        fputs("tg-feed: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return data;
}

void *feed_realloc(void *data, size_t size)
{
    return expect(realloc(data, size));
}

void *feed_alloc(size_t size)
{
    return expect(calloc(1, size));
}
