/* Unit tests: messages of clients for the backend, over sockets, with the backend played by the test. */
#include "downstream_scene.h"

#define POST(target, fields) "POST " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define HELLO_TO(target) POST(target, "Content-Length: 5\r\n") "hello"

/* "/send" into a shared stream that takes messages. */
struct shared {
    struct scene *scene;
    struct tg_stream *stream;
};

static void add_shared_route(struct shared *shared)
{
    struct tg_route route = { .path = "/send",
                              .kind = TG_ROUTE_SEND,
                              .stream = shared->stream,
                              .stream_config = &shared->scene->stream_config,
                              .send = &shared->scene->send_config,
                              .rate = shared->scene->rate.per_second ? &shared->scene->rate : NULL };
    assert_int_equal(tg_server_add_route(shared->scene->server, &route), TG_OK);
}

static int set_up(void **state)
{
    struct shared *shared = tg_alloc(sizeof(*shared));
    shared->scene = scene_new();
    shared->scene->send_config.max_body_bytes = 100;
    shared->stream = tg_stream_new(
        &(struct tg_stream_options){ .name = "s", .retain_events = 10, .retain_bytes = 1 << 20 });
    tg_stream_on_outgoing(shared->stream, on_outgoing, shared->scene);
    *state = shared;
    return 0;
}

static int tear_down(void **state)
{
    struct shared *shared = *state;
    scene_free(shared->scene);
    tg_stream_unref(shared->stream);
    free(shared);
    return 0;
}

/* The backend takes what waits, once something does. */
static struct tg_outgoing *take(struct scene *scene, struct tg_stream *stream)
{
    struct tg_outgoing *outgoing = NULL;
    for (int round = 0; round < ROUNDS_MAX && !outgoing; round++) {
        run_round(scene);
        outgoing = tg_stream_take_outgoing(stream);
    }
    assert_non_null(outgoing);
    return outgoing;
}

static void expect_message(const struct tg_outgoing *outgoing, const char *text)
{
    assert_true(tg_str_equals((struct tg_str){ outgoing->bytes, outgoing->length }, tg_str_from(text)));
}

/* A client that has sent "hello" and waits. */
static struct client send_hello(struct shared *shared, struct tg_outgoing **ret_outgoing)
{
    struct client client = client_open(shared->scene);
    say(&client, HELLO_TO("/send"));
    *ret_outgoing = take(shared->scene, shared->stream);
    expect_message(*ret_outgoing, "hello");
    return client;
}

static void expect_result(struct shared *shared, enum tg_err result, const char *status)
{
    struct tg_outgoing *outgoing;
    struct client client = send_hello(shared, &outgoing);
    listen_on(&client);
    assert_int_equal(client.heard.length, 0);
    tg_outgoing_finish(outgoing, result);
    hear(shared->scene, &client, status);
    client_close(&client);
}

static void the_answer_comes_when_the_backend_has_the_message(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    expect_result(shared, TG_OK, "HTTP/1.1 202 Accepted\r\n");
    expect_result(shared, TG_ERR_CLOSED, "HTTP/1.1 409 Conflict\r\n");
    expect_result(shared, TG_ERR_INVALID, "HTTP/1.1 501 Not Implemented\r\n");
    expect_result(shared, TG_ERR_IO, "HTTP/1.1 502 Bad Gateway\r\n");
}

static void what_became_of_messages_is_counted(void **state)
{
    struct shared *shared = *state;
    struct tg_server_stats stats;
    add_shared_route(shared);
    expect_result(shared, TG_OK, "HTTP/1.1 202 Accepted\r\n");
    expect_result(shared, TG_OK, "HTTP/1.1 202 Accepted\r\n");
    expect_result(shared, TG_ERR_CLOSED, "HTTP/1.1 409 Conflict\r\n");
    expect_result(shared, TG_ERR_IO, "HTTP/1.1 502 Bad Gateway\r\n");
    expect_answer(shared->scene, POST("/send", "Content-Length: 1\r\n") "\xff", "400 Bad Request", "400");
    expect_answer(shared->scene, POST("/send", "Origin: http://x\r\n"), "403 Forbidden", "403");
    expect_answer(shared->scene, "GET /send HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed", "405");
    tg_server_get_stats(shared->scene->server, &stats);
    assert_int_equal(stats.sends[TG_SEND_WRITTEN], 2);
    assert_int_equal(stats.sends[TG_SEND_CLOSED], 1);
    assert_int_equal(stats.sends[TG_SEND_FAILED], 1);
    assert_int_equal(stats.sends[TG_SEND_REFUSED], 2);
    assert_int_equal(stats.sends[TG_SEND_LIMITED], 0);
}

