/* Event ids: what may stand in one, so that no browser needs a CORS preflight for Last-Event-ID. */
#include "tidegate/stream.h"

static bool is_id_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '_' || byte == '.' || byte == ':';
}

bool tg_id_is_valid(const char *id, size_t length)
{
    if (length == 0 || length > TG_ID_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_id_byte(id[i]))
            return false;
    return true;
}
