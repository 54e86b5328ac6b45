/* Fuzz target: any text as a configuration. It either loads, or gives at least one error. */
#include "tidegate/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    enum tg_err err = tg_config_parse("fuzz.json", (const char *)data, size, &config, &errors);
    if ((err == TG_OK) != (config != NULL) || (err == TG_OK) != (errors.length == 0))
        abort();
    /* Messages quote the input: they must stay lines of UTF-8. */
    if (!tg_utf8_is_valid(errors.data, errors.length))
        abort();
    for (char **line = config ? config->warnings : NULL; line && *line; line++)
        if (!tg_utf8_is_valid(*line, strlen(*line)))
            abort();
    tg_buffer_deinit(&errors);
    tg_config_free(config);
    return 0;
}
