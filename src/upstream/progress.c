/* What is remembered from one connection to the next. */
#include "progress.h"

void tg_progress_deinit(struct tg_progress *progress)
{
    tg_buffer_deinit(&progress->last_event_id);
    tg_buffer_deinit(&progress->etag);
    tg_buffer_deinit(&progress->last_modified);
    tg_buffer_deinit(&progress->cursor);
    *progress = (struct tg_progress){ 0 };
}
