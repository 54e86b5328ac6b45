/* Writes the Prometheus text exposition format, version 0.0.4. Pure.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#ifndef TIDEGATE_ADMIN_EXPOSITION_H
#define TIDEGATE_ADMIN_EXPOSITION_H

#include "tidegate/base.h"

struct tg_label {
    const char *name;  /* NULL ends a list */
    const char *value; /* escaped; "invalid" stands for what is not UTF-8 */
};

/* The two lines before a family's samples, which must follow together. `type`: "counter", "gauge". */
void tg_exposition_head(struct tg_buffer *out, const char *name, const char *type, const char *help);
/* `labels` may be NULL. */
void tg_exposition_count(struct tg_buffer *out, const char *name, const struct tg_label *labels,
                         uint64_t value);
void tg_exposition_seconds(struct tg_buffer *out, const char *name, const struct tg_label *labels,
                           double value);

#endif
