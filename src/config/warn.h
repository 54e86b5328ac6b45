/* What is valid, but most likely a mistake: options without effect, streams that nobody reaches, and the like. Each warning
 * goes away when its cause is mended. */
#ifndef TIDEGATE_CONFIG_WARN_H
#define TIDEGATE_CONFIG_WARN_H

#include "document.h"
#include "tidegate/config.h"

/* For a configuration without errors. */
void tg_config_warn(struct tg_document *document, const struct tg_config *config);

/* Its parts. `path` is that of the stream. */
void tg_config_warn_stream(struct tg_document *document, const struct tg_path *path,
                           const struct tg_config *config, const struct tg_config_stream *stream);
void tg_config_warn_upstream(struct tg_document *document, const struct tg_path *path,
                             const struct tg_config *config, const struct tg_config_stream *stream);

/* Warns of the key of an object, if it is given, when it has no effect. What is as it is by default anyway is left alone:
 * a file may well name every option. */
void tg_config_warn_no_effect(struct tg_document *document, const struct tg_path *object, const char *key,
                              bool has_no_effect, const char *why);

#endif
