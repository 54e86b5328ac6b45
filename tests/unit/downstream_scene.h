/* A server on a worker that the test itself runs, with clients over sockets and the backends of a family played by the
 * test. */
#ifndef TIDEGATE_TESTS_DOWNSTREAM_SCENE_H
#define TIDEGATE_TESTS_DOWNSTREAM_SCENE_H

#include "downstream/connection.h"
#include "server_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { ROUNDS_MAX = 20000, STREAMS_MAX = 16 };

struct client {
    int fd;
    bool has_ended;
    struct tg_buffer heard;
};

struct scene {
    struct tg_config *config;
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_server *server;
    struct tg_shard *shard;
    struct tg_config_stream stream_config;
    struct tg_config_send send_config;
    struct tg_config_rate rate; /* of the routes that are added next; without per_second they have none */
    struct tg_family *family;
    /* what was opened */
    enum tg_err open_result;
    const char *open_complaint;
    size_t opened, closed;
    struct tg_stream *streams[STREAMS_MAX]; /* each with a reference */
    struct tg_buffer said;                  /* of the last opening: a line for each part */
    size_t woken;
};

static inline void on_outgoing(void *arg)
{
    struct scene *scene = arg;
    scene->woken++;
}

static inline void describe(struct tg_buffer *out, const struct tg_opening *opening)
{
    tg_buffer_clear(out);
    for (size_t i = 0; i < opening->parameter_count; i++)
        tg_buffer_appendf(out, "%.*s=%.*s\n", (int)opening->parameters[i].name.length,
                          opening->parameters[i].name.data, (int)opening->parameters[i].value.length,
                          opening->parameters[i].value.data);
    for (size_t i = 0; i < opening->header_count; i++)
        tg_buffer_appendf(out, "%.*s: %.*s\n", (int)opening->headers[i].name.length,
                          opening->headers[i].name.data, (int)opening->headers[i].value.length,
                          opening->headers[i].value.data);
    tg_buffer_appendf(out, "?%.*s\n", (int)opening->query.length, tg_text_or_empty(opening->query.data));
    if (opening->has_body)
        tg_buffer_appendf(out, "body %.*s\n", (int)opening->body.length,
                          tg_text_or_empty(opening->body.data));
}

static inline enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct scene *scene = arg;
    if (scene->open_result) {
        if (scene->open_complaint)
            assert_int_equal(tg_buffer_append_str(opening->complaint, scene->open_complaint), TG_OK);
        return scene->open_result;
    }
    assert_true(scene->opened < STREAMS_MAX);
    scene->streams[scene->opened++] = tg_stream_ref(stream);
    describe(&scene->said, opening);
    tg_stream_set_condition(stream, (struct tg_stream_condition){ .state = TG_STREAM_UP });
    tg_stream_on_outgoing(stream, on_outgoing, scene);
    return TG_OK;
}

static inline void on_close_member(void *arg, struct tg_stream *stream)
{
    struct scene *scene = arg;
    (void)stream;
    scene->closed++;
}

/* `scope` and what else is in scene->stream_config is for the test to set before it adds routes. */
static inline struct scene *scene_new(void)
{
    struct scene *scene = tg_alloc(sizeof(*scene));
    scene->config = load_good(one_stream);
    assert_int_equal(tg_worker_pool_new(1, &scene->pool), TG_OK);
    scene->nets = tg_nets_new(scene->pool);
    scene->server = make_server(scene->pool, scene->nets, scene->config);
    scene->shard = scene->server->shards[0];
    scene->stream_config.name = (char *)"s";
    scene->family = tg_family_new(&(struct tg_family_options){
        .name = "s",
        .retain_events = 100,
        .retain_bytes = 1 << 20,
        .max_members = STREAMS_MAX,
        .hooks = { .open = on_open, .close = on_close_member, .arg = scene },
    });
    tg_shard_start(scene->shard);
    return scene;
}

static inline void scene_free(struct scene *scene)
{
    tg_worker_pool_stop(scene->pool);
    if (scene->server)
        tg_server_free(scene->server);
    tg_family_free(scene->family);
    assert_int_equal(scene->closed, scene->opened);
    for (size_t i = 0; i < scene->opened; i++)
        tg_stream_unref(scene->streams[i]);
    tg_nets_free(scene->nets);
    tg_worker_pool_free(scene->pool);
    tg_buffer_deinit(&scene->said);
    tg_config_free(scene->config);
    free(scene);
}

static inline void add_route(struct scene *scene, const char *path, enum tg_route_kind kind)
{
    struct tg_route route = { .path = path,
                              .kind = kind,
                              .family = scene->family,
                              .stream_config = &scene->stream_config,
                              .send = &scene->send_config,
                              .rate = scene->rate.per_second ? &scene->rate : NULL };
    assert_int_equal(tg_server_add_route(scene->server, &route), TG_OK);
}

static inline void run_round(struct scene *scene)
{
    uv_run(tg_worker_loop(scene->shard->worker), UV_RUN_NOWAIT);
}

/* ---- clients ------------------------------------------------------------------------------------------ */

static inline struct client client_open(struct scene *scene)
{
    return (struct client){ .fd = connect_to(scene->server) };
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    tg_buffer_deinit(&client->heard);
}

static inline void say(struct client *client, const char *text)
{
    send_text(client->fd, text);
}

static inline void listen_on(struct client *client)
{
    char bytes[4096];
    ssize_t got;
    while ((got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        assert_int_equal(tg_buffer_append(&client->heard, bytes, (size_t)got), TG_OK);
    client->has_ended = client->has_ended || got == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Waits until the client has heard this; returns all that it has heard. */
static inline const char *hear(struct scene *scene, struct client *client, const char *text)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        listen_on(client);
        if (client->heard.data && strstr(client->heard.data, text))
            return client->heard.data;
        run_round(scene);
    }
    fail_msg("not heard: %s\nbut: %s", text, tg_text_or_empty(client->heard.data));
    return NULL;
}

static inline void hear_end(struct scene *scene, struct client *client)
{
    for (int round = 0; round < ROUNDS_MAX && !client->has_ended; round++) {
        run_round(scene);
        listen_on(client);
    }
    assert_true(client->has_ended);
}

/* Says it on a connection of its own, and expects the answer to begin and to hold what is given. */
static inline struct client ask(struct scene *scene, const char *request, const char *status,
                                const char *part)
{
    struct client client = client_open(scene);
    char start[64];
    snprintf(start, sizeof(start), "HTTP/1.1 %s\r\n", status);
    say(&client, request);
    hear(scene, &client, "\r\n\r\n");
    if (strncmp(client.heard.data, start, strlen(start)) != 0)
        fail_msg("expected %s, got %s", status, client.heard.data);
    hear(scene, &client, part);
    return client;
}

static inline void expect_answer(struct scene *scene, const char *request, const char *status,
                                 const char *part)
{
    struct client client = ask(scene, request, status, part);
    client_close(&client);
}

/* A wait for everything that is on its way: no condition to wait for, so a fixed number of rounds. */
static inline void settle_down(struct scene *scene)
{
    for (int round = 0; round < 50; round++)
        run_round(scene);
}

static inline void append_event(struct tg_stream *stream, const char *data)
{
    struct tg_event event = { .data = tg_str_from(data) };
    assert_int_equal(tg_stream_append(stream, &event, 1), TG_OK);
    tg_stream_flush(stream);
}

#endif
