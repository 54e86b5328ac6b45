/* Unit tests: which stream a client gets, by the scope of its route: over sockets, with the backends played by the test. */
#include "downstream_scene.h"

static char *forwarded[] = { (char *)"X-User", NULL };
static char *everything[] = { (char *)"*", NULL };
static struct tg_config_parameter parameters[] = { { .name = (char *)"room" }, { .name = (char *)"lang" } };

#define GET(target, fields) "GET " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define NATIVE(target, fields) GET(target, "Accept: text/event-stream\r\n" fields)
#define POST(target, fields) "POST " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

/* Scope client, at "/s" and "/r/{room}". */
static int set_up_sessions(void **state)
{
    struct scene *scene = scene_new();
    scene->stream_config.scope = TG_SCOPE_CLIENT;
    scene->stream_config.session =
        (struct tg_config_session){ .is_opened_by_get = true, .max_body_bytes = 100 };
    *state = scene;
    return 0;
}

static int set_up_keyed(void **state)
{
    struct scene *scene = scene_new();
    scene->stream_config.scope = TG_SCOPE_KEYED;
    scene->stream_config.parameters = parameters;
    scene->stream_config.parameter_count = 2;
    add_route(scene, "/r/{room}/{lang}", TG_ROUTE_STREAM);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_free(*state);
    return 0;
}

