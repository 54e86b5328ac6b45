/* Framing: one event in the form in which it goes to clients.
 *
 *     1f\r\n                 chunk head, RFC 9112 section 7.1
 *     event: quote\n         WHATWG HTML section 9.2.6; not for the type "message"
 *     data: first line\n     one for each line of the data, which is split at CR, LF and CRLF
 *     data: second line\n
 *     id: k3f9q2x1ab-17\n    not for control events
 *     \n
 *     \r\n                   chunk tail
 *
 * The id comes last: several client libraries take it over when they see its line, not when the event is
 * whole, and would skip an event whose second half was cut off.
 *
 * Two steps, so that the bytes are written once and in place: frame_measure, then frame_write. */
#ifndef TIDEGATE_STREAM_FRAME_H
#define TIDEGATE_STREAM_FRAME_H

#include "tidegate/stream.h"

#define FRAME_TAIL_LENGTH 2 /* the chunk's CRLF */

struct frame {
    struct tg_str id;
    struct tg_str type;
    struct tg_str data;
    bool is_one_line;   /* of data */
    size_t body_length; /* of the event itself */
    size_t wire_length; /* with chunk head and tail */
};

/* Views are borrowed until frame_write. TG_ERR_INVALID: CR, LF or NUL in the type or the id. */
enum tg_err frame_measure(struct tg_str id, struct tg_str type, struct tg_str data, struct frame *ret_frame);
/* Writes exactly frame->wire_length bytes. */
void frame_write(const struct frame *frame, char *out);
/* The length of the chunk head with which a framed event begins. */
size_t frame_head_length(const char *wire);
/* The id of a framed event that has one. */
struct tg_str frame_find_id(const char *wire, size_t wire_length);

#endif
