/* Header fields: the parser has checked the lines, so here they are only taken apart. */
#include "fields.h"
#include "request_head.h"

#include <string.h>

bool tg_fields_next(struct tg_str *fields, struct tg_str *ret_name, struct tg_str *ret_value)
{
    const char *end = fields->length > 0 ? memchr(fields->data, '\r', fields->length) : NULL;
    const char *colon = end ? memchr(fields->data, ':', (size_t)(end - fields->data)) : NULL;
    if (!colon)
        return false;
    size_t used = (size_t)(end - fields->data) + 2;
    *ret_name = (struct tg_str){ fields->data, (size_t)(colon - fields->data) };
    *ret_value = tg_str_trim((struct tg_str){ colon + 1, (size_t)(end - colon - 1) });
    if (used > fields->length)
        used = fields->length;
    fields->data += used;
    fields->length -= used;
    return true;
}

enum tg_err tg_fields_join(struct tg_str fields, const char *name, struct tg_buffer *out)
{
    struct tg_str wanted = tg_str_from(name), found, value;
    const char *separator = tg_str_equals_nocase(wanted, TG_STR("cookie")) ? "; " : ", ";
    bool is_first = true;
    while (tg_fields_next(&fields, &found, &value)) {
        if (!tg_str_equals_nocase(found, wanted))
            continue;
        enum tg_err err = is_first ? TG_OK : tg_buffer_append_str(out, separator);
        if (!err)
            err = tg_buffer_append(out, value.data, value.length);
        if (err)
            return err;
        is_first = false;
    }
    return is_first ? TG_ERR_NOT_FOUND : TG_OK;
}

enum tg_err tg_fields_only(struct tg_str fields, const char *name, struct tg_str *ret_value)
{
    struct tg_str wanted = tg_str_from(name), found, value, only = { NULL, 0 };
    bool is_found = false;
    while (tg_fields_next(&fields, &found, &value)) {
        if (!tg_str_equals_nocase(found, wanted))
            continue;
        if (is_found)
            return TG_ERR_INVALID;
        is_found = true;
        only = value;
    }
    if (!is_found)
        return TG_ERR_NOT_FOUND;
    *ret_value = only;
    return TG_OK;
}

static bool find_in_cookies(struct tg_str cookies, struct tg_str name, struct tg_str *ret_value)
{
    while (cookies.length > 0) {
        const char *semicolon = memchr(cookies.data, ';', cookies.length);
        size_t length = semicolon ? (size_t)(semicolon - cookies.data) : cookies.length;
        struct tg_str pair = { cookies.data, length };
        size_t used = semicolon ? length + 1 : length;
        cookies = (struct tg_str){ cookies.data + used, cookies.length - used };

        const char *equals = pair.length > 0 ? memchr(pair.data, '=', pair.length) : NULL;
        if (!equals)
            continue;
        size_t name_length = (size_t)(equals - pair.data);
        if (!tg_str_equals(tg_str_trim((struct tg_str){ pair.data, name_length }), name))
            continue;
        *ret_value = tg_str_trim((struct tg_str){ equals + 1, pair.length - name_length - 1 });
        return true;
    }
    return false;
}

bool tg_fields_cookie(struct tg_str fields, const char *name, struct tg_str *ret_value)
{
    struct tg_str found, value;
    while (tg_fields_next(&fields, &found, &value)) {
        if (tg_str_equals_nocase(found, TG_STR("cookie")) &&
            find_in_cookies(value, tg_str_from(name), ret_value))
            return true;
    }
    return false;
}

bool tg_fields_has_coding(struct tg_str fields)
{
    struct tg_str found, value, coding;
    while (tg_fields_next(&fields, &found, &value)) {
        if (!tg_str_equals_nocase(found, TG_STR("content-encoding")))
            continue;
        while (tg_list_next(&value, &coding)) {
            if (!tg_str_equals_nocase(coding, TG_STR("identity")))
                return true;
        }
    }
    return false;
}
