/* The one list of error texts. */
#include "tidegate/base.h"

static const char *const texts[] = {
    [-TG_OK] = "no error",
    [-TG_ERR_MEMORY] = "out of memory",
    [-TG_ERR_INVALID] = "invalid input",
    [-TG_ERR_TOO_LARGE] = "too large",
    [-TG_ERR_NOT_FOUND] = "not found",
    [-TG_ERR_IO] = "input/output error",
    [-TG_ERR_AGAIN] = "would block",
    [-TG_ERR_CLOSED] = "closed",
    [-TG_ERR_LIMIT] = "limit reached",
    [-TG_ERR_TIMEOUT] = "timed out",
    [-TG_ERR_PROTOCOL] = "protocol error",
    [-TG_ERR_TLS] = "TLS error",
    [-TG_ERR_IN_USE] = "in use",
};

_Static_assert(TG_COUNT_OF(texts) == -TG_ERR_LAST + 1, "each error needs its text");

const char *tg_err_text(enum tg_err err)
{
    int index = -(int)err;
    if (index < 0 || index > -TG_ERR_LAST || !texts[index])
        return "unknown error";
    return texts[index];
}
