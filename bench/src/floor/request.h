/* A request, as far as the floor reads it. Pure. */
#ifndef FLOOR_REQUEST_H
#define FLOOR_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

struct floor_request {
    bool is_stream;      /* a GET of anything but /404 */
    const char *last_id; /* value of Last-Event-ID, or NULL */
    size_t last_id_length;
};

/* False: its blank line has not come yet. */
bool floor_request_parse(const char *bytes, size_t length, struct floor_request *ret_request);

/* The heads of answers, as Tidegate writes them; valid until the next call. */
const char *floor_stream_head(size_t *ret_length);
const char *floor_not_found(size_t *ret_length);

#endif
