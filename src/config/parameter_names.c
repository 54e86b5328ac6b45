/* The names of a stream's parameters, and names in braces. */
#include "parameter_names.h"

#include <string.h>

bool tg_config_next_braces(const char **text, struct tg_str *ret_name)
{
    const char *open = strchr(*text, '{');
    while (open) {
        size_t length = strcspn(open + 1, "{}");
        if (open[1 + length] == '}') {
            *ret_name = (struct tg_str){ open + 1, length };
            *text = open + length + 2;
            return true;
        }
        open = strchr(open + 1, '{');
    }
    return false;
}

void tg_config_append_parameters(const struct tg_config_stream *stream, struct tg_buffer *out)
{
    for (size_t i = 0; i < stream->parameter_count; i++) {
        const char *before = i == 0 ? "" : i + 1 < stream->parameter_count ? ", " : " or ";
        tg_buffer_appendf(out, "%s\"{%s}\"", before, stream->parameters[i].name);
    }
}

const struct tg_config_parameter *tg_config_find_parameter(const struct tg_config_stream *stream,
                                                           struct tg_str name)
{
    for (size_t i = 0; i < stream->parameter_count; i++) {
        if (tg_str_equals(tg_str_from(stream->parameters[i].name), name))
            return &stream->parameters[i];
    }
    return NULL;
}
