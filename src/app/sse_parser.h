/* A parser of text/event-stream as WHATWG HTML section 9.2.6 has it. Pure; input may be cut anywhere. */
#ifndef TIDEGATE_APP_SSE_PARSER_H
#define TIDEGATE_APP_SSE_PARSER_H

#include "tidegate/base.h"

enum { TG_SSE_EVENT_MAX = 64 * 1024 * 1024 }; /* bytes of a line, and of an event's data */

/* Borrowed for the call. */
struct tg_sse_event {
    struct tg_str type; /* "message" unless set */
    struct tg_str id;   /* the last event id: of this event, or of one before */
    bool has_own_id;    /* it came with this event */
    struct tg_str data;
};

/* Embedded; zero it, set the callbacks. */
struct tg_sse_parser {
    void (*on_event)(void *arg, const struct tg_sse_event *event);
    void *arg;
    int64_t retry_ms;         /* what the server asked for last; 0: nothing yet */
    struct tg_buffer last_id; /* goes into Last-Event-ID */

    struct tg_buffer line, type, data, id; /* of the event that is being read */
    bool has_own_id;
    bool is_past_start; /* the byte order mark counts at the start alone */
    bool is_after_cr;
};
void tg_sse_parser_deinit(struct tg_sse_parser *parser);

/* TG_ERR_TOO_LARGE, TG_ERR_MEMORY: the stream cannot be followed any further. */
enum tg_err tg_sse_parser_feed(struct tg_sse_parser *parser, const char *bytes, size_t length);

/* A connection has ended: what was not complete is dropped, the last event id and the retry time stay. */
void tg_sse_parser_restart(struct tg_sse_parser *parser);

#endif
