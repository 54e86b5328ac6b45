/* Inside jq filters: which there are on a worker. */
#ifndef TIDEGATE_TRANSLATE_JQ_POOL_H
#define TIDEGATE_TRANSLATE_JQ_POOL_H

#include "jq_channel.h"
#include "jq_queue.h"

#include <uthash.h>

struct tg_jq_pool {
    struct tg_worker *worker;
    struct tg_jq_reaper *reaper;
    struct tg_jq *filters;
    size_t starting; /* more would only hold up the worker, and each other */
    bool is_closing;
};

enum jq_state {
    JQ_NONE,
    JQ_WAITING, /* for its turn to start */
    JQ_STARTING,
    JQ_READY
};

struct tg_jq {            /* a filter */
    UT_hash_handle hh;    /* of the pool, by key */
    struct tg_buffer key; /* as the process is told: the limits, then the text */
    struct tg_jq_pool *pool;
    struct tg_jq_limits limits;
    size_t user_count;
    struct jq_queue queue;

    enum jq_state state;
    struct tg_jq_channel *channel; /* NULL: there is none */
    struct tg_jq_head hello;
    struct tg_timer *timer; /* something takes too long; without users: it is to go */
    struct tg_turn_hook hook;
    uint64_t since_ms; /* starting, or busy with the first job, since then */
    uint64_t begun_ns; /* the jobs whose answers come next were begun */
    size_t answered;   /* in this block */
    bool is_last_call; /* its time is over, but answers may lie in the socket */
    size_t careful;    /* so many jobs are sent one by one */
    uint64_t pace_ns;  /* what a job takes, about */

    /* it could not be started */
    bool has_failed_start;
    uint64_t refused_ms, rest_ms;
    struct tg_buffer error;
    struct tg_log_limit log_limit;
};

/* jq.c */
struct tg_jq *filter_new(struct tg_jq_pool *pool, struct tg_buffer *key,
                         const struct tg_jq_limits *limits); /* takes it */
void filter_free(struct tg_jq *jq);
void filter_start(struct tg_jq *jq);             /* if it is not, and may be */
void filter_wake(struct tg_jq *jq);              /* jobs are there: at the end of the turn */
bool filter_is_refusing(const struct tg_jq *jq); /* it could not be started a moment ago */
void filter_on_user(struct tg_jq *jq);           /* the first one has come, the last one has gone */
void filter_on_no_user(struct tg_jq *jq);
uint64_t filter_rest_clock_ms(void);

#endif
