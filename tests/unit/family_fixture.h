/* A family for tests, whose members have no backends: the test counts them, and says what becomes of an opening. Time is
 * what the sweep is told. */
#ifndef TIDEGATE_TESTS_FAMILY_FIXTURE_H
#define TIDEGATE_TESTS_FAMILY_FIXTURE_H

#include "tidegate/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LINGER_MS = 30000, LONG_MS = 1000000 };

struct fixture {
    struct tg_family *family;
    int opened, closed;
    enum tg_err answer;               /* of `open` */
    const struct tg_opening *opening; /* what came with the last one */
    bool has_subscribers;             /* so the stream says in `open` */
    struct tg_stream *closed_last;    /* borrowed: only to compare */
    /* While `open` runs, another one asks for the same key. */
    const char *also_joined;
    struct tg_stream *also;
    enum tg_err *sent; /* and sends a message: what became of it */
};

static const struct tg_opening nothing;

static inline enum tg_err join(struct fixture *f, const char *key, struct tg_stream **ret_stream)
{
    return tg_family_join(f->family, tg_str_from(key), &nothing, ret_stream);
}

static inline struct tg_stream *must_join(struct fixture *f, const char *key)
{
    struct tg_stream *stream = NULL;

    assert_int_equal(join(f, key, &stream), TG_OK);
    return stream;
}

static inline uint64_t subscribers_of(const struct tg_stream *stream)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(stream, &stats);
    return stats.subscribers;
}

static inline void on_sent(void *context, uint64_t id, enum tg_err result)
{
    (void)id;
    *(enum tg_err *)context = result;
}

static inline enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct fixture *f = arg;

    f->opened++;
    f->opening = opening;
    f->has_subscribers = subscribers_of(stream) > 0;
    if (f->also_joined) {
        assert_int_equal(join(f, f->also_joined, &f->also), TG_OK);
        assert_ptr_equal(f->also, stream);
    }
    if (f->sent)
        assert_int_equal(tg_stream_send(stream, TG_STR("hello"), false, on_sent, f->sent, 0), TG_OK);
    return f->answer;
}

static inline void on_close(void *arg, struct tg_stream *stream)
{
    struct fixture *f = arg;

    f->closed++;
    f->closed_last = stream;
}

static inline void begin(struct fixture *f, const char *name, size_t max_members)
{
    *f = (struct fixture){ 0 };
    f->family = tg_family_new(&(struct tg_family_options){
        .name = name,
        .retain_events = 100,
        .retain_bytes = 1 << 20,
        .max_members = max_members,
        .linger_ms = LINGER_MS,
        .hooks = { .open = on_open, .close = on_close, .arg = f },
    });
}

/* Once more does no harm: a test may look at what it does, and comes to its teardown, too. */
static inline void end(struct fixture *f)
{
    tg_family_free(f->family);
    f->family = NULL;
}

static inline int tear_down(void **state)
{
    end(*state);
    return 0;
}

static inline void sweep_after(struct fixture *f, uint64_t ms)
{
    tg_family_sweep(f->family, tg_clock_now_ms() + ms);
}

static inline size_t members_of(const struct fixture *f)
{
    struct tg_family_stats stats;

    tg_family_get_stats(f->family, &stats);
    return stats.members;
}

#endif
