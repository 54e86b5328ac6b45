/* Unit tests: members of a family, and messages for their backends, with clients on several workers that run. The test's
 * own thread is the clients, and the owner of all streams. */
#include "downstream/shard.h"
#include "server_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 3, ROOMS = 4, CLIENTS = 24 };

struct scene {
    struct tg_config *config;
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_server *server;
    struct tg_family *family;
    struct tg_stream *streams[ROOMS];
    atomic_size_t opened;
};

static struct tg_config_parameter room = { .name = (char *)"room" };
static const struct tg_config_stream stream_config = {
    .name = (char *)"s", .scope = TG_SCOPE_KEYED, .parameters = &room, .parameter_count = 1
};
static const struct tg_config_send send_config = { .max_body_bytes = 100 };

static void on_outgoing(void *arg)
{
    (void)arg;
}

static enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct scene *scene = arg;
    size_t index = (size_t)(opening->parameters[0].value.data[0] - '0');
    scene->streams[index] = tg_stream_ref(stream);
    tg_stream_on_outgoing(stream, on_outgoing, scene);
    atomic_fetch_add(&scene->opened, 1);
    return TG_OK;
}

static void on_close(void *arg, struct tg_stream *stream)
{
    (void)arg;
    (void)stream;
}

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));
    tg_log_configure(TG_LOG_WARNING, TG_LOG_HUMAN);
    scene->config = load_good(one_stream);
    assert_int_equal(tg_worker_pool_new(WORKERS, &scene->pool), TG_OK);
    scene->nets = tg_nets_new(scene->pool);
    scene->server = make_server(scene->pool, scene->nets, scene->config);
    scene->family = tg_family_new(&(struct tg_family_options){
        .name = "s",
        .retain_events = 1000,
        .retain_bytes = 1 << 20,
        .max_members = ROOMS,
        .hooks = { .open = on_open, .close = on_close, .arg = scene },
    });
    struct tg_route route = {
        .path = "/r/{room}", .kind = TG_ROUTE_STREAM, .family = scene->family, .stream_config = &stream_config
    };
    assert_int_equal(tg_server_add_route(scene->server, &route), TG_OK);
    route.path = "/say/{room}";
    route.kind = TG_ROUTE_SEND;
    route.send = &send_config;
    assert_int_equal(tg_server_add_route(scene->server, &route), TG_OK);
    assert_int_equal(tg_worker_pool_start(scene->pool), TG_OK);
    tg_server_start(scene->server);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    tg_worker_pool_stop(scene->pool);
    tg_server_free(scene->server);
    tg_family_free(scene->family);
    for (size_t i = 0; i < ROOMS; i++)
        tg_stream_unref(scene->streams[i]);
    tg_nets_free(scene->nets);
    tg_worker_pool_free(scene->pool);
    tg_config_free(scene->config);
    free(scene);
    return 0;
}

/* Waits for it, and forgets what came up to its end. */
static void hear(int fd, struct tg_buffer *heard, const char *text)
{
    char bytes[4096], *found;
    while (!heard->data || !(found = strstr(heard->data, text))) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0)
            fail_msg("not heard: %s", text);
        assert_int_equal(tg_buffer_append(heard, bytes, (size_t)got), TG_OK);
    }
    tg_buffer_consume(heard, (size_t)(found + strlen(text) - heard->data));
}

static void append_to_all(struct scene *scene, const char *data)
{
    struct tg_event event = { .data = tg_str_from(data) };
    for (size_t i = 0; i < ROOMS; i++) {
        assert_int_equal(tg_stream_append(scene->streams[i], &event, 1), TG_OK);
        tg_stream_flush(scene->streams[i]);
    }
}

static void subscribe_all(struct scene *scene, int fds[CLIENTS], struct tg_buffer heard[CLIENTS])
{
    char text[128];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(scene->server);
        snprintf(text, sizeof(text), "GET /r/%d HTTP/1.1\r\nHost: h\r\n\r\n", i % ROOMS);
        send_text(fds[i], text);
    }
    for (int i = 0; i < CLIENTS; i++)
        hear(fds[i], &heard[i], "tidegate.hello\n\n");
}

static void clients_of_all_workers_share_the_members_up_to_their_end(void **state)
{
    struct scene *scene = *state;
    int fds[CLIENTS];
    struct tg_buffer heard[CLIENTS] = { 0 };
    char text[128];
    subscribe_all(scene, fds, heard);
    assert_int_equal(atomic_load(&scene->opened), ROOMS);
    for (int n = 0; n < 50; n++) {
        snprintf(text, sizeof(text), "event %d", n);
        append_to_all(scene, text);
    }
    for (int i = 0; i < CLIENTS; i++)
        hear(fds[i], &heard[i], "data: event 49\n");
    struct tg_event farewell = { .type = TG_STR("end"), .data = TG_STR("{}"), .is_control = true };
    for (size_t i = 0; i < ROOMS; i++)
        assert_int_equal(tg_stream_end(scene->streams[i], &farewell, 1), TG_OK);
    for (int i = 0; i < CLIENTS; i++) {
        hear(fds[i], &heard[i], "\r\n0\r\n\r\n");
        assert_int_equal(recv(fds[i], text, sizeof(text), 0), 0);
        close(fds[i]);
        tg_buffer_deinit(&heard[i]);
    }
}

/* Takes all that waits anywhere, and says how much it was. */
static int write_all(struct scene *scene)
{
    int count = 0;
    for (size_t i = 0; i < ROOMS; i++) {
        struct tg_outgoing *outgoing = tg_stream_take_outgoing(scene->streams[i]), *next;
        for (; outgoing; outgoing = next, count++) {
            next = outgoing->next;
            tg_outgoing_finish(outgoing, TG_OK);
        }
    }
    return count;
}

static void messages_of_all_workers_are_answered(void **state)
{
    struct scene *scene = *state;
    enum { MESSAGES = 10 };
    int listeners[CLIENTS], fds[CLIENTS], written = 0;
    struct tg_buffer news[CLIENTS] = { 0 }, heard[CLIENTS] = { 0 };
    char text[128];
    subscribe_all(scene, listeners, news); /* so that all members are there, with their backends */
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(scene->server);
        snprintf(text, sizeof(text), "POST /say/%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
                 i % ROOMS);
        for (int n = 0; n < MESSAGES; n++)
            send_text(fds[i], text);
    }
    while (written < CLIENTS * MESSAGES)
        written += write_all(scene);
    for (int i = 0; i < CLIENTS; i++) {
        for (int n = 0; n < MESSAGES; n++)
            hear(fds[i], &heard[i], "HTTP/1.1 202 Accepted\r\n");
        close(fds[i]);
        close(listeners[i]);
        tg_buffer_deinit(&heard[i]);
        tg_buffer_deinit(&news[i]);
    }
    assert_int_equal(write_all(scene), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(clients_of_all_workers_share_the_members_up_to_their_end),
        TEST(messages_of_all_workers_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
