/* Events out of the text of an event stream, however it was cut. Of an event, its id and the payload of its first
 * data line that is one are read; all else is passed over with memchr. */
#ifndef LOAD_SSE_H
#define LOAD_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOAD_SSE_LINE_BYTES = 96, /* of a line cut by the end of a read; the payload's numbers end before that */
    LOAD_SSE_ID_BYTES = 80,   /* an id as long as this or longer is not remembered */
};

struct load_sse_id {
    uint8_t length;
    char text[LOAD_SSE_ID_BYTES];
};

struct load_sse { /* embedded; zeroed it is at the start of a stream */
    /* The event whose end has not come yet. */
    uint64_t seq, t_ns;
    bool has_payload, has_next_id;
    bool is_after_cr;    /* a LF that comes next belongs to it */
    uint8_t line_length; /* of the line whose end has not come yet; at most LOAD_SSE_LINE_BYTES are kept */
    char line[LOAD_SSE_LINE_BYTES];
    struct load_sse_id id;      /* of the last event that was complete */
    struct load_sse_id next_id; /* of the event whose end has not come yet */
};

/* For each event with a payload, once its empty line has come. */
typedef void load_sse_on_event(void *arg, uint64_t seq, uint64_t t_ns);

void load_sse_feed(struct load_sse *sse, const char *data, size_t length, load_sse_on_event *on_event,
                   void *arg);

/* At the start of another stream: only the last event's id is kept. */
void load_sse_restart(struct load_sse *sse);

#endif
