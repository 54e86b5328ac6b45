/* Short forms for the rows of the option table, for its files alone: options.c, options_upstream.c,
 * options_stream.c, options_translate.c. */
#ifndef TIDEGATE_CONFIG_OPTION_ROWS_H
#define TIDEGATE_CONFIG_OPTION_ROWS_H

#include "grammar.h"
#include "options.h"

#define AT(type, field) .offset = offsetof(struct type, field)
#define COUNT_AT(type, field) .count_offset = offsetof(struct type, field)
/* The object of the rows `name`_options. */
#define OBJECT(name, ...)                                                                                    \
    static const struct tg_option_object name = { .options = name##_options,                                 \
                                                  .option_count = TG_COUNT_OF(name##_options),               \
                                                  __VA_ARGS__ }

#define MILLISECONDS(n) INT64_C(n)
#define SECONDS(n) (INT64_C(n) * 1000)
#define MINUTES(n) (INT64_C(n) * 60 * 1000)
#define HOURS(n) (INT64_C(n) * 3600 * 1000)
#define DAYS(n) (INT64_C(n) * 24 * 3600 * 1000)
#define KIB(n) (INT64_C(n) << 10)
#define MIB(n) (INT64_C(n) << 20)
#define GIB(n) (INT64_C(n) << 30)

#endif
