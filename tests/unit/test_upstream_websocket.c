/* A link over WebSocket, against a backend that is the test itself: all on one thread, turn by turn. */
#include "upstream/link.h"
#include "upstream/websockets.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60 * 1000 };

struct scene {
    struct tg_worker_pool *pool;
    struct tg_worker *worker;
    struct tg_net *net;
    struct tg_websockets *websockets;
    struct tg_config_upstream config;
    struct tg_target target;
    struct tg_progress progress;
    struct tg_link *link; /* NULL once it has ended */
    unsigned opens, drains;
    int listener, peer;
};

/* ---- what the link tells ----------------------------------------------------------------------------- */

static void on_open(void *arg)
{
    struct scene *scene = arg;

    scene->opens++;
}

static bool on_message(void *arg, const struct tg_message *message)
{
    (void)arg, (void)message;
    return true;
}

static void on_drained(void *arg)
{
    struct scene *scene = arg;

    scene->drains++;
}

static void on_end(void *arg, const struct tg_link_end *end)
{
    struct scene *scene = arg;

    (void)end;
    scene->link = NULL;
}

static const struct tg_link_handler handler = {
    .on_open = on_open, .on_message = on_message, .on_drained = on_drained, .on_end = on_end
};

/* ---- turns -------------------------------------------------------------------------------------------- */

static bool is_open(struct scene *scene)
{
    return scene->opens > 0;
}

static bool has_ended(struct scene *scene)
{
    return !scene->link;
}

static void turn_until(struct scene *scene, bool (*is_so)(struct scene *scene))
{
    for (int i = 0; !is_so(scene); i++) {
        if (i == PATIENCE_MS)
            fail_msg("it did not happen in time");
        uv_run(tg_worker_loop(scene->worker), UV_RUN_NOWAIT);
        usleep(1000);
    }
}

/* ---- the backend -------------------------------------------------------------------------------------- */

static void listen_for(struct scene *scene)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);

    scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(scene->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(scene->listener, 1), 0);
    assert_int_equal(getsockname(scene->listener, (struct sockaddr *)&address, &length), 0);
    scene->target = (struct tg_target){ .host = (char *)"127.0.0.1",
                                        .port = ntohs(address.sin_port),
                                        .path = (char *)"/" };
}

static bool is_accepted(struct scene *scene)
{
    scene->peer = accept(scene->listener, NULL, NULL);
    return scene->peer >= 0;
}

static void answer(const struct scene *scene, const char *request)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct tg_buffer key = { 0 }, text = { 0 };
    const char *found = strstr(request, name);

    assert_non_null(found);
    assert_int_equal(tg_buffer_append(&key, found + strlen(name), strcspn(found + strlen(name), "\r")),
                     TG_OK);
    assert_int_equal(tg_buffer_append_str(&key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"), TG_OK);
    SHA1((const unsigned char *)key.data, key.length, digest);
    assert_int_equal(tg_buffer_append_str(&text, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                                 "Connection: Upgrade\r\nSec-WebSocket-Accept: "),
                     TG_OK);
    assert_int_equal(tg_base64_encode(&text, digest, sizeof(digest)), TG_OK);
    assert_int_equal(tg_buffer_append_str(&text, "\r\n\r\n"), TG_OK);
    assert_int_equal(send(scene->peer, text.data, text.length, MSG_NOSIGNAL), text.length);
    tg_buffer_deinit(&key);
    tg_buffer_deinit(&text);
}

/* The request is small: it comes whole. */
static void shake_hands(struct scene *scene)
{
    char request[4096];

    turn_until(scene, is_accepted);
    uv_run(tg_worker_loop(scene->worker), UV_RUN_NOWAIT);
    for (int i = 0; i < PATIENCE_MS; i++) {
        ssize_t got = recv(scene->peer, request, sizeof(request) - 1, MSG_DONTWAIT);
        if (got > 0) {
            request[got] = '\0';
            answer(scene, request);
            break;
        }
        uv_run(tg_worker_loop(scene->worker), UV_RUN_NOWAIT);
        usleep(1000);
    }
    turn_until(scene, is_open);
}

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    scene->config.connect_timeout_ms = PATIENCE_MS;
    scene->config.max_message_bytes = 1000;
    assert_int_equal(tg_worker_pool_new(1, &scene->pool), TG_OK);
    scene->worker = tg_worker_pool_get(scene->pool, 0);
    scene->net = tg_net_new(scene->worker);
    assert_non_null(scene->net);
    scene->websockets = tg_websockets_new(scene->net);
    listen_for(scene);
    scene->link = tg_link_new(&(struct tg_link_options){ .worker = scene->worker,
                                                         .websockets = scene->websockets,
                                                         .config = &scene->config,
                                                         .target = &scene->target,
                                                         .progress = &scene->progress,
                                                         .handler = &handler,
                                                         .arg = scene });
    shake_hands(scene);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    if (scene->link)
        tg_link_close(scene->link, 1000);
    tg_websockets_free(scene->websockets);
    tg_net_free(scene->net);
    tg_worker_pool_free(scene->pool);
    close(scene->peer);
    close(scene->listener);
    free(scene);
    return 0;
}

/* ---- the tests ---------------------------------------------------------------------------------------- */

static void what_is_written_leaves_nothing_unsent(void **state)
{
    struct scene *scene = *state;
    const struct tg_config_message message = { .is_set = true, .bytes = (char *)"hello", .length = 5 };
    char frame[64];

    scene->link->ops->send(scene->link, &message);
    assert_false(scene->link->ops->has_unsent(scene->link));
    assert_int_equal(recv(scene->peer, frame, sizeof(frame), 0), 2 + 4 + message.length);
}

/* Else a client would hear that its message was written. */
static void what_cannot_be_written_for_want_of_memory_stays_unsent_until_the_link_ends(void **state)
{
    struct scene *scene = *state;
    const struct tg_config_message message = { .is_set = true, .bytes = (char *)"", .length = SIZE_MAX / 2 };
    char byte;

    scene->link->ops->send(scene->link, &message);
    assert_true(scene->link->ops->has_unsent(scene->link));
    turn_until(scene, has_ended);
    assert_int_equal(scene->drains, 0);
    assert_int_equal(recv(scene->peer, &byte, 1, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_leaves_nothing_unsent),
        TEST(what_cannot_be_written_for_want_of_memory_stays_unsent_until_the_link_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
