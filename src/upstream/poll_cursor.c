/* Cursors. JSON is read and changed as text, so that everything else in it stays as it was written. */
#include "poll_cursor.h"

#include "placeholder.h"
#include "target.h"
#include "tidegate/translate.h"

#include <stdlib.h>
#include <string.h>

/* What the pointer finds; empty: nothing. */
static struct tg_str find(struct tg_str pointer_text, struct tg_str json)
{
    struct tg_pointer *pointer;

    if (tg_pointer_new(pointer_text, &pointer) < 0)
        return (struct tg_str){ "", 0 };
    struct tg_str value = tg_pointer_slice(pointer, json);
    tg_pointer_free(pointer);
    return value;
}

static bool is_json(struct tg_str text)
{
    return tg_utf8_is_valid(text.data, text.length) && tg_json_check(text);
}

/* ---- from an answer --------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number(struct tg_str value)
{
    return value.length > 0 && (*value.data == '-' || is_digit(*value.data));
}

static bool is_integer(struct tg_str number)
{
    for (size_t i = 0; i < number.length; i++)
        if (!is_digit(number.data[i]) && (i > 0 || *number.data != '-'))
            return false;
    return true;
}

/* Of an integer with more digits than fit into 64 bits: its sign stays, and the sum is carried from digit to digit. */
static enum tg_err append_long_sum(struct tg_buffer *out, struct tg_str integer, int64_t add)
{
    bool is_negative = *integer.data == '-';
    int64_t carry = is_negative ? -add : add;
    enum tg_err err = tg_buffer_append(out, is_negative ? "-0" : "0", is_negative ? 2 : 1);
    size_t first = out->length - 1;

    if (err == TG_OK)
        err = tg_buffer_append(out, integer.data + is_negative, integer.length - is_negative);
    if (err < 0)
        return err;
    for (size_t i = out->length; i > first && carry != 0; i--) {
        int64_t sum = out->data[i - 1] - '0' + carry;
        int64_t digit = ((sum % 10) + 10) % 10;
        out->data[i - 1] = (char)('0' + digit);
        carry = (sum - digit) / 10;
    }
    size_t zeros = strspn(out->data + first, "0");
    memmove(out->data + first, out->data + first + zeros, out->length - first - zeros + 1);
    out->length -= zeros;
    return TG_OK;
}

static enum tg_err append_sum(struct tg_buffer *out, struct tg_str integer, int64_t add)
{
    enum { SHORT = 18 }; /* digits and a sign that are never too much for 64 bits, with what is added */
    char text[SHORT + 1] = "";

    if (add == 0)
        return tg_buffer_append(out, integer.data, integer.length);
    if (integer.length > SHORT)
        return append_long_sum(out, integer, add);
    memcpy(text, integer.data, integer.length);
    return tg_buffer_appendf(out, "%lld", strtoll(text, NULL, 10) + add);
}

/* Whether the pointer asks for the last element of a list that is empty. */
static bool is_end_of_nothing(const char *from, struct tg_str json)
{
    for (const char *at = strstr(from, "/-"); at; at = strstr(at + 1, "/-")) {
        struct tg_str list = find((struct tg_str){ from, (size_t)(at - from) }, json);
        bool is_last = at[2] == '\0' || at[2] == '/';
        if (is_last && list.length > 1 && *list.data == '[' &&
            list.data[1 + strspn(list.data + 1, " \t\r\n")] == ']')
            return true;
    }
    return false;
}

/* What is there instead of a cursor; NULL: one that says nothing. */
static const char *look_at(const struct tg_config_cursor *config, struct tg_str json, struct tg_str value)
{
    if (value.length == 0)
        return is_end_of_nothing(config->from, json) ? NULL : "nothing";
    if (*value.data == 'n' || tg_str_equals(value, TG_STR("\"\"")))
        return NULL;
    return config->add != 0 ? "no integer" : "no string or number";
}

enum tg_err tg_poll_cursor_read(const struct tg_config_cursor *config, struct tg_str text,
                                struct tg_buffer *cursor, bool *ret_is_number, const char **ret_finds)
{
    struct tg_buffer scratch = { 0 }, read = { 0 };
    struct tg_str characters;
    enum tg_err err = TG_ERR_NOT_FOUND;

    if (!is_json(text)) {
        *ret_finds = "no JSON";
        return err;
    }
    struct tg_str value = find(tg_str_from(config->from), text);
    bool has_number = is_number(value) && (config->add == 0 || is_integer(value));
    bool has_string = value.length > strlen("\"\"") && *value.data == '"' && config->add == 0;
    if (has_number)
        err = append_sum(&read, value, config->add);
    else if (has_string && (err = tg_json_string(value, &scratch, &characters)) == TG_OK)
        err = tg_buffer_append(&read, characters.data, characters.length);
    if (err == TG_ERR_NOT_FOUND) {
        const char *finds = look_at(config, text, value);
        if (finds)
            *ret_finds = finds;
        else
            err = TG_ERR_CLOSED;
    }
    tg_buffer_deinit(&scratch);
    if (err < 0) {
        tg_buffer_deinit(&read);
        return err;
    }
    tg_buffer_deinit(cursor);
    *cursor = read;
    *ret_is_number = has_number;
    return TG_OK;
}

