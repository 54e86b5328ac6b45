/* A family whose members have upstreams, on workers that run, against a scripted backend. */
#ifndef TIDEGATE_TESTS_MEMBERS_SCENE_H
#define TIDEGATE_TESTS_MEMBERS_SCENE_H

#include "http_backend.h"
#include "tidegate/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(text) ((char *)(text))
#define LINES "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\n"
#define ROUTED_LINES                                                                                         \
    "{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":2}\n{\"v\":3}\n{\"k\":\"c\",\"v\":4}\n{\"k\":\"a\",\"v\":5}"  \
    "\n"

enum { WORKERS = 2, PATIENCE_MS = 60 * 1000, MANY = 40 };

static const struct backend_route routes[] = {
    { "/rooms/a%20b?x=1", LINES "\r\n{\"hello\":1}\n", 0, BACKEND_IS_SILENT },
    { "/rooms/many?x=1", LINES "\r\n{\"hello\":1}\n", 0, BACKEND_IS_SILENT },
    { "/rooms/short?x=1", LINES "Content-Length: 12\r\n\r\n{\"hello\":1}\n", 0, BACKEND_CLOSES },
    { "/rooms/empty?x=1", "HTTP/1.1 204 No Content\r\n\r\n", 0, BACKEND_CLOSES },
    { "/rooms/cut?x=1", LINES "Content-Length: 99\r\n\r\n{\"hello\":1}\n", 0, BACKEND_CLOSES },
    { "/rooms/until?x=1", LINES "\r\n{\"hello\":1}\nbye\n{\"hello\":2}\n", 0, BACKEND_IS_SILENT },
    { "/rooms/400?x=1", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0, BACKEND_GOES_ON },
    { "/rooms/503?x=1", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 0, BACKEND_GOES_ON },
    { "/rooms/numbered?x=1", EVENTS "id: 7\ndata: hello\n\n", 0, BACKEND_CLOSES },
    { "/routed", LINES "\r\n" ROUTED_LINES, 0, BACKEND_IS_SILENT },
    { 0 },
};

struct scene {
    struct backend backend;
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_upstream_set *set;
    struct tg_family *family;
    struct tg_config_stream config;
    struct tg_config_sse names;
    struct tg_config_parameter parameter;
    struct tg_config_condition until;
    struct tg_config_rate connects; /* limits.upstream_connects */
    bool is_posted;                 /* clients open members with a body */
};

static inline enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct scene *scene = arg;
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_upstream_set_open(scene->set, 0, stream, opening, &error);

    tg_buffer_deinit(&error);
    return err;
}

static inline void on_close(void *arg, struct tg_stream *stream)
{
    struct scene *scene = arg;

    tg_upstream_set_close(scene->set, 0, stream);
}

static inline int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    tg_log_configure(TG_LOG_ERROR, TG_LOG_HUMAN);
    scene->backend.routes = routes;
    assert_true(backend_start(&scene->backend));
    scene->names.upstream_event = P("tidegate.upstream");
    scene->names.end_event = P("tidegate.end");
    scene->parameter.name = P("room");
    scene->config = (struct tg_config_stream){
        .name = P("rooms"),
        .scope = TG_SCOPE_KEYED,
        .parameters = &scene->parameter,
        .parameter_count = 1,
        .max_members = MANY,
        .upstream = { .kind = TG_UPSTREAM_NDJSON,
                      .url = { .text = P("http://127.0.0.1/"),
                               .host = P("127.0.0.1"),
                               .port = scene->backend.port,
                               .path = P("/rooms/{room}?x=1") },
                      .connect_timeout_ms = 10000,
                      .max_message_bytes = 1 << 20,
                      .reconnect_first_ms = 1,
                      .reconnect_max_ms = 10 },
        .translate = { .binary_event = P("binary"), .error_event = P("error") },
    };
    *state = scene;
    return 0;
}