static void a_backend_that_is_down_is_a_conflict(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    tg_stream_on_outgoing(shared->stream, NULL, NULL);
    expect_answer(shared->scene, HELLO_TO("/send"), "409 Conflict", "409");
}

static void a_backend_that_goes_down_fails_what_waits(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    struct client client = client_open(shared->scene);
    say(&client, HELLO_TO("/send"));
    for (int round = 0; round < ROUNDS_MAX && shared->scene->woken == 0; round++)
        run_round(shared->scene);
    tg_stream_on_outgoing(shared->stream, NULL, NULL);
    hear(shared->scene, &client, "HTTP/1.1 409 Conflict\r\n");
    client_close(&client);
}

static void chunks_and_binary_arrive_as_one_message(void **state)
{
    struct shared *shared = *state;
    shared->scene->send_config.is_binary = true;
    add_shared_route(shared);
    struct client client = client_open(shared->scene);
    say(&client, POST("/send", "Transfer-Encoding: chunked\r\n") "3\r\n\xff\xfe,\r\n");
    settle_down(shared->scene);
    say(&client, "2;a=b\r\nhi\r\n0\r\n\r\n");
    struct tg_outgoing *outgoing = take(shared->scene, shared->stream);
    expect_message(outgoing, "\xff\xfe,hi");
    assert_true(outgoing->is_binary);
    tg_outgoing_finish(outgoing, TG_OK);
    hear(shared->scene, &client, "202 Accepted");
    client_close(&client);
}

static void text_must_be_utf8(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    expect_answer(shared->scene, POST("/send", "Content-Length: 2\r\n") "\xff\xfe", "400 Bad Request", "400");
    assert_int_equal(shared->scene->woken, 0);
}

static void other_methods_and_bodies_are_refused(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    expect_answer(shared->scene, "GET /send HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed",
                  "Allow: POST, OPTIONS\r\n");
    expect_answer(shared->scene, "OPTIONS /send HTTP/1.1\r\nHost: h\r\n\r\n", "204 No Content",
                  "Allow: POST, OPTIONS\r\n");
    expect_answer(shared->scene, POST("/send", "Content-Length: 101\r\n"), "413 Content Too Large", "413");
    expect_answer(shared->scene, POST("/send", "Content-Length: 2\r\nContent-Encoding: br\r\n") "xx",
                  "415 Unsupported Media Type", "415");
    assert_int_equal(shared->scene->woken, 0);
}

