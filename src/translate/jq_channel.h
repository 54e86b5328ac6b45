/* The process of a jq filter and its socket, on a worker's loop. */
#ifndef TIDEGATE_TRANSLATE_JQ_CHANNEL_H
#define TIDEGATE_TRANSLATE_JQ_CHANNEL_H

#include "jq_answers.h"
#include "tidegate/runtime.h"

/* The handler may close the channel from within; no call follows. */
struct tg_jq_channel_handler {
    void (*on_answer)(void *arg, const struct tg_jq_answer *answer);
    void (*on_read)(void *arg); /* all answers received so far have been passed on */
    void (*on_lost)(
        void *arg); /* it has ended, or says what it should not: the channel is of no use any more */
};

struct tg_jq_reaper; /* processes that were ended, and take their time to go */
struct tg_jq_reaper *tg_jq_reaper_new(struct tg_worker *worker);
void tg_jq_reaper_free(struct tg_jq_reaper *reaper); /* waits for them */

struct tg_jq_channel;

/* Starts the process. NULL: it cannot be; errno says why. `reaper` must outlive the channel. */
struct tg_jq_channel *tg_jq_channel_new(struct tg_worker *worker, struct tg_jq_reaper *reaper,
                                        const char *program, size_t max_answer_bytes,
                                        const struct tg_jq_channel_handler *handler, void *arg);
/* The bytes must stay until the process has answered them, or the channel is closed. */
void tg_jq_channel_send(struct tg_jq_channel *channel, const struct tg_str *parts, size_t count);
/* Ends the process. */
void tg_jq_channel_close(struct tg_jq_channel *channel);

#endif
