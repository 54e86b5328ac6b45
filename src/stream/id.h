/* The ids that a stream gives itself. */
#ifndef TIDEGATE_STREAM_ID_H
#define TIDEGATE_STREAM_ID_H

#include "tidegate/stream.h"

#define EPOCH_MAX (TG_ID_MAX - 1 - 20) /* bytes of an epoch: the longest seq must fit behind it */

/* Writes <epoch>-<seq>, at most TG_ID_MAX bytes, without a NUL, and returns how many. */
size_t id_write(char *out, const char *epoch, size_t epoch_length, uint64_t seq);

#endif
