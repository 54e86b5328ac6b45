/* Unit tests: gap events of lost messages, at their places in one stream, and in all streams of an upstream with keys. */
#include "stream/segment.h"
#include "upstream/routes.h"
#include "upstream/upstream_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 2 };

struct scene {
    struct tg_worker_pool *pool;
    struct tg_config_stream config;
    struct tg_config_sse names;
    struct tg_source source;
    struct tg_share share;
    struct tg_upstream upstream; /* of one stream */
    struct tg_upstream routed;   /* of many */
    struct tg_stream *stream, *members[KEYS];
};

static struct tg_stream *new_stream(void)
{
    return tg_stream_new(&(struct tg_stream_options){
        .name = "s", .retain_events = 1000, .retain_bytes = 1000000, .epoch = "e" });
}

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    assert_int_equal(tg_worker_pool_new(1, &scene->pool), TG_OK); /* that does not run */
    scene->names = (struct tg_config_sse){ .gap_event = (char *)"gap",
                                           .upstream_event = (char *)"upstream",
                                           .end_event = (char *)"end" };
    scene->source = (struct tg_source){ .names = &scene->names, .config = &scene->config };
    scene->stream = new_stream();
    scene->upstream = scene->routed = (struct tg_upstream){ .source = &scene->source,
                                                            .share = &scene->share,
                                                            .worker = tg_worker_pool_get(scene->pool, 0) };
    scene->upstream.stream = scene->stream;
    scene->routed.routes = routes_new(&scene->routed, NULL);
    for (size_t i = 0; i < KEYS; i++) {
        scene->members[i] = new_stream();
        routes_on_opened(scene->routed.routes, scene->members[i]);
    }
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    segment_allocate = malloc;
    routes_free(scene->routed.routes);
    tg_stream_unref(scene->stream);
    for (size_t i = 0; i < KEYS; i++)
        tg_stream_unref(scene->members[i]);
    tg_worker_pool_free(scene->pool);
    free(scene);
    return 0;
}

static void *allocate_nothing(size_t size)
{
    (void)size;
    return NULL;
}

/* All data of a stream, each with a ";" behind it. */
static void expect(struct tg_stream *stream, const char *expected)
{
    struct tg_reader *reader = tg_reader_new(stream, NULL, NULL);
    struct tg_cursor cursor = { tg_reader_first(reader) };
    struct tg_buffer got = { 0 };

    while (cursor.position < tg_reader_end(reader)) {
        struct tg_str bytes = tg_reader_peek(reader, cursor);
        for (size_t at = 0; at + 6 < bytes.length; at++) {
            if (memcmp(bytes.data + at, "data: ", 6) != 0)
                continue;
            const char *end = memchr(bytes.data + at, '\n', bytes.length - at);
            const char *data = bytes.data + at + 6;
            assert_int_equal(tg_buffer_append(&got, data, data[0] == 'x' ? 1 : (size_t)(end - data)), TG_OK);
            assert_int_equal(tg_buffer_append_str(&got, ";"), TG_OK);
            at = (size_t)(end - bytes.data);
        }
        cursor.position += bytes.length;
    }
    assert_string_equal(tg_text_or_empty(got.data), expected);
    tg_buffer_deinit(&got);
    tg_reader_free(reader);
}

static enum tg_err append(struct scene *scene, const char *data)
{
    return upstream_append(&scene->upstream, &(struct tg_event){ .data = tg_str_from(data) });
}

#define GAP(reason, missed, after)                                                                           \
    "{\"reason\":\"" reason "\",\"missed\":" missed ",\"after\":" after ",\"before\":null};"

static void a_loss_stands_at_its_place(void **state)
{
    struct scene *scene = *state;

    upstream_lose(&scene->upstream, TG_GAP_ENCODING);
    append(scene, "1");
    upstream_lose(&scene->upstream, TG_GAP_OVERSIZE);
    upstream_lose(&scene->upstream, TG_GAP_OVERSIZE);
    upstream_lose(&scene->upstream, TG_GAP_ENCODING);
    append(scene, "2");
    append(scene, "3");
    expect(scene->stream, GAP("encoding", "1", "null") "1;" GAP("oversize", "2", "\"e-1\"")
                              GAP("encoding", "1", "\"e-1\"") "2;3;");
}

