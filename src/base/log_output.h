/* Where log lines go: standard error, which may be a pipe whose reader is asleep. The logger's own. */
#ifndef TIDEGATE_BASE_LOG_OUTPUT_H
#define TIDEGATE_BASE_LOG_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* Writes a line, or drops it when nobody takes it in time. Says how many lines were dropped before one that
 * got through, once. Any thread. */
uint32_t log_output_write(const char *bytes, size_t length);

#endif
