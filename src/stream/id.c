/* Event ids: what may stand in one, so that no browser needs a CORS preflight for Last-Event-ID. */
#include "id.h"

#include <string.h>

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

size_t id_write(char *out, const char *epoch, size_t epoch_length, uint64_t seq)
{
    char digits[20];
    size_t count = 0;

    do
        digits[sizeof digits - ++count] = (char)('0' + seq % 10);
    while ((seq /= 10) > 0);
    memcpy(out, epoch, epoch_length);
    out[epoch_length] = '-';
    memcpy(out + epoch_length + 1, digits + sizeof digits - count, count);
    return epoch_length + 1 + count;
}
