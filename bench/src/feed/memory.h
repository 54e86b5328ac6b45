/* Memory; a benchmark that gets none ends with a message. */
#ifndef FEED_MEMORY_H
#define FEED_MEMORY_H

#include <stddef.h>

void *feed_realloc(void *data, size_t size); /* never NULL */
void *feed_alloc(size_t size);               /* zeros; never NULL */

#endif
