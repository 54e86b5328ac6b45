/* Checks of the keys that a stream's `route` gives other names: a path must be able to have them. */
#include "check.h"

#include <stdlib.h>

static void check_names(struct tg_document *document, const struct tg_path *to,
                        const struct tg_config_stream *stream, struct tg_parameter *const *parameters)
{
    for (const struct tg_config_header *pair = stream->route.to; pair && pair->name; pair++) {
        struct tg_path path = TG_PATH_KEY(to, pair->name);
        if (!tg_document_has_error(document, &path) &&
            !tg_parameters_allow(parameters, stream->parameter_count, tg_str_from(pair->value)))
            tg_document_error(document, &path, "expected a key that paths may have, by \"parameters\"");
    }
}

void tg_config_check_keys(struct tg_document *document, const struct tg_path *path,
                          const struct tg_config_stream *stream)
{
    struct tg_path parameters = TG_PATH_KEY(path, "parameters"), route = TG_PATH_KEY(path, "route");
    struct tg_path to = TG_PATH_KEY(&route, "to");
    size_t count = 0;
    if (!stream->route.to || stream->parameter_count == 0 || tg_document_has_error(document, &parameters))
        return;
    struct tg_parameter **compiled = tg_alloc(stream->parameter_count * sizeof(struct tg_parameter *));
    while (count < stream->parameter_count && !tg_parameter_new(&stream->parameters[count], &compiled[count]))
        count++;
    if (count == stream->parameter_count)
        check_names(document, &to, stream, compiled);
    while (count > 0)
        tg_parameter_free(compiled[--count]);
    free(compiled);
}
