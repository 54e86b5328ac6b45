/* When things are due of which there are so many a second. */
#ifndef LOAD_PACE_H
#define LOAD_PACE_H

#include <stdint.h>

struct load_pace { /* embedded */
    double rate;   /* 0: as many as there are */
    uint64_t since_ns;
};

/* How many are due since the start, the first one at once. */
uint64_t load_pace_due(const struct load_pace *pace, uint64_t now_ns);
/* When number `index`, counted from 0, is due. */
uint64_t load_pace_when(const struct load_pace *pace, uint64_t index);

#endif
