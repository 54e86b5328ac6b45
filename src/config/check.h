/* What one option alone cannot tell: checks across options. */
#ifndef TIDEGATE_CONFIG_CHECK_H
#define TIDEGATE_CONFIG_CHECK_H

#include "document.h"
#include "tidegate/config.h"

/* Reports everything that does not fit together, and fills in what follows from several options (the
 * listener that an absent `listen` stands for, a route's stream_index). */
void tg_config_check(struct tg_document *document, struct tg_config *config);

/* The part for one stream; in check_upstream.c. */
void tg_config_check_upstream(struct tg_document *document, const struct tg_path *path,
                              const struct tg_config_upstream *upstream);

#endif
