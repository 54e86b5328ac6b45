/* How far an upstream has come with its backend: what the next connection must say to go on from there. Pure. */
#ifndef TIDEGATE_UPSTREAM_PROGRESS_H
#define TIDEGATE_UPSTREAM_PROGRESS_H

#include "tidegate/base.h"

enum { TG_DIGEST_BYTES = 32 };

struct tg_progress {                /* embedded; zeroed it is at the start */
    struct tg_buffer last_event_id; /* sse: goes into Last-Event-ID; never with CR, LF or NUL */
    uint64_t retry_ms;              /* sse: what `retry:` asked for; 0: nothing */
    struct tg_buffer etag;          /* poll: goes into If-None-Match */
    struct tg_buffer last_modified; /* poll: goes into If-Modified-Since */
    struct tg_buffer cursor;        /* poll: its text; empty: the initial one */
    bool is_cursor_number;
    const char *cursor_finds; /* poll: what the last answer has in its place; NULL: it is there */
    unsigned char digest[TG_DIGEST_BYTES]; /* poll: SHA-256 of the last answer's body */
    bool has_digest;
};
void tg_progress_deinit(struct tg_progress *progress);

#endif