static void a_loss_comes_before_the_end(void **state)
{
    struct scene *scene = *state;

    upstream_lose(&scene->upstream, TG_GAP_OVERSIZE);
    upstream_lose(&scene->upstream, TG_GAP_OVERSIZE);
    upstream_finish(&scene->upstream, "until");
    upstream_lose(&scene->upstream, TG_GAP_OVERSIZE); /* nobody is there any more */
    expect(scene->stream,
           GAP("oversize", "1", "null") GAP("oversize", "1", "null") "{\"reason\":\"until\"};");
    assert_int_equal(append(scene, "1"), TG_ERR_CLOSED);
}

/* However long it is out, the place is kept: nothing is stored in front of the gap. */
static void with_memory_out_the_place_is_kept(void **state)
{
    struct scene *scene = *state;
    static char large[600000];

    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(append(scene, "1"), TG_OK);
    assert_int_equal(append(scene, large), TG_OK); /* in a segment of its own, with no room left */
    segment_allocate = allocate_nothing;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(append(scene, large), TG_ERR_MEMORY);
        upstream_lose(&scene->upstream, TG_GAP_MEMORY);
    }
    assert_int_equal(append(scene, "small"), TG_ERR_MEMORY);
    upstream_lose(&scene->upstream, TG_GAP_MEMORY);
    tg_upstream_on_second(&scene->upstream, upstream_now_ms(&scene->upstream) + 5000);
    segment_allocate = malloc;
    assert_int_equal(append(scene, "3"), TG_OK);
    expect(scene->stream, "x;" GAP("memory", "4", "\"e-2\"") "3;"); /* the first one has made room */
}

static void what_is_told_later_comes_with_the_second(void **state)
{
    struct scene *scene = *state;
    uint64_t now_ms = upstream_now_ms(&scene->upstream);

    for (int i = 0; i < 10; i++)
        upstream_lose(&scene->upstream, TG_GAP_OVERSIZE);
    tg_upstream_on_second(&scene->upstream, now_ms + 500);
    expect(scene->stream, GAP("oversize", "1", "null"));
    tg_upstream_on_second(&scene->upstream, now_ms + 1500);
    tg_upstream_on_second(&scene->upstream, now_ms + 9000);
    expect(scene->stream, GAP("oversize", "1", "null") GAP("oversize", "9", "null"));
}

static void a_plain_stream_breaks_off(void **state)
{
    struct scene *scene = *state;

    scene->config.session.is_plain = true;
    scene->config.scope = TG_SCOPE_CLIENT;
    append(scene, "1");
    upstream_lose(&scene->upstream, TG_GAP_OVERSIZE);
    assert_true(tg_stream_has_ended(scene->stream));
    expect(scene->stream, "1;");
}

static void a_loss_of_an_unknown_key_is_told_in_each_stream(void **state)
{
    struct scene *scene = *state;
    uint64_t now_ms = upstream_now_ms(&scene->routed);
    struct tg_stream *late = new_stream();

    for (int i = 0; i < 3; i++)
        routes_lose(scene->routed.routes, TG_STR(""), TG_GAP_OVERSIZE);
    routes_on_opened(scene->routed.routes, late); /* it has lost nothing */
    routes_on_second(scene->routed.routes, now_ms);
    routes_append_to_all(scene->routed.routes, &(struct tg_event){ .data = TG_STR("m"), .is_control = true });
    routes_lose(scene->routed.routes, TG_STR(""), TG_GAP_ENCODING);
    routes_append_to_all(scene->routed.routes, &(struct tg_event){ .data = TG_STR("n"), .is_control = true });
    for (size_t i = 0; i < KEYS; i++)
        expect(scene->members[i], GAP("oversize", "3", "null") "m;" GAP("encoding", "1", "null") "n;");
    expect(late, "m;" GAP("encoding", "1", "null") "n;");
    routes_on_closed(scene->routed.routes, late);
    tg_stream_unref(late);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_loss_stands_at_its_place),        TEST(a_loss_comes_before_the_end),
        TEST(with_memory_out_the_place_is_kept), TEST(what_is_told_later_comes_with_the_second),
        TEST(a_plain_stream_breaks_off),         TEST(a_loss_of_an_unknown_key_is_told_in_each_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