/* As the application does: the family first, then what feeds it. */
static inline void start(struct scene *scene, bool is_routed)
{
    struct tg_buffer error = { 0 };
    const struct tg_family_options options = {
        .name = "rooms",
        .retain_events = 100,
        .retain_bytes = 100000,
        .max_members = (size_t)scene->config.max_members,
        .hooks = { .open = on_open, .close = on_close, .arg = scene },
    };

    assert_int_equal(tg_worker_pool_new(WORKERS, &scene->pool), TG_OK);
    scene->nets = tg_nets_new(scene->pool);
    scene->set = tg_upstream_set_new(scene->pool, scene->nets);
    tg_upstream_set_limit_connects(scene->set, &scene->connects);
    scene->family = tg_family_new(&options);
    if (is_routed)
        assert_int_equal(
            tg_upstream_set_add_routed(scene->set, &scene->config, &scene->names, scene->family, 1, &error),
            TG_OK);
    else
        assert_int_equal(tg_upstream_set_add_family(scene->set, &scene->config, &scene->names, &error),
                         TG_OK);
    tg_upstream_set_start(scene->set);
    assert_int_equal(tg_worker_pool_start(scene->pool), TG_OK);
}

static inline int tear_down(void **state)
{
    struct scene *scene = *state;

    if (scene->pool)
        tg_worker_pool_stop(scene->pool);
    tg_family_free(scene->family);
    tg_upstream_set_free(scene->set);
    tg_nets_free(scene->nets);
    tg_worker_pool_free(scene->pool);
    backend_stop(&scene->backend);
    free(scene);
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------------- */

static inline struct tg_upstream_stats look(const struct scene *scene)
{
    struct tg_upstream_stats stats;

    tg_upstream_set_get_stats(scene->set, 0, &stats);
    return stats;
}

static inline uint64_t count_upstreams(const struct scene *scene)
{
    struct tg_upstream_stats stats = look(scene);
    uint64_t count = 0;

    for (size_t i = 0; i < TG_UPSTREAM_STATE_COUNT; i++)
        count += stats.states[i];
    return count;
}

static inline uint64_t count_events(const struct tg_stream *stream)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(stream, &stats);
    return stats.events;
}

#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        for (int waited = 0; !(condition); waited++) {                                                       \
            if (waited == PATIENCE_MS)                                                                       \
                fail_msg("never: %s", #condition);                                                           \
            usleep(1000);                                                                                    \
        }                                                                                                    \
    } while (0)

static inline enum tg_err join_on(struct scene *scene, const char *key, const char *room, size_t worker,
                                  struct tg_stream **ret_stream)
{
    const struct tg_pair parameters[] = { { TG_STR("room"), tg_str_from(room) } };
    const struct tg_opening opening = { .parameters = parameters,
                                        .parameter_count = 1,
                                        .has_body = scene->is_posted,
                                        .body = scene->is_posted ? TG_STR("{\"ask\":1}") : TG_STR(""),
                                        .worker_index = worker };

    return tg_family_join(scene->family, tg_str_from(key), &opening, ret_stream);
}

static inline struct tg_stream *join(struct scene *scene, const char *room)
{
    struct tg_stream *stream;

    assert_int_equal(join_on(scene, room, room, 0, &stream), TG_OK);
    return stream;
}

static inline void sweep(struct scene *scene)
{
    tg_family_sweep(scene->family, tg_clock_now_ms() + 1000);
}

static inline void nothing(void *arg)
{
    (void)arg;
}

static inline bool holds(struct tg_stream *stream, const char *text)
{
    struct tg_reader *reader = tg_reader_new(stream, nothing, NULL);
    struct tg_buffer all = { 0 };

    tg_reader_sync(reader, NULL, NULL);
    for (struct tg_cursor cursor = { tg_reader_first(reader) }; cursor.position < tg_reader_end(reader);) {
        struct tg_str bytes = tg_reader_peek(reader, cursor);
        assert_true(bytes.length > 0);
        tg_buffer_append(&all, bytes.data, bytes.length);
        cursor.position += bytes.length;
    }
    bool is_there = all.length > 0 && memmem(all.data, all.length, text, strlen(text)) != NULL;
    tg_buffer_deinit(&all);
    tg_reader_free(reader);
    return is_there;
}

static inline void on_sent(void *context, uint64_t id, enum tg_err result)
{
    (void)id;
    __atomic_store_n((int *)context, (int)result, __ATOMIC_SEQ_CST);
}

#endif
