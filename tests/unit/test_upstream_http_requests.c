/* The HTTP client towards backends: what it asks, and how often it connects to do so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>

#include "http_fixture.h"

#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

const struct backend_route fixture_routes[] = {
    { "/", .answer = EMPTY },
    { "/a/../b/./%7e|?x={y}&z=\"", .answer = EMPTY },
    { "/304", .answer = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" },
    { "/unread", .answer = "HTTP/1.1 500 Broken\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
      .then = BACKEND_IS_SILENT },
    { "/once", .answer = EMPTY, .then = BACKEND_ANSWERS_ONCE },
    { "/closes", .answer = EMPTY, .then = BACKEND_CLOSES },
    { "/last", .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      .then = BACKEND_CLOSES },
    { 0 },
};

static void run(struct call *call)
{
    call_run(call);
    if (call->reason != TG_REASON_NONE)
        print_message("%s\n", call->detail);
    assert_int_equal(call->reason, TG_REASON_NONE);
    assert_int_equal(call->ends, 1);
    call_deinit(call);
}

static void assert_heard(struct fixture *f, const char *text, unsigned times)
{
    if (backend_heard(&f->backend, text) != times)
        print_message("\"%s\" in:\n%s\n", text, f->backend.log.data);
    assert_int_equal(backend_heard(&f->backend, text), times);
}

/* ---- what is asked ----------------------------------------------------------------------------- */

static void a_request_says_what_it_should_and_no_more(void **state)
{
    struct fixture *f = *state;
    char host[64];
    struct call call;

    init(f, &call, "/");
    run(&call);
    snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", f->backend.port);
    assert_heard(f, "GET / HTTP/1.1\r\n", 1);
    assert_heard(f, host, 1);
    assert_heard(f, "Host:", 1);
    assert_heard(f, "\r\nUser-Agent: tidegate/" TIDEGATE_VERSION "\r\n", 1);
    assert_heard(f, "\r\nAccept-Encoding: gzip, deflate\r\n", 1);
    assert_heard(f, "\r\nAccept: */*\r\n", 1);
    assert_heard(f, "Authorization", 0);
    assert_heard(f, "Cookie", 0);
    assert_heard(f, "Expect", 0);
    assert_heard(f, "Content-", 0);
    assert_heard(f, "Origin", 0);
    assert_heard(f, "\r\n", 6); /* the request line, four headers, the end */
}

static void the_path_goes_out_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/a/../b/./%7e|?x={y}&z=\"");
    run(&call);
    assert_heard(f, "GET /a/../b/./%7e|?x={y}&z=\" HTTP/1.1\r\n", 1);
}

static void headers_and_credentials_of_the_configuration_are_sent(void **state)
{
    static struct tg_config_header headers[] = { HEADER("X-Key", "k: 1;2"),
                                                 HEADER("Cookie", "a=b"),
                                                 HEADER("X-Empty", ""),
                                                 HEADER("X-Blank", " \t"),
                                                 { NULL, NULL } };
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/");
    call.config.headers = headers;
    call.config.origin = (char *)"https://app.example.com";
    call.config.basic_user = (char *)"tide";
    call.config.basic_password = (char *)"g\xc3\xa4te:";
    run(&call);
    assert_heard(f, "\r\nX-Key: k: 1;2\r\n", 1);
    assert_heard(f, "\r\nCookie: a=b\r\n", 1);
    assert_heard(f, "\r\nX-Empty:\r\n", 1);
    assert_heard(f, "\r\nX-Blank:\r\n", 1);
    assert_heard(f, "\r\nOrigin: https://app.example.com\r\n", 1);
    assert_heard(f, "\r\nAuthorization: Basic dGlkZTpnw6R0ZTo=\r\n", 1);

    init(f, &call, "/");
    call.config.bearer = (char *)"t0ken";
    run(&call);
    assert_heard(f, "\r\nAuthorization: Bearer t0ken\r\n", 1);
    assert_heard(f, "Authorization", 2);
}

static void the_configuration_comes_first(void **state)
{
    static struct tg_config_header configured[] = { HEADER("user-agent", "legacy"),
                                                    HEADER("accept", "text/x"),
                                                    HEADER("content-type", "text/y"),
                                                    { NULL, NULL } };
    static const struct tg_config_header requested[] = { HEADER("Accept", "text/event-stream"),
                                                         HEADER("Last-Event-ID", "7"),
                                                         { NULL, NULL } };
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/");
    call.request.headers = requested;
    run(&call);
    assert_heard(f, "\r\nAccept: text/event-stream\r\n", 1);
    assert_heard(f, "Accept:", 1);
    assert_heard(f, "\r\nLast-Event-ID: 7\r\n", 1);

    init(f, &call, "/");
    call.config.headers = configured;
    call.request.headers = requested;
    call.request.is_post = true;
    call.request.content_type = "application/json";
    run(&call);
    assert_heard(f, "Accept: text/event-stream", 1);
    assert_heard(f, "\r\naccept: text/x\r\n", 1);
    assert_heard(f, "User-Agent", 1);
    assert_heard(f, "\r\nuser-agent: legacy\r\n", 1);
    assert_heard(f, "Content-Type", 0);
    assert_heard(f, "\r\ncontent-type: text/y\r\n", 1);
    assert_heard(f, "\r\nLast-Event-ID: 7\r\n", 2);
}

