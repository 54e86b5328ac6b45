/* The metrics page, made of the other layers' figures by tables. */
#ifndef TIDEGATE_ADMIN_METRICS_H
#define TIDEGATE_ADMIN_METRICS_H

#include "tidegate/admin.h"

void tg_metrics_write(const struct tg_admin_sources *sources, struct tg_buffer *out);

#endif
