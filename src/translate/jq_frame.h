/* What the two sides of a jq filter say to each other on a stream socket. Both are the same program, so numbers are in
 * the machine's own form.
 *
 *     parent                                    process
 *     HELLO: limits, then the filter      ─►
 *                                         ◄─    DONE, or INVALID with what is wrong
 *     MESSAGE: a JSON text                ─►                                            ┐ again and again
 *                                         ◄─    DONE with the outputs, or another       ┘
 *
 * A frame is a head and `length` bytes. The parent may send messages before others have been answered; each gets one
 * answer, in order. */
#ifndef TIDEGATE_TRANSLATE_JQ_FRAME_H
#define TIDEGATE_TRANSLATE_JQ_FRAME_H

#include "tidegate/base.h"

enum tg_jq_kind {
    TG_JQ_HELLO = 0x7467, /* no number that a program which is no Tidegate would begin with */
    TG_JQ_MESSAGE,
    TG_JQ_DONE,
    TG_JQ_INVALID,   /* the filter does not compile, or raised an error */
    TG_JQ_TOO_LARGE, /* over max_output_bytes */
    TG_JQ_MEMORY,    /* the process is out of memory, and ends */
};

struct tg_jq_head {
    uint32_t kind; /* enum tg_jq_kind */
    uint32_t length;
};

struct tg_jq_limits {
    uint64_t timeout_ms;
    uint64_t max_output_bytes;
};

enum {
    TG_JQ_DESCRIPTOR = 3, /* of the process's end of the socket */
    TG_JQ_FILTER_MAX_BYTES = 1 << 20,
    TG_JQ_MESSAGE_MAX_BYTES = 256 << 20,
    TG_JQ_OUTPUT_MAX_BYTES = 1 << 30, /* whatever the options allow */
    TG_JQ_ERROR_MAX_BYTES = 512,
};

/* Set in the process's environment, so that a program that does not know `jq-filter` cannot start itself without end. */
#define TG_JQ_VARIABLE "TIDEGATE_JQ_FILTER"

#endif
