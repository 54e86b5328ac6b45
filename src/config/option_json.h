/* Values of the option table as JSON, for what is generated from it. The caller owns them. */
#ifndef TIDEGATE_CONFIG_OPTION_JSON_H
#define TIDEGATE_CONFIG_OPTION_JSON_H

#include "options.h"

#include <jansson.h>

/* The default, as it would stand in the file; only for options that have one. */
json_t *tg_option_default_json(const struct tg_option *option);
/* The value of the option in its example; only for options that have one. */
json_t *tg_option_example_json(const struct tg_option *option);

#endif
