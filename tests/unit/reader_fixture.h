/* A stream with one reader, for tests: events go in, and the reader looks for them. */
#ifndef TIDEGATE_TESTS_READER_FIXTURE_H
#define TIDEGATE_TESTS_READER_FIXTURE_H

#include "tidegate/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct tg_stream *stream;
    struct tg_reader *reader;
    int wakes;
};

static inline void on_wake(void *arg)
{
    ((struct fixture *)arg)->wakes++;
}

/* It retains 1 MiB. */
static inline struct tg_stream *make_stream(const char *epoch, uint64_t retain_events, uint64_t retain_age_ms)
{
    return tg_stream_new(&(struct tg_stream_options){ .name = "s",
                                                      .retain_events = retain_events,
                                                      .retain_bytes = 1 << 20,
                                                      .retain_age_ms = retain_age_ms,
                                                      .epoch = epoch });
}

static inline void begin(struct fixture *f, const char *epoch, uint64_t retain_events, uint64_t retain_age_ms)
{
    *f = (struct fixture){ .stream = make_stream(epoch, retain_events, retain_age_ms) };
    f->reader = tg_reader_new(f->stream, on_wake, f);
}

static inline void end(struct fixture *f)
{
    tg_reader_free(f->reader);
    tg_stream_unref(f->stream);
}

/* ---- events in, ids out ------------------------------------------------------------------------ */

static inline void append(struct fixture *f, const char *id, const char *data, bool is_control)
{
    const struct tg_event event = { .id = tg_str_from(id),
                                    .data = tg_str_from(data),
                                    .is_control = is_control };

    assert_int_equal(tg_stream_append(f->stream, &event, 1000), TG_OK);
    tg_stream_flush(f->stream);
    tg_reader_sync(f->reader, NULL, NULL);
}

static inline void append_many(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++)
        append(f, NULL, "x", false);
}

static inline struct tg_gap seek(struct fixture *f, const char *id, struct tg_cursor *ret_cursor)
{
    struct tg_gap gap;

    *ret_cursor = tg_reader_seek_id(f->reader, id, strlen(id), false, &gap);
    return gap;
}

/* The first id that a client at the cursor gets; "" at the end, "control" for a control event. */
static inline const char *next_id(struct fixture *f, struct tg_cursor cursor)
{
    static char id[TG_ID_MAX + 1];
    struct tg_cursor next;
    struct tg_str body = tg_reader_peek_bare(f->reader, &cursor, &next);

    if (!body.length)
        return "";
    const char *line = memmem(body.data, body.length, "\nid: ", 5);
    if (!line)
        return "control";
    size_t length = body.length - (size_t)(line + 5 - body.data) - 2;
    memcpy(id, line + 5, length);
    id[length] = '\0';
    return id;
}

#endif
