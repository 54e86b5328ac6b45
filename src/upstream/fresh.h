/* The configuration of a stream with what its files hold now: read again before each attempt, on libuv's threads.
 *
 *     upstreams of a worker ─► queue ─► job ─ a thread reads ─► generation ─► on_fresh of all that asked before it began
 *
 * An upstream that asks while a job is under way waits for the next one, so that its files are read after it asked. The
 * upstreams of all workers share what was read. */
#ifndef TIDEGATE_UPSTREAM_FRESH_H
#define TIDEGATE_UPSTREAM_FRESH_H

#include "tidegate/config.h"
#include "tidegate/runtime.h"

struct tg_fresh;

/* NULL: the stream has no file to be read again. The main thread; `config` must outlive the pool. */
struct tg_fresh *tg_fresh_new(const struct tg_config_stream *config);
void tg_fresh_free(struct tg_fresh *fresh); /* a job may still be under way; NULL is fine */

/* A configuration that has been read; shared, any thread. */
struct tg_generation;
struct tg_generation *tg_fresh_take(struct tg_fresh *fresh); /* with a reference; NULL: that of the start */
const struct tg_config_stream *tg_generation_config(const struct tg_generation *generation);
void tg_generation_unref(struct tg_generation *generation); /* NULL is fine */

struct tg_fresh_wait { /* embedded; zeroed: does not wait */
    struct tg_fresh_wait *prev, *next;
    struct tg_fresh_queue *queue; /* NULL: does not wait */
    bool is_next;
    void (*on_fresh)(void *arg);
    void *arg;
};

struct tg_fresh_queue { /* embedded; of one worker, its thread; zeroed but for `fresh` */
    struct tg_fresh *fresh;
    struct fresh_job *job;            /* NULL: none is under way */
    struct tg_fresh_wait *now, *next; /* for this job, and for the one after it */
};
/* on_fresh is called once, later, unless the wait is cancelled. */
void tg_fresh_ask(struct tg_fresh_queue *queue, struct tg_worker *worker, struct tg_fresh_wait *wait);
void tg_fresh_cancel(struct tg_fresh_wait *wait);
/* Nobody waits any more; the pool has been stopped. */
void tg_fresh_queue_deinit(struct tg_fresh_queue *queue);

#endif
