/* Request targets: which form one has, whether its path decodes, whether a host may be one. */
#include "target.h"

#include <string.h>

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What has been decoded so far of the segment at hand: enough to know "." and "..". */
struct segment {
    size_t length;
    size_t dots;
};

static bool segment_is_dots(const struct segment *segment)
{
    return segment->length == segment->dots && (segment->dots == 1 || segment->dots == 2);
}

enum tg_err tg_path_decode(struct tg_str raw, char *out, size_t *ret_length)
{
    struct segment segment = { 0 };
    size_t length = 0;
    for (size_t at = 0; at < raw.length; at++) {
        char byte = raw.data[at];
        if (byte == '%') {
            int high = at + 2 < raw.length ? tg_hex_value(raw.data[at + 1]) : -1;
            int low = at + 2 < raw.length ? tg_hex_value(raw.data[at + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return TG_ERR_INVALID;
            byte = (char)(high * 16 + low);
            at += 2;
        }
        if (byte == '/') {
            if (segment_is_dots(&segment))
                return TG_ERR_INVALID;
            segment = (struct segment){ 0 };
        } else {
            segment.length++;
            segment.dots += byte == '.';
        }
        if (out)
            out[length] = byte;
        length++;
    }
    if (segment_is_dots(&segment))
        return TG_ERR_INVALID;
    *ret_length = length;
    return TG_OK;
}

static bool port_is_valid(const char *digits, size_t length)
{
    unsigned long port = 0;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        port = port * 10 + (unsigned long)(digits[i] - '0');
        if (port > 65535)
            return false;
    }
    return true; /* an empty port is one, RFC 3986 section 3.2.3 */
}

/* RFC 3986 section 3.2.2; of IP literals only the characters are looked at. */
static size_t literal_length(struct tg_str host)
{
    size_t at = 1;
    while (at < host.length && (is_alnum(host.data[at]) || strchr(":.-_~!$&'()*+,;=", host.data[at])))
        at++;
    return at > 2 && at < host.length && host.data[at] == ']' ? at + 1 : 0;
}

static size_t name_length(struct tg_str host)
{
    size_t at = 0;
    while (at < host.length && host.data[at] != ':') {
        char c = host.data[at];
        if (c == '%') {
            if (at + 2 >= host.length || tg_hex_value(host.data[at + 1]) < 0 ||
                tg_hex_value(host.data[at + 2]) < 0)
                return 0;
            at += 3;
        } else if (is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=", c))) {
            at++;
        } else {
            return 0;
        }
    }
    return at;
}

bool tg_host_is_valid(struct tg_str host)
{
    for (size_t i = 0; i < host.length; i++) {
        if (host.data[i] <= ' ' || host.data[i] >= 0x7f)
            return false;
    }
    size_t end = host.length > 0 && host.data[0] == '[' ? literal_length(host) : name_length(host);
    if (end == 0)
        return false;
    if (end == host.length)
        return true;
    return host.data[end] == ':' && port_is_valid(host.data + end + 1, host.length - end - 1);
}

/* The part after the authority, or NULL when it is no absolute-form that we serve. */
static const char *skip_authority(struct tg_str text)
{
    static const char *const schemes[] = { "http://", "https://" };
    const char *end = text.data + text.length;
    for (size_t i = 0; i < TG_COUNT_OF(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (text.length < length ||
            !tg_str_equals_nocase((struct tg_str){ text.data, length }, tg_str_from(schemes[i])))
            continue;
        const char *authority = text.data + length, *at = authority;
        while (at < end && *at != '/' && *at != '?')
            at++;
        return tg_host_is_valid((struct tg_str){ authority, (size_t)(at - authority) }) ? at : NULL;
    }
    return NULL;
}

enum tg_err tg_target_parse(struct tg_str text, bool is_options, struct tg_target *ret_target)
{
    for (size_t i = 0; i < text.length; i++) {
        /* Browsers send more than RFC 3986 allows, but never these. */
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f || text.data[i] == '#')
            return TG_ERR_INVALID;
    }
    struct tg_target target = { 0 };
    if (is_options && tg_str_equals(text, TG_STR("*"))) {
        target.path = text;
        *ret_target = target;
        return TG_OK;
    }
    const char *start = text.data, *end = text.data + text.length;
    if (text.length == 0)
        return TG_ERR_INVALID;
    if (*start != '/') {
        start = skip_authority(text);
        if (!start)
            return TG_ERR_INVALID;
        target.is_absolute = true;
    }
    const char *mark = start < end ? memchr(start, '?', (size_t)(end - start)) : NULL;
    const char *path_end = mark ? mark : end;
    target.path = (struct tg_str){ start, (size_t)(path_end - start) };
    if (target.path.length == 0) /* RFC 9110 section 4.2.3: an empty path is "/" */
        target.path = TG_STR("/");
    if (mark)
        target.query = (struct tg_str){ mark + 1, (size_t)(end - mark - 1) };
    size_t length;
    enum tg_err err = tg_path_decode(target.path, NULL, &length);
    if (err)
        return err;
    *ret_target = target;
    return TG_OK;
}
