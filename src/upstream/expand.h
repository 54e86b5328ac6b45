/* From the configuration of a stream that has many members to the one of a member: the client's values stand in the
 * place of "{name}", and what it brought along is added. Pure.
 *
 *     url        scheme, host, port: as it is (the value is from a list); path and query: percent-encoded, and no way up;
 *                what the URL's own query has is not forwarded
 *     headers    as it is; control characters are refused
 *     messages   tg_placeholder_fill_message; in a form percent-encoded; binary ones stay
 *
 * Clients choose the values, so nothing they write may end a segment, a header or a string. */
#ifndef TIDEGATE_UPSTREAM_EXPAND_H
#define TIDEGATE_UPSTREAM_EXPAND_H

#include "tidegate/config.h"
#include "tidegate/stream.h"

/* A copy of config->upstream that owns url.host, url.path, headers, on_open, keepalive_message, body and
 * content_type, and borrows the rest from `config`; to be given to tg_expand_deinit. It connects as long as it is
 * there: whether somebody listens is for the family to say. Forwarded headers do not stand in for configured ones.
 * TG_ERR_INVALID: a value that cannot stand in its place, such as ".." for a segment; a body that is not UTF-8
 * where it must be. TG_ERR_TOO_LARGE: headers or path are. With a line in *ret_error that holds nothing of the
 * client's. */
enum tg_err tg_expand(const struct tg_config_stream *config, const struct tg_opening *opening,
                      struct tg_config_upstream *ret_upstream, struct tg_buffer *ret_error);
/* What was to be sent is not sent any more: the posted body, which may be large, and the other messages. */
void tg_expand_drop_messages(struct tg_config_upstream *upstream);
void tg_expand_deinit(struct tg_config_upstream *upstream);

#endif
