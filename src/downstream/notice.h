/* Notices: what a subscriber is told by Tidegate itself, between the events of its stream. Pure.
 *
 * Each is text/event-stream (WHATWG HTML section 9.2), framed as one HTTP/1.1 chunk unless the subscriber is
 * `is_bare` (HTTP/1.0, the end of the connection ends the body). None has an id, so that none moves a client's position,
 * but the state that a new session begins with, and a gap behind which no event follows any more. */
#ifndef TIDEGATE_DOWNSTREAM_NOTICE_H
#define TIDEGATE_DOWNSTREAM_NOTICE_H

#include "tidegate/config.h"
#include "tidegate/stream.h"

/* The first blank line of every response. WebKit keeps half an event over a cut connection (also a half line,
 * so the first line of a response may be lost on it), and this blank line completes it: with this type nobody
 * gets to see it, and the event comes again whole. Without data it is no event to other clients. */
#define TG_NOTICE_HELLO "event: tidegate.hello\n\n"

/* `retry:`, a comment and TG_NOTICE_HELLO, sent at once so that proxies and clients see the stream begin. */
enum tg_err tg_notice_append_hello(struct tg_buffer *out, bool is_bare, const struct tg_config_sse *sse);
/* The upstream's condition, for a client to which no event of the stream tells it. With an `id` (else NULL) the client
 * has that one from here on: Firefox takes none without data. */
enum tg_err tg_notice_append_state(struct tg_buffer *out, bool is_bare, const struct tg_config_sse *sse,
                                   struct tg_stream_condition condition, const char *id);
/* With an `id` (else NULL), as above. */
enum tg_err tg_notice_append_gap(struct tg_buffer *out, bool is_bare, const struct tg_config_sse *sse,
                                 const struct tg_gap *gap, const char *id);
/* A last `retry:`, and the end of the body. */
enum tg_err tg_notice_append_farewell(struct tg_buffer *out, bool is_bare, uint64_t retry_ms);
/* The end of the body alone; empty when `is_bare`. */
struct tg_str tg_notice_body_end(bool is_bare);
struct tg_str tg_notice_heartbeat(bool is_bare);

/* retry_ms up to half more, so that those sent away together do not come back together. */
uint64_t tg_notice_jittered_retry_ms(const struct tg_config_sse *sse);

#endif
