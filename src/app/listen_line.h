/* How `listen` shows one event. Pure. */
#ifndef TIDEGATE_APP_LISTEN_LINE_H
#define TIDEGATE_APP_LISTEN_LINE_H

#include "tidegate/stream.h"

/* One line with its end: time, id ("-": it has none of its own), type, data. Control characters are shown as
 * escapes, so that no event can play with a terminal. With `columns` (not 0) it is cut to fit. */
void tg_listen_line_append(struct tg_buffer *out, const struct tg_sse_event *event, uint64_t wall_ms,
                           size_t columns);
/* The same as a line of JSON, whole; `id` is null where the event has none of its own. */
void tg_listen_json_append(struct tg_buffer *out, const struct tg_sse_event *event, uint64_t wall_ms);

#endif