/* ---- into a query ----------------------------------------------------------------------------- */

enum tg_err tg_poll_cursor_add_to_path(struct tg_buffer *out, const char *path, const char *name,
                                       struct tg_str cursor)
{
    const char *query = strchr(path, '?');
    size_t length = strlen(path), before = out->length;
    bool is_open = query && (path[length - 1] == '?' || path[length - 1] == '&');

    if (cursor.length > TG_TARGET_PATH_MAX)
        return TG_ERR_TOO_LARGE;
    enum tg_err err = tg_buffer_append(out, path, length);
    if (err == TG_OK && !is_open)
        err = tg_buffer_append_str(out, query ? "&" : "?");
    if (err == TG_OK)
        err = tg_place_encoded(out, tg_str_from(name));
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "=");
    if (err == TG_OK)
        err = tg_place_encoded(out, cursor);
    if (err == TG_OK && out->length - before > TG_TARGET_PATH_MAX)
        err = TG_ERR_TOO_LARGE;
    return err;
}

/* ---- into a body ------------------------------------------------------------------------------ */

static enum tg_err append_value(struct tg_buffer *out, struct tg_str cursor, bool has_number)
{
    if (has_number)
        return tg_buffer_append(out, cursor.data, cursor.length);
    enum tg_err err = tg_buffer_append_str(out, "\"");
    if (err == TG_OK)
        err = tg_buffer_append_json(out, cursor.data, cursor.length);
    return err == TG_OK ? tg_buffer_append_str(out, "\"") : err;
}

/* A pointer's token as a member's name: `"name":` */
static enum tg_err append_name(struct tg_buffer *out, struct tg_str token)
{
    struct tg_buffer name = { 0 };
    enum tg_err err = tg_buffer_append_str(out, "\"");

    for (size_t i = 0; i < token.length && err == TG_OK; i++) {
        bool is_escape = token.data[i] == '~' && i + 1 < token.length;
        const char *character = !is_escape ? &token.data[i] : token.data[++i] == '1' ? "/" : "~";
        err = tg_buffer_append(&name, character, 1);
    }
    if (err == TG_OK)
        err = tg_buffer_append_json(out, tg_text_or_empty(name.data), name.length);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\":");
    tg_buffer_deinit(&name);
    return err;
}

/* The members for `path`, "/a/b": `"a":{"b":<the cursor>}` */
static enum tg_err append_members(struct tg_buffer *out, const char *path, struct tg_str cursor,
                                  bool has_number)
{
    enum tg_err err = TG_OK;
    size_t depth = 0;

    while (*path == '/' && err == TG_OK) {
        size_t length = strcspn(path + 1, "/");
        if (depth++ > 0)
            err = tg_buffer_append_str(out, "{");
        if (err == TG_OK)
            err = append_name(out, (struct tg_str){ path + 1, length });
        path += 1 + length;
    }
    if (err == TG_OK)
        err = append_value(out, cursor, has_number);
    while (depth-- > 1 && err == TG_OK)
        err = tg_buffer_append_str(out, "}");
    return err;
}

static bool is_empty_object(struct tg_str object)
{
    return object.data[1 + strspn(object.data + 1, " \t\r\n")] == '}';
}

enum tg_err tg_poll_cursor_add_to_body(struct tg_buffer *out, struct tg_str body, const char *pointer,
                                       struct tg_str cursor, bool has_number)
{
    struct tg_str path = tg_str_from(pointer), place;
    enum tg_err err;

    if ((*pointer && *pointer != '/') || !is_json(body))
        return TG_ERR_INVALID;
    while ((place = find(path, body)).length == 0 && path.length > 0)
        do
            path.length--;
        while (path.data[path.length] != '/');
    const char *missing = pointer + path.length;
    if (place.length == 0 || (*missing && *place.data != '{'))
        return TG_ERR_INVALID;

    const char *end = body.data + body.length;
    const char *from = *missing ? place.data + 1 : place.data;    /* what comes before stays, */
    const char *to = *missing ? from : place.data + place.length; /* and so does what comes from here */
    err = tg_buffer_append(out, body.data, (size_t)(from - body.data));
    if (err == TG_OK)
        err = *missing ? append_members(out, missing, cursor, has_number)
                       : append_value(out, cursor, has_number);
    if (err == TG_OK && *missing && !is_empty_object(place))
        err = tg_buffer_append_str(out, ",");
    return err == TG_OK ? tg_buffer_append(out, to, (size_t)(end - to)) : err;
}
