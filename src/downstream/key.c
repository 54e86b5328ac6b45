/* Joining values to a key. */
#include "key.h"

static enum tg_err append_escaped(struct tg_buffer *out, struct tg_str value)
{
    enum tg_err err = TG_OK;
    for (size_t i = 0; i < value.length && !err; i++) {
        if (value.data[i] == '/')
            err = tg_buffer_append_str(out, "%2F");
        else if (value.data[i] == '%')
            err = tg_buffer_append_str(out, "%25");
        else
            err = tg_buffer_append(out, &value.data[i], 1);
    }
    return err;
}

enum tg_err tg_key_join(const struct tg_str *values, size_t count, struct tg_buffer *out)
{
    if (count == 1)
        return tg_buffer_append(out, values[0].data, values[0].length);
    enum tg_err err = TG_OK;
    for (size_t i = 0; i < count && !err; i++) {
        err = i == 0 ? TG_OK : tg_buffer_append_str(out, "/");
        if (!err)
            err = append_escaped(out, values[i]);
    }
    return err;
}