static void further_requests_wait(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    struct client client = client_open(shared->scene);
    say(&client, HELLO_TO("/send") HELLO_TO("/send") "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    struct tg_outgoing *first = take(shared->scene, shared->stream);
    assert_null(first->next);
    settle_down(shared->scene);
    assert_null(tg_stream_take_outgoing(shared->stream));
    tg_outgoing_finish(first, TG_OK);
    struct tg_outgoing *second = take(shared->scene, shared->stream);
    listen_on(&client);
    assert_non_null(strstr(client.heard.data, "202 Accepted"));
    assert_null(strstr(client.heard.data, "404"));
    tg_outgoing_finish(second, TG_ERR_CLOSED);
    hear(shared->scene, &client, "HTTP/1.1 404 Not Found\r\n");
    assert_non_null(strstr(client.heard.data, "409 Conflict"));
    client_close(&client);
}

static void a_late_result_is_for_nobody(void **state)
{
    struct shared *shared = *state;
    struct tg_outgoing *outgoing, *second;
    add_shared_route(shared);
    struct client client = send_hello(shared, &outgoing);
    struct tg_connection *waiting = shared->scene->shard->lists[TG_LIST_WAIT];
    assert_non_null(waiting);
    waiting->since_ms -= (uint64_t)shared->scene->config->limits.request_timeout_ms;
    tg_shard_expire(shared->scene->shard, tg_worker_now_ms(shared->scene->shard->worker));
    hear(shared->scene, &client, "HTTP/1.1 504 Gateway Timeout\r\n");
    say(&client, HELLO_TO("/send"));
    second = take(shared->scene, shared->stream);
    tg_buffer_clear(&client.heard);
    tg_outgoing_finish(outgoing, TG_OK);
    settle_down(shared->scene);
    listen_on(&client);
    assert_int_equal(client.heard.length, 0);
    tg_outgoing_finish(second, TG_ERR_CLOSED);
    hear(shared->scene, &client, "HTTP/1.1 409 Conflict\r\n");
    client_close(&client);
}

static void a_client_may_go_while_it_waits(void **state)
{
    struct shared *shared = *state;
    struct tg_outgoing *outgoing;
    add_shared_route(shared);
    struct client client = send_hello(shared, &outgoing);
    tg_connection_close(shared->scene->shard->lists[TG_LIST_WAIT], TG_CLOSE_DRAIN);
    tg_outgoing_finish(outgoing, TG_OK);
    hear_end(shared->scene, &client);
    assert_int_equal(client.heard.length, 0);
    client_close(&client);
}

static void the_server_may_go_while_a_message_waits(void **state)
{
    struct shared *shared = *state;
    struct tg_outgoing *outgoing;
    add_shared_route(shared);
    struct client client = send_hello(shared, &outgoing);
    tg_worker_pool_stop(shared->scene->pool);
    tg_server_free(shared->scene->server);
    shared->scene->server = NULL;
    tg_outgoing_finish(outgoing, TG_OK);
    client_close(&client);
}

/* Sends it and lets the backend take it, or hears that it is too much. */
static bool is_too_often(struct scene *scene, struct tg_stream *stream, const char *request)
{
    struct client client = client_open(scene);
    struct tg_outgoing *outgoing = NULL;
    say(&client, request);
    for (int round = 0; round < ROUNDS_MAX && !outgoing && client.heard.length == 0; round++) {
        run_round(scene);
        listen_on(&client);
        outgoing = tg_stream_take_outgoing(stream);
    }
    if (outgoing) {
        tg_outgoing_finish(outgoing, TG_OK);
        hear(scene, &client, "HTTP/1.1 202 Accepted\r\n");
    } else {
        hear(scene, &client, "HTTP/1.1 429 Too Many Requests\r\n");
        hear(scene, &client, "\r\nRetry-After: 1\r\n");
    }
    client_close(&client);
    return !outgoing;
}

enum { TRIES_MAX = 20 }; /* only if each took a second, none would be too often */

static void who_sends_too_often_is_told_when_to_go_on(void **state)
{
    struct shared *shared = *state;
    int tries = 0;
    shared->scene->rate = (struct tg_config_rate){ .per_second = 1, .burst = 2 };
    add_shared_route(shared);
    while (tries < TRIES_MAX && !is_too_often(shared->scene, shared->stream, HELLO_TO("/send")))
        tries++;
    assert_in_range(tries, 2, TRIES_MAX - 1);
}

static void too_much_that_waits_is_a_limit(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    char *filler = calloc(1, TG_OUTGOING_BYTES_MAX);
    assert_int_equal(
        tg_stream_send(shared->stream, (struct tg_str){ filler, TG_OUTGOING_BYTES_MAX }, true, NULL, NULL, 0),
        TG_OK);
    expect_answer(shared->scene, HELLO_TO("/send"), "429 Too Many Requests", "Retry-After: 1\r\n");
    free(filler);
}

static void while_draining_nothing_is_taken(void **state)
{
    struct shared *shared = *state;
    add_shared_route(shared);
    struct client client = client_open(shared->scene);
    say(&client, "POST /send HTTP/1.1\r\n");
    settle_down(shared->scene);
    shared->scene->shard->is_draining = true;
    say(&client, "Host: h\r\nContent-Length: 5\r\n\r\nhello");
    hear(shared->scene, &client, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_non_null(strstr(client.heard.data, "Retry-After: "));
    client_close(&client);
    shared->scene->shard->is_draining = false;

    client = client_open(shared->scene);
    say(&client, "POST /send HTTP/1.1\r\n");
    settle_down(shared->scene);
    shared->scene->shard->is_draining = true;
    say(&client, "Host: h\r\nContent-Length: 5\r\n\r\n"); /* the body is not waited for */
    hear(shared->scene, &client, "HTTP/1.1 503 Service Unavailable\r\n");
    client_close(&client);
    shared->scene->shard->is_draining = false;
    assert_int_equal(shared->scene->woken, 0);
}

/* ---- sessions and keys -------------------------------------------------------------------------------- */

static void a_session_is_named_by_its_id(void **state)
{
    struct scene *scene = ((struct shared *)*state)->scene;
    char request[256];
    scene->stream_config.scope = TG_SCOPE_CLIENT;
    scene->stream_config.session.is_opened_by_get = true;
    scene->stream_config.session.identity_header = (char *)"X-User";
    add_route(scene, "/s", TG_ROUTE_STREAM);
    scene->rate = (struct tg_config_rate){ .per_second = 1, .burst = 1 };
    add_route(scene, "/say", TG_ROUTE_SEND);
    struct client listener =
        ask(scene, "GET /s HTTP/1.1\r\nHost: h\r\nX-User: u\r\n\r\n", "200 OK", "tidegate.hello\n\n");
    const char *token = tg_stream_epoch(scene->streams[0]);
    expect_answer(scene, HELLO_TO("/say"), "401 Unauthorized", "401");
    expect_answer(scene, POST("/say", "X-User: u\r\nContent-Length: 1\r\n") "x", "404 Not Found", "404");
    snprintf(request, sizeof(request),
             POST("/say", "X-User: v\r\nLast-Event-ID: %s-0\r\nContent-Length: 1\r\n") "x", token);
    expect_answer(scene, request, "404 Not Found", "404");

    snprintf(request, sizeof(request),
             POST("/say?lastEventId=%s-0", "X-User: u\r\nContent-Length: 1\r\n") "x", token);
    int tries = 0;
    while (tries < TRIES_MAX && !is_too_often(scene, scene->streams[0], request))
        tries++;
    assert_in_range(tries, 1, TRIES_MAX - 1);
    assert_int_equal(scene->opened, 1);
    client_close(&listener);
}

static void a_member_stays_while_a_message_waits(void **state)
{
    struct scene *scene = ((struct shared *)*state)->scene;
    static struct tg_config_parameter room = { .name = (char *)"room" };
    struct tg_family_stats stats;
    scene->stream_config.scope = TG_SCOPE_KEYED;
    scene->stream_config.parameters = &room;
    scene->stream_config.parameter_count = 1;
    add_route(scene, "/say/{room}", TG_ROUTE_SEND);
    struct client client = client_open(scene);
    say(&client, HELLO_TO("/say/lobby"));
    for (int round = 0; round < ROUNDS_MAX && scene->opened == 0; round++)
        run_round(scene);
    assert_string_equal(scene->said.data, "room=lobby\n?\n");
    struct tg_outgoing *outgoing = take(scene, scene->streams[0]);
    tg_family_get_stats(scene->family, &stats);
    assert_int_equal(stats.subscribers, 1);
    tg_outgoing_finish(outgoing, TG_OK);
    hear(scene, &client, "202 Accepted");
    tg_family_get_stats(scene->family, &stats);
    assert_int_equal(stats.subscribers, 0);
    client_close(&client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_answer_comes_when_the_backend_has_the_message),
        TEST(what_became_of_messages_is_counted),
        TEST(a_backend_that_is_down_is_a_conflict),
        TEST(a_backend_that_goes_down_fails_what_waits),
        TEST(chunks_and_binary_arrive_as_one_message),
        TEST(text_must_be_utf8),
        TEST(other_methods_and_bodies_are_refused),
        TEST(further_requests_wait),
        TEST(a_late_result_is_for_nobody),
        TEST(a_client_may_go_while_it_waits),
        TEST(the_server_may_go_while_a_message_waits),
        TEST(who_sends_too_often_is_told_when_to_go_on),
        TEST(too_much_that_waits_is_a_limit),
        TEST(while_draining_nothing_is_taken),
        TEST(a_session_is_named_by_its_id),
        TEST(a_member_stays_while_a_message_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
