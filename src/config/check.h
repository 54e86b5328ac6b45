/* What one option alone cannot tell: checks across options. */
#ifndef TIDEGATE_CONFIG_CHECK_H
#define TIDEGATE_CONFIG_CHECK_H

#include "document.h"
#include "tidegate/config.h"

/* Reports everything that does not fit together, and fills in what follows from several options (the
 * listener that an absent `listen` stands for, a route's stream_index, the type of a request's body). */
void tg_config_check(struct tg_document *document, struct tg_config *config);

/* Its parts. `path` is that of the stream. */
void tg_config_check_stream(struct tg_document *document, const struct tg_path *path,
                            const struct tg_config_sse *sse, struct tg_config_stream *stream);
void tg_config_check_session(struct tg_document *document, const struct tg_path *path,
                             const struct tg_config_stream *stream);
/* Those of its `route`. */
void tg_config_check_keys(struct tg_document *document, const struct tg_path *path,
                          const struct tg_config_stream *stream);
void tg_config_check_routes(struct tg_document *document, struct tg_config *config);

/* Parts for one stream; `path` is that of its upstream, and at last of its translate. */
void tg_config_check_upstream(struct tg_document *document, const struct tg_path *path,
                              const struct tg_config_upstream *upstream);
/* Also takes what the file lists out of the lists by default. */
void tg_config_check_close_codes(struct tg_document *document, const struct tg_path *upstream,
                                 struct tg_config_upstream *config);
/* The files of an object `tls`; NULL: not given. */
void tg_config_check_tls_files(struct tg_document *document, const struct tg_path *tls,
                               const char *certificate, const char *key, const char *ca);
/* Also fills in the parts of a url with parameters. */
void tg_config_check_placeholders(struct tg_document *document, const struct tg_path *path,
                                  struct tg_config_stream *stream);
/* Placeholders in messages, and where there can be none. `path` is that of the stream. */
void tg_config_check_messages(struct tg_document *document, const struct tg_path *path,
                              const struct tg_config_stream *stream);
/* Also fills in what follows from the kind and the body. */
void tg_config_check_request(struct tg_document *document, const struct tg_path *path,
                             struct tg_config_stream *stream);
void tg_config_check_translate(struct tg_document *document, const struct tg_path *path,
                               const struct tg_config_sse *sse, const struct tg_config_stream *stream);

#endif
