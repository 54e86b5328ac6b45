/* Inside the config layer: what a loaded configuration keeps, so that its files can be read again. */
#ifndef TIDEGATE_CONFIG_REFRESH_H
#define TIDEGATE_CONFIG_REFRESH_H

#include "document.h"
#include "tidegate/config.h"

/* Fills in `text`, `folder` and each stream's `files`, from a document that has been loaded. */
void tg_config_keep_files(struct tg_config *config, const struct tg_document *document);
void tg_config_files_free(struct tg_config_files *files); /* NULL is fine */

#endif
