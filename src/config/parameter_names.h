/* The parameters of a stream by their names, and what stands in braces: "{symbol}". */
#ifndef TIDEGATE_CONFIG_PARAMETER_NAMES_H
#define TIDEGATE_CONFIG_PARAMETER_NAMES_H

#include "tidegate/config.h"

/* Takes the text up to the next pair of braces, with it, off the text: *ret_name is what stands in them. False: there
 * is none. */
bool tg_config_next_braces(const char **text, struct tg_str *ret_name);
/* Appends what the stream's parameters look like in paths and urls: `"{a}", "{b}" or "{c}"`. */
void tg_config_append_parameters(const struct tg_config_stream *stream, struct tg_buffer *out);
/* NULL: it has none of this name. */
const struct tg_config_parameter *tg_config_find_parameter(const struct tg_config_stream *stream,
                                                           struct tg_str name);

#endif