static void a_value_that_would_end_its_line_is_left_out(void **state)
{
    static const struct tg_config_header headers[] = { HEADER("If-None-Match", "a\r\nX-Evil: 1"),
                                                       HEADER("X-Good", "\"\xc3\xa4\""),
                                                       { NULL, NULL } };
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/");
    call.request.headers = headers;
    run(&call);
    assert_heard(f, "X-Evil", 0);
    assert_heard(f, "If-None-Match", 0);
    assert_heard(f, "\r\nX-Good: \"\xc3\xa4\"\r\n", 1);
}

static void a_body_is_posted_at_once(void **state)
{
    enum { LARGE = 3 * 1024 * 1024 };
    struct fixture *f = *state;
    struct call call;
    char *large = tg_alloc(LARGE + 1);

    memset(large, 'x', LARGE);
    init(f, &call, "/");
    call.request.is_post = true;
    call.request.body = (struct tg_str){ large, LARGE };
    call.request.content_type = "application/json";
    run(&call);
    assert_heard(f, "POST / HTTP/1.1\r\n", 1);
    assert_heard(f, "\r\nContent-Type: application/json\r\n", 1);
    assert_heard(f, "\r\nContent-Length: 3145728\r\n", 1);
    assert_heard(f, "Expect", 0);
    assert_heard(f, large, 1);
    free(large);

    init(f, &call, "/");
    call.request.is_post = true;
    run(&call);
    assert_heard(f, "\r\nContent-Length: 0\r\n", 1);
    assert_heard(f, "Content-Type", 1); /* that of the first one */
}

static void the_environment_names_no_proxy(void **state)
{
    struct fixture *f = *state;
    struct call call;
    char proxy[64];
    uint16_t port = 0;
    int fd = backend_bind(false, &port);

    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", port);
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    init(f, &call, "/");
    run(&call);
    assert_heard(f, "GET / HTTP/1.1\r\n", 1);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    close(fd);
}

/* ---- connections ------------------------------------------------------------------------------- */

static void a_connection_is_used_again(void **state)
{
    struct fixture *f = *state;
    struct call call;

    for (int i = 0; i < 20; i++) {
        init(f, &call, i % 2 ? "/304" : "/");
        call.at_head = i % 4 < 2 ? GOES_ON : REFUSES; /* where there is no body, it is all the same */
        run(&call);
    }
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 1);
    assert_int_equal(backend_count(&f->backend, &f->backend.requests), 20);
}

static void a_connection_with_a_body_that_nobody_wants_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/unread");
    call.at_head = REFUSES;
    run(&call);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
    init(f, &call, "/unread");
    call.at_body = REFUSES;
    run(&call);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
}

static void a_connection_that_has_died_meanwhile_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/closes");
    run(&call);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
    init(f, &call, "/");
    run(&call);
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 2);
}

static void a_connection_that_dies_under_the_next_request_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/once");
    run(&call);
    init(f, &call, "/");
    call.request.is_post = true;
    call.request.body = TG_STR("hello");
    call.request.content_type = "text/plain";
    run(&call);
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 2);
    assert_heard(f, "\r\n\r\nhello", 2);
}

static void what_is_to_be_sent_once_is_not_tried_on_an_old_connection(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/once");
    run(&call);
    init(f, &call, "/");
    call.request.is_post = call.request.is_once = true;
    call.request.body = TG_STR("hello");
    run(&call);
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 2);
    assert_heard(f, "\r\n\r\nhello", 1);
}

static void thousands_of_exchanges_leave_nothing_behind(void **state)
{
    static const char *const paths[] = { "/", "/last", "/304", "/once", "/404" };
    struct fixture *f = *state;
    struct call call;
    size_t descriptors = 0;

    for (int i = 0; i < 2000; i++) {
        init(f, &call, paths[i % TG_COUNT_OF(paths)]);
        run(&call);
        if (i == 499)
            descriptors = count_descriptors();
    }
    assert_true(count_descriptors() <=
                descriptors + 2); /* one for each side of the connection that is kept */
    assert_true(backend_count(&f->backend, &f->backend.requests) >= 2000);
}

static void many_at_once_are_no_trouble(void **state)
{
    enum { COUNT = 50 };
    struct fixture *f = *state;
    struct call *calls = tg_alloc(COUNT * sizeof(*calls));

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            init(f, &calls[i], "/");
            call_start(&calls[i]);
        }
        for (int i = 0; i < COUNT; i++) {
            await(&calls[i].done);
            assert_int_equal(calls[i].reason, TG_REASON_NONE);
            call_deinit(&calls[i]);
        }
    }
    assert_int_equal(backend_count(&f->backend, &f->backend.requests), 3 * COUNT);
    assert_true(backend_count(&f->backend, &f->backend.accepted) <= COUNT);
    free(calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_says_what_it_should_and_no_more),
        TEST(the_path_goes_out_as_it_is),
        TEST(headers_and_credentials_of_the_configuration_are_sent),
        TEST(the_configuration_comes_first),
        TEST(a_value_that_would_end_its_line_is_left_out),
        TEST(a_body_is_posted_at_once),
        TEST(the_environment_names_no_proxy),
        TEST(a_connection_is_used_again),
        TEST(a_connection_with_a_body_that_nobody_wants_is_dropped),
        TEST(a_connection_that_has_died_meanwhile_is_made_anew),
        TEST(a_connection_that_dies_under_the_next_request_is_made_anew),
        TEST(what_is_to_be_sent_once_is_not_tried_on_an_old_connection),
        TEST(thousands_of_exchanges_leave_nothing_behind),
        TEST(many_at_once_are_no_trouble),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
