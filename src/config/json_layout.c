/* JSON laid out to be read: what fits on a line stands on one, anything else has a line for each part. */
#include "full.h"

#include <stdlib.h>

enum { WIDTH = 118, INDENT = 2 };

static void append_scalar(struct tg_buffer *out, json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    tg_buffer_append_str(out, tg_text_or_empty(text));
    free(text);
}

static void append_key(struct tg_buffer *out, const char *key)
{
    json_t *text = json_string(key);
    append_scalar(out, text);
    tg_buffer_append_str(out, ": ");
    json_decref(text);
}

/* A part begins on a line of its own at `indent`, or, without (-1), behind a space. */
static void append_break(struct tg_buffer *out, int indent)
{
    if (indent < 0)
        tg_buffer_append_str(out, " ");
    else
        tg_buffer_appendf(out, "\n%*s", indent, "");
}

static void append_value(struct tg_buffer *out, json_t *value, int indent, size_t width_before);

/* `indent`: of its parts; -1: all of it is one line. */
static void append_parts(struct tg_buffer *out, json_t *value, int indent)
{
    size_t i, count = 0;
    const char *key;
    json_t *part;
    json_array_foreach(value, i, part)
    {
        tg_buffer_append_str(out, i > 0 ? "," : "");
        append_break(out, indent);
        append_value(out, part, indent, 0);
    }
    json_object_foreach(value, key, part)
    {
        size_t start = out->length;
        tg_buffer_append_str(out, count++ > 0 ? "," : "");
        append_break(out, indent);
        append_key(out, key);
        append_value(out, part, indent, out->length - start - (indent > 0 ? (size_t)indent : 0));
    }
    append_break(out, indent < 0 ? indent : indent - INDENT);
}

static void append_value(struct tg_buffer *out, json_t *value, int indent, size_t width_before)
{
    bool is_array = json_is_array(value);
    size_t count = is_array ? json_array_size(value) : json_object_size(value);
    if (count == 0) {
        append_scalar(out, value); /* of empty ones too */
        return;
    }
    struct tg_buffer line = { 0 };
    tg_buffer_append_str(&line, is_array ? "[" : "{");
    append_parts(&line, value, -1);
    tg_buffer_append_str(&line, is_array ? "]" : "}");
    if (indent < 0 || (size_t)indent + width_before + line.length < WIDTH) {
        tg_buffer_append(out, line.data, line.length);
    } else {
        tg_buffer_append_str(out, is_array ? "[" : "{");
        append_parts(out, value, indent + INDENT);
        tg_buffer_append_str(out, is_array ? "]" : "}");
    }
    tg_buffer_deinit(&line);
}

void tg_json_append_laid_out(struct tg_buffer *out, json_t *value)
{
    append_value(out, value, 0, 0);
    tg_buffer_append_str(out, "\n");
}
