/* Lines of an answer that goes on and on. They end with LF or CRLF; empty ones are passed over. Pure. */
#ifndef TIDEGATE_UPSTREAM_LINE_READER_H
#define TIDEGATE_UPSTREAM_LINE_READER_H

#include "tidegate/base.h"

struct tg_line_reader {                              /* embedded; zero it, set the callbacks and max_bytes */
    void (*on_line)(void *arg, struct tg_str line);  /* borrowed for the call, without its end */
    void (*on_dropped)(void *arg, bool is_oversize); /* over max_bytes, or too big for the memory left */
    void *arg;
    size_t max_bytes;

    struct tg_buffer line; /* what there is of one that is not whole yet */
    bool is_passed_over;   /* the rest of this line */
    bool has_line_end;     /* there has been one */
};
void tg_line_reader_deinit(struct tg_line_reader *reader);
void tg_line_reader_feed(struct tg_line_reader *reader, const char *bytes, size_t length);
/* The answer is complete: what is left is a line, too. */
void tg_line_reader_finish(struct tg_line_reader *reader);

#endif
