/* A configuration that has every option. full.c fills in what the table knows, full_form.c holds the rest. */
#ifndef TIDEGATE_CONFIG_FULL_H
#define TIDEGATE_CONFIG_FULL_H

#include "tidegate/base.h"

#include <jansson.h>

/* What the table cannot know: which streams and routes there are, and values of options without default and example.
 * JSON with ' for ". */
extern const char tg_full_form[];

/* Whether the text is a configuration, apart from the files that it names (config.c). */
enum tg_err tg_config_parse_alone(const char *text, size_t length, struct tg_buffer *ret_errors);

/* Appends JSON laid out to be read: what fits on a line stands on one (json_layout.c). */
void tg_json_append_laid_out(struct tg_buffer *out, json_t *value);

#endif
