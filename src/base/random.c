/* Randomness of the kernel. */
#include "tidegate/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void tg_random_bytes(void *ret_bytes, size_t length)
{
    char *to = ret_bytes;
    while (length > 0) {
        ssize_t got = getrandom(to, length, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            tg_log(TG_LOG_ERROR, "base", "no_randomness", TG_F_STR("error", strerror(errno)));
            abort();
        }
        to += got;
        length -= (size_t)got;
    }
}

uint64_t tg_random_below(uint64_t bound)
{
    if (bound < 2)
        return 0;
    /* 2^64 mod bound: below it, the low results would be more likely. */
    uint64_t unfair = (0 - bound) % bound;
    uint64_t value;
    do {
        tg_random_bytes(&value, sizeof(value));
    } while (value < unfair);
    return value % bound;
}