static uint64_t count_subscribers(struct scene *scene)
{
    struct tg_family_stats stats;
    tg_family_get_stats(scene->family, &stats);
    return stats.subscribers;
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

static void a_client_is_told_its_token_at_once(void **state)
{
    struct scene *scene = *state;
    char id[TG_ID_MAX + 64];
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client client = ask(scene, NATIVE("/s", ""), "200 OK", "-0\n\n");
    assert_int_equal(scene->opened, 1);
    snprintf(id, sizeof(id), "}\nid: %s-0\n\n", tg_stream_epoch(scene->streams[0]));
    assert_non_null(strstr(client.heard.data, id));
    append_event(scene->streams[0], "one");
    hear(scene, &client, "data: one\n");
    client_close(&client);
}

static void each_client_has_a_session_of_its_own(void **state)
{
    struct scene *scene = *state;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client one = ask(scene, NATIVE("/s", ""), "200 OK", "\nid: ");
    struct client two = ask(scene, NATIVE("/s", ""), "200 OK", "\nid: ");
    assert_int_equal(scene->opened, 2);
    append_event(scene->streams[1], "for two");
    hear(scene, &two, "data: for two\n");
    listen_on(&one);
    assert_null(strstr(one.heard.data, "for two"));
    client_close(&one);
    client_close(&two);
}

static void what_came_before_the_answer_is_not_lost(void **state)
{
    struct scene *scene = *state;
    char request[256];
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client first = ask(scene, NATIVE("/s", ""), "200 OK", "\nid: ");
    append_event(scene->streams[0], "one");
    snprintf(request, sizeof(request), NATIVE("/s", "Last-Event-ID: %s-0\r\n"),
             tg_stream_epoch(scene->streams[0]));
    struct client again = ask(scene, request, "200 OK", "data: one\n");
    assert_int_equal(scene->opened, 1);
    assert_null(strstr(again.heard.data, "-0\n"));
    assert_null(strstr(again.heard.data, "tidegate.gap"));
    client_close(&first);
    client_close(&again);
}

static void an_id_in_the_query_resumes_too(void **state)
{
    struct scene *scene = *state;
    char request[256];
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client first = ask(scene, NATIVE("/s", ""), "200 OK", "\nid: ");
    append_event(scene->streams[0], "one");
    append_event(scene->streams[0], "two");
    snprintf(request, sizeof(request), NATIVE("/s?lastEventId=%s-1", ""), tg_stream_epoch(scene->streams[0]));
    struct client again = ask(scene, request, "200 OK", "data: two\n");
    assert_null(strstr(again.heard.data, "data: one"));
    assert_int_equal(scene->opened, 1);
    client_close(&first);
    client_close(&again);
}

static void an_unknown_id_opens_a_new_session_and_is_told(void **state)
{
    struct scene *scene = *state;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client client =
        ask(scene, NATIVE("/s", "Last-Event-ID: 0123456789abcdef0123456789abcdef-7\r\n"), "200 OK",
            "{\"reason\":\"unknown\",\"missed\":null,"
            "\"after\":\"0123456789abcdef0123456789abcdef-7\",\"before\":null}");
    assert_int_equal(scene->opened, 1);
    assert_non_null(strstr(client.heard.data, "}\nid: "));
    client_close(&client);
}

static void without_its_identity_nobody_gets_in(void **state)
{
    struct scene *scene = *state;
    scene->stream_config.session.identity_cookie = (char *)"sid";
    add_route(scene, "/s", TG_ROUTE_STREAM);
    expect_answer(scene, NATIVE("/s", ""), "401 Unauthorized", "401");
    expect_answer(scene, NATIVE("/s", "Cookie: sid=\r\n"), "401 Unauthorized", "401");
    expect_answer(scene, "HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n", "401 Unauthorized", "\r\n\r\n");
    expect_answer(scene, "HEAD /s HTTP/1.1\r\nHost: h\r\nCookie: sid=a\r\n\r\n", "200 OK", "event-stream");
    assert_int_equal(scene->opened, 0);
}

static void a_refusal_says_what_is_asked_for(void **state)
{
    struct scene *scene = *state;
    struct tg_config_session *session = &scene->stream_config.session;
    session->identity_cookie = (char *)"sid";
    add_route(scene, "/s", TG_ROUTE_STREAM);
    expect_answer(scene, NATIVE("/s", ""), "401 Unauthorized", "\r\nWWW-Authenticate: Cookie\r\n");
    session->identity_cookie = NULL;
    session->identity_header = (char *)"authorization";
    expect_answer(scene, NATIVE("/s", ""), "401 Unauthorized", "\r\nWWW-Authenticate: Bearer\r\n");
    session->identity_header = (char *)"X-User";
    expect_answer(scene, NATIVE("/s", ""), "401 Unauthorized", "\r\nWWW-Authenticate: ApiKey\r\n");
}

enum { TRIES_MAX = 20 }; /* only if each took a second, none would be too often */

/* The bucket fills up while the test goes on, so that it is asked until it is empty. */
static void who_opens_too_many_sessions_is_told_when_to_come_back(void **state)
{
    struct scene *scene = *state;
    struct client listeners[TRIES_MAX];
    char request[256];
    int count = 0;
    scene->rate = (struct tg_config_rate){ .per_second = 1, .burst = 2 };
    add_route(scene, "/s", TG_ROUTE_STREAM);
    for (; count < TRIES_MAX; count++) {
        listeners[count] = client_open(scene);
        say(&listeners[count], NATIVE("/s", ""));
        hear(scene, &listeners[count], "tidegate.hello\n\n");
        if (!strstr(listeners[count].heard.data, "Transfer-Encoding"))
            break; /* it is an answer with an end */
    }
    assert_in_range(count, 2, TRIES_MAX - 1);
    assert_non_null(strstr(listeners[count].heard.data, "\r\n\r\nretry: "));
    assert_int_equal(scene->opened, count);

    snprintf(request, sizeof(request), NATIVE("/s?lastEventId=%s-0", ""), tg_stream_epoch(scene->streams[0]));
    for (int i = 0; i < 3; i++) { /* to come back counts as none */
        struct client again = ask(scene, request, "200 OK", "tidegate.hello\n\n");
        assert_non_null(strstr(again.heard.data, "Transfer-Encoding"));
        client_close(&again);
    }
    assert_int_equal(scene->opened, count);
    for (int i = 0; i <= count; i++)
        client_close(&listeners[i]);
}

static void a_session_is_resumed_by_its_owner_alone(void **state)
{
    struct scene *scene = *state;
    char request[256];
    scene->stream_config.session.identity_cookie = (char *)"sid";
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client owner = ask(scene, NATIVE("/s", "Cookie: sid=a\r\n"), "200 OK", "\nid: ");
    append_event(scene->streams[0], "secret");
    snprintf(request, sizeof(request), NATIVE("/s", "Cookie: sid=b\r\nLast-Event-ID: %s-0\r\n"),
             tg_stream_epoch(scene->streams[0]));
    struct client other = ask(scene, request, "200 OK", "tidegate.gap");
    assert_int_equal(scene->opened, 2);
    assert_null(strstr(other.heard.data, "secret"));
    snprintf(request, sizeof(request), NATIVE("/s", "Cookie: sid=a\r\nLast-Event-ID: %s-0\r\n"),
             tg_stream_epoch(scene->streams[0]));
    expect_answer(scene, request, "200 OK", "secret");
    assert_int_equal(scene->opened, 2);
    client_close(&owner);
    client_close(&other);
}

static void what_is_configured_goes_along(void **state)
{
    struct scene *scene = *state;
    scene->stream_config.session.forward_headers = forwarded;
    scene->stream_config.session.forward_query = everything;
    scene->stream_config.parameters = parameters;
    scene->stream_config.parameter_count = 1;
    add_route(scene, "/r/{room}", TG_ROUTE_STREAM);
    struct client client =
        ask(scene, NATIVE("/r/lobby?a=%20&lastEventId=x", "X-User: u\r\nCookie: c\r\nx-user: v\r\n"),
            "200 OK", "\nid: ");
    assert_string_equal(scene->said.data, "room=lobby\nX-User: u, v\n?a=%20\n");
    client_close(&client);
    expect_answer(scene, NATIVE("/r/!", ""), "404 Not Found", "404");
}

static void at_a_limit_clients_are_told_to_come_back(void **state)
{
    struct scene *scene = *state;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    scene->open_result = TG_ERR_LIMIT;
    expect_answer(scene, NATIVE("/s", ""), "200 OK", "retry: ");
    expect_answer(scene, GET("/s", ""), "503 Service Unavailable", "Retry-After: ");
    scene->open_result = TG_ERR_IO;
    expect_answer(scene, NATIVE("/s", ""), "200 OK", "retry: ");
    expect_answer(scene, GET("/s", ""), "502 Bad Gateway", "502");
    assert_int_equal(scene->opened, 0);
    assert_int_equal(count_subscribers(scene), 0);
}

static void what_never_can_be_opened_is_not_asked_for_again(void **state)
{
    struct scene *scene = *state;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    scene->open_result = TG_ERR_INVALID;
    expect_answer(scene, NATIVE("/s", ""), "400 Bad Request", "400");
    scene->open_complaint = "headers: expected others";
    expect_answer(scene, NATIVE("/s", ""), "400 Bad Request", "400 Bad Request\nheaders: expected others\n");
    scene->open_complaint = NULL;
    scene->open_result = TG_ERR_TOO_LARGE;
    expect_answer(scene, NATIVE("/s", ""), "431 Request Header Fields Too Large", "431");
    expect_answer(scene, GET("/s", ""), "431 Request Header Fields Too Large", "431");
    assert_int_equal(scene->opened, 0);
}

static void who_has_gone_is_no_subscriber(void **state)
{
    struct scene *scene = *state;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client client = ask(scene, NATIVE("/s", ""), "200 OK", "\nid: ");
    assert_int_equal(count_subscribers(scene), 1);
    client_close(&client);
    for (int round = 0; round < ROUNDS_MAX && count_subscribers(scene) > 0; round++)
        run_round(scene);
    assert_int_equal(count_subscribers(scene), 0);
}

/* ---- sessions that a POST opens ------------------------------------------------------------------------ */

static void a_post_opens_a_session_with_its_body(void **state)
{
    struct scene *scene = *state;
    scene->stream_config.session.is_opened_by_post = true;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    struct client client = ask(scene, POST("/s", "Content-Length: 5\r\n") "hello", "200 OK", "\nid: ");
    assert_non_null(strstr(client.heard.data, "Content-Type: text/event-stream\r\n"));
    assert_string_equal(scene->said.data, "?\nbody hello\n");
    append_event(scene->streams[0], "one");
    hear(scene, &client, "data: one\n");
    client_close(&client);
    expect_answer(scene, POST("/s", "Transfer-Encoding: chunked\r\n") "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                  "200 OK", "\nid: ");
    assert_string_equal(scene->said.data, "?\nbody hello\n");
    expect_answer(scene, POST("/s", ""), "200 OK", "\nid: ");
    assert_string_equal(scene->said.data, "?\nbody \n");
}

static void a_get_may_only_resume_what_a_post_opens(void **state)
{
    struct scene *scene = *state;
    char request[256];
    scene->stream_config.session.is_opened_by_post = true;
    scene->stream_config.session.is_opened_by_get = false;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    expect_answer(scene, NATIVE("/s", ""), "405 Method Not Allowed", "Allow: POST, OPTIONS\r\n");
    expect_answer(scene, NATIVE("/s", "Last-Event-ID: x-1\r\n"), "405 Method Not Allowed", "Allow: POST");
    expect_answer(scene, "HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed", "Allow: POST");
    assert_int_equal(scene->opened, 0);
    struct client first = ask(scene, POST("/s", "Content-Length: 2\r\n") "{}", "200 OK", "\nid: ");
    snprintf(request, sizeof(request), NATIVE("/s", "Last-Event-ID: %s-0\r\n"),
             tg_stream_epoch(scene->streams[0]));
    append_event(scene->streams[0], "one");
    expect_answer(scene, request, "200 OK", "data: one\n");
    snprintf(request, sizeof(request), POST("/s", "Last-Event-ID: %s-0\r\nContent-Length: 2\r\n") "{}",
             tg_stream_epoch(scene->streams[0]));
    expect_answer(scene, request, "200 OK", "data: one\n");
    assert_int_equal(scene->opened, 1);
    client_close(&first);
}

static void a_post_is_not_for_streams_that_want_none(void **state)
{
    struct scene *scene = *state;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    expect_answer(scene, POST("/s", "Content-Length: 2\r\n") "{}", "405 Method Not Allowed",
                  "Allow: GET, HEAD, OPTIONS\r\n");
}

static void bodies_that_cannot_be_taken_are_refused(void **state)
{
    struct scene *scene = *state;
    char request[512];
    scene->stream_config.session.is_opened_by_post = true;
    add_route(scene, "/s", TG_ROUTE_STREAM);
    expect_answer(scene, POST("/s", "Content-Length: 101\r\n"), "413 Content Too Large", "Connection: close");
    snprintf(request, sizeof(request), POST("/s", "Transfer-Encoding: chunked\r\n") "64\r\n%0100d\r\n1\r\n",
             0);
    expect_answer(scene, request, "413 Content Too Large", "Connection: close");
    expect_answer(scene, POST("/s", "Content-Encoding: gzip\r\nContent-Length: 2\r\n") "{}",
                  "415 Unsupported Media Type", "415");
    assert_int_equal(scene->opened, 0);
    scene->open_result = TG_ERR_LIMIT;
    expect_answer(scene, POST("/s", "Accept: text/event-stream\r\nContent-Length: 2\r\n") "{}",
                  "503 Service Unavailable", "Retry-After: ");
    scene->open_result = TG_ERR_INVALID;
    expect_answer(scene, POST("/s", "Content-Length: 2\r\n") "{}", "400 Bad Request", "400");
}

/* ---- keyed -------------------------------------------------------------------------------------------- */

static void clients_of_the_same_path_share_a_stream(void **state)
{
    struct scene *scene = *state;
    struct client one = ask(scene, NATIVE("/r/lobby/de", "X-User: u\r\n"), "200 OK", "tidegate.hello");
    struct client two = ask(scene, NATIVE("/r/lobby/%64e?x=y", ""), "200 OK", "tidegate.hello");
    assert_int_equal(scene->opened, 1);
    assert_string_equal(scene->said.data, "room=lobby\nlang=de\n?\n");
    assert_null(strstr(one.heard.data, "\nid: "));
    append_event(scene->streams[0], "to both");
    hear(scene, &one, "data: to both\n");
    hear(scene, &two, "data: to both\n");
    struct client three = ask(scene, NATIVE("/r/lobby/en", ""), "200 OK", "tidegate.hello");
    assert_int_equal(scene->opened, 2);
    client_close(&one);
    client_close(&two);
    client_close(&three);
}

static void a_head_opens_nothing(void **state)
{
    struct scene *scene = *state;
    expect_answer(scene, "HEAD /r/lobby/de HTTP/1.1\r\nHost: h\r\n\r\n", "200 OK", "text/event-stream");
    assert_int_equal(scene->opened, 0);
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void an_ended_stream_ends_its_clients_and_they_learn_that_it_is_over(void **state)
{
    struct scene *scene = *state;
    char request[256];
    struct tg_event farewell = { .type = TG_STR("tidegate.end"), .data = TG_STR("{}"), .is_control = true };
    struct client client = ask(scene, NATIVE("/r/lobby/de", ""), "200 OK", "tidegate.hello");
    append_event(scene->streams[0], "one");
    assert_int_equal(tg_stream_end(scene->streams[0], &farewell, 1), TG_OK);
    hear(scene, &client, "event: tidegate.end\ndata: {}\n\n\r\n0\r\n\r\n");
    hear_end(scene, &client);
    struct tg_server_stats stats;
    tg_server_get_stats(scene->server, &stats);
    assert_int_equal(stats.closed[TG_CLOSE_DONE], 1);
    snprintf(request, sizeof(request), NATIVE("/r/lobby/de", "Last-Event-ID: %s-1\r\n"),
             tg_stream_epoch(scene->streams[0]));
    expect_answer(scene, request, "204 No Content", "\r\n\r\n");
    expect_answer(scene, NATIVE("/r/lobby/de", ""), "204 No Content", "\r\n\r\n");
    scene->stream_config.initial = TG_INITIAL_ALL;
    expect_answer(scene, NATIVE("/r/lobby/de", ""), "200 OK", "data: {}\n\n\r\n0\r\n\r\n");
    assert_int_equal(scene->opened, 1);
    assert_int_equal(count_subscribers(scene), 0);
    client_close(&client);
}

static void who_came_to_a_stream_that_was_given_up_is_to_come_back(void **state)
{
    struct scene *scene = *state;
    struct client client = ask(scene, NATIVE("/r/lobby/de", ""), "200 OK", "tidegate.hello");
    assert_int_equal(tg_stream_end(scene->streams[0], NULL, 0), TG_OK);
    hear_end(scene, &client);
    expect_answer(scene, NATIVE("/r/lobby/de", ""), "200 OK", "retry: ");
    expect_answer(scene, GET("/r/lobby/de", ""), "503 Service Unavailable", "Retry-After: ");
    assert_int_equal(count_subscribers(scene), 0);
    client_close(&client);
}

int main(void)
{
#define SESSIONS(name) cmocka_unit_test_setup_teardown(name, set_up_sessions, tear_down)
#define KEYED(name) cmocka_unit_test_setup_teardown(name, set_up_keyed, tear_down)
    const struct CMUnitTest tests[] = {
        SESSIONS(a_client_is_told_its_token_at_once),
        SESSIONS(each_client_has_a_session_of_its_own),
        SESSIONS(what_came_before_the_answer_is_not_lost),
        SESSIONS(an_id_in_the_query_resumes_too),
        SESSIONS(an_unknown_id_opens_a_new_session_and_is_told),
        SESSIONS(without_its_identity_nobody_gets_in),
        SESSIONS(a_refusal_says_what_is_asked_for),
        SESSIONS(who_opens_too_many_sessions_is_told_when_to_come_back),
        SESSIONS(a_session_is_resumed_by_its_owner_alone),
        SESSIONS(what_is_configured_goes_along),
        SESSIONS(at_a_limit_clients_are_told_to_come_back),
        SESSIONS(what_never_can_be_opened_is_not_asked_for_again),
        SESSIONS(who_has_gone_is_no_subscriber),
        SESSIONS(a_post_opens_a_session_with_its_body),
        SESSIONS(a_get_may_only_resume_what_a_post_opens),
        SESSIONS(a_post_is_not_for_streams_that_want_none),
        SESSIONS(bodies_that_cannot_be_taken_are_refused),
        KEYED(clients_of_the_same_path_share_a_stream),
        KEYED(a_head_opens_nothing),
        KEYED(an_ended_stream_ends_its_clients_and_they_learn_that_it_is_over),
        KEYED(who_came_to_a_stream_that_was_given_up_is_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
