/* The event that all of a number of clients have had, kept up to date in constant time for each step of a client:
 *
 *   counts[seq mod LOAD_MARKS_RING]   how many clients stand at seq
 *
 *        0 0 3 1 0 9 2 0 0 ...        the least moves on as long as nobody stands there
 *            ^ least
 *
 * Who is further ahead of the least than the ring is long waits outside; when the least comes near, or the ring is
 * empty, the ring is laid anew. */
#ifndef LOAD_MARKS_H
#define LOAD_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_MARKS_RING = 65536 };

struct load_mark { /* embedded in each client; zeroed it stands nowhere */
    struct load_mark *prev, *next;
    uint64_t seq;
    bool is_in, is_outside;
};

struct load_marks {
    struct load_mark *list;
    uint64_t least;   /* of all, when there are any */
    uint64_t highest; /* nobody in the ring is above */
    uint64_t outside_least;
    size_t in_ring, outside;
    uint32_t counts[LOAD_MARKS_RING];
};

/* Where the mark joins or where it has gone, forwards or, if need be, backwards. */
void load_marks_put(struct load_marks *marks, struct load_mark *mark, uint64_t seq);
/* Fine for one that stands nowhere. */
void load_marks_remove(struct load_marks *marks, struct load_mark *mark);

/* UINT64_MAX: there are none. */
uint64_t load_marks_least(const struct load_marks *marks);

#endif
