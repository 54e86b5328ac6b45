/* The Prometheus text format: names, escaped labels, values. */
#include "exposition.h"

#include <inttypes.h>
#include <string.h>

void tg_exposition_head(struct tg_buffer *out, const char *name, const char *type, const char *help)
{
    tg_buffer_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_label_value(struct tg_buffer *out, const char *value)
{
    size_t length = strlen(value);
    if (!tg_utf8_is_valid(value, length)) {
        tg_buffer_append_str(out, "invalid");
        return;
    }
    for (const char *at = value; *at;) {
        size_t plain = strcspn(at, "\\\"\n");
        tg_buffer_append(out, at, plain);
        at += plain;
        if (*at)
            tg_buffer_append_str(out, *at == '\n' ? "\\n" : *at == '"' ? "\\\"" : "\\\\");
        at += *at != 0;
    }
}

static void append_name(struct tg_buffer *out, const char *name, const struct tg_label *labels)
{
    tg_buffer_append_str(out, name);
    if (!labels || !labels->name)
        return;
    const char *separator = "{";
    for (; labels->name; labels++) {
        tg_buffer_appendf(out, "%s%s=\"", separator, labels->name);
        append_label_value(out, tg_text_or_empty(labels->value));
        tg_buffer_append_str(out, "\"");
        separator = ",";
    }
    tg_buffer_append_str(out, "}");
}

void tg_exposition_count(struct tg_buffer *out, const char *name, const struct tg_label *labels,
                         uint64_t value)
{
    append_name(out, name, labels);
    tg_buffer_appendf(out, " %" PRIu64 "\n", value);
}

void tg_exposition_seconds(struct tg_buffer *out, const char *name, const struct tg_label *labels,
                           double value)
{
    append_name(out, name, labels);
    tg_buffer_appendf(out, " %.6f\n", value);
}
