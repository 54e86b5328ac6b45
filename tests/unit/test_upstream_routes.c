/* Clients' messages for one link that many keys share: when it has no room, each key has its turn. */
#include "upstream/routes.h"
#include "upstream/upstream_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEYS = 3 };

struct scene {
    struct tg_worker_pool *pool;
    struct tg_config_sse names;
    struct tg_source source;
    struct tg_upstream upstream;
    struct tg_link link;
    struct routes *routes;
    struct tg_stream *streams[KEYS];
    struct tg_buffer sent;
    bool has_unsent;
};

/* Each message is as much as the link takes. */
static void send_message(struct tg_link *link, const struct tg_config_message *message)
{
    struct scene *scene = TG_CONTAINER_OF(link, struct scene, link);

    tg_buffer_append(&scene->sent, message->bytes, message->length);
    scene->has_unsent = true;
}

static bool has_unsent(const struct tg_link *link)
{
    return TG_CONTAINER_OF(link, struct scene, link)->has_unsent;
}

static const struct tg_link_ops ops = { .send = send_message, .has_unsent = has_unsent };

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    assert_int_equal(tg_worker_pool_new(1, &scene->pool), TG_OK); /* that does not run: no mail is read */
    scene->names.upstream_event = (char *)"tidegate.upstream";
    scene->source.names = &scene->names;
    scene->link.ops = &ops;
    scene->upstream.source = &scene->source;
    scene->upstream.worker = tg_worker_pool_get(scene->pool, 0);
    scene->upstream.link = &scene->link;
    scene->upstream.supervisor.state = TG_UPSTREAM_UP;
    scene->upstream.routes = scene->routes = routes_new(&scene->upstream, NULL);
    for (size_t i = 0; i < KEYS; i++) {
        scene->streams[i] = tg_stream_new(
            &(struct tg_stream_options){ .name = "k", .retain_events = 10, .retain_bytes = 10000 });
        routes_on_opened(scene->routes, scene->streams[i]);
    }
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    tg_outlet_settle(&scene->upstream.outlet, TG_ERR_CLOSED);
    routes_free(scene->routes);
    for (size_t i = 0; i < KEYS; i++)
        tg_stream_unref(scene->streams[i]);
    tg_worker_pool_free(scene->pool);
    tg_buffer_deinit(&scene->sent);
    free(scene);
    return 0;
}

/* As its mail does. */
static void send_by(struct scene *scene, size_t key, const char *text)
{
    assert_int_equal(tg_stream_send(scene->streams[key], tg_str_from(text), false, NULL, NULL, 0), TG_OK);
    routes_take_outgoing(scene->routes, (uint64_t)(uintptr_t)scene->streams[key]);
}

static void drain(struct scene *scene)
{
    scene->has_unsent = false;
    routes_on_drained(scene->routes);
}

static void a_key_that_sends_much_holds_up_no_other(void **state)
{
    struct scene *scene = *state;

    send_by(scene, 0, "a");
    send_by(scene, 2, "c");
    send_by(scene, 1, "b");
    for (int round = 0; round < 3; round++) {
        send_by(scene, 0, "a");
        drain(scene);
    }
    assert_string_equal(scene->sent.data, "acbaaa");
}

static void who_waits_is_told_when_the_link_has_gone(void **state)
{
    struct scene *scene = *state;
    struct tg_outgoing *left;

    send_by(scene, 0, "a");
    for (size_t i = 0; i < KEYS; i++)
        send_by(scene, i, "x");
    scene->upstream.link = NULL;
    routes_on_drained(scene->routes);
    for (size_t i = 0; i < KEYS; i++) {
        left = tg_stream_take_outgoing(scene->streams[i]);
        assert_null(left);
    }
    assert_string_equal(scene->sent.data, "a");
}

static void a_key_that_has_gone_does_not_wait_any_more(void **state)
{
    struct scene *scene = *state;

    send_by(scene, 0, "a");
    send_by(scene, 1, "b");
    send_by(scene, 2, "c");
    routes_on_closed(scene->routes, scene->streams[1]);
    drain(scene);
    drain(scene);
    assert_string_equal(scene->sent.data, "ac");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_key_that_sends_much_holds_up_no_other),
        TEST(who_waits_is_told_when_the_link_has_gone),
        TEST(a_key_that_has_gone_does_not_wait_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
