/* The HTTP client towards backends: redirects, and what must not follow them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>

#include "http_backend.h"
#include "http_calls.h"
#include "http_names.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define FOUND "HTTP/1.1 302 Found\r\n"
#define NOTHING "Content-Length: 0\r\n\r\n"
#define TO(status) "HTTP/1.1 " #status " Redirect\r\nLocation: /end\r\n" NOTHING

enum { ROUTES_MAX = 40 };

struct fixture {
    struct caller caller;
    struct backend here, there; /* two sites */
    struct backend_route routes[ROUTES_MAX];
    char to_there[128], to_here[128], absolute[128], ftp[128];
    size_t descriptors;
};

static const struct backend_route fixed[] = {
    { "/end", .answer = OK },
    { "/301", .answer = TO(301) },
    { "/302", .answer = TO(302) },
    { "/303", .answer = TO(303) },
    { "/307", .answer = TO(307) },
    { "/308", .answer = TO(308) },
    { "/300", .answer = TO(300) },
    { "/chain", .answer = FOUND "Location: chain2?x=1\r\nRetry-After: 9\r\nETag: \"old\"\r\n" NOTHING },
    { "/chain2?x=1", .answer = FOUND "Location: ../end#part\r\n" NOTHING },
    { "/loop", .answer = FOUND "Location: /loop\r\n" NOTHING },
    { "/nowhere", .answer = FOUND NOTHING },
    { "/two", .answer = FOUND "Location: /end\r\nLocation: /end\r\n" NOTHING },
    { "/space", .answer = FOUND "Location: /a b\r\n" NOTHING },
    { "/short", .answer = FOUND "Location: /end\r\nContent-Length: 6\r\n\r\nmoved\n" },
    { "/endless", .answer = FOUND "Location: /end\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n",
      .then = BACKEND_IS_SILENT },
    { "/to-close", .answer = FOUND "Location: /end\r\n\r\nmoved", .then = BACKEND_IS_SILENT },
    { "/cut", .answer = FOUND "Location: /end\r\nContent-Length: 6\r\n\r\nmov", .then = BACKEND_CLOSES },
};

static void add_route(struct fixture *f, size_t index, const char *target, const char *answer)
{
    f->routes[index] = (struct backend_route){ .target = target, .answer = answer };
}

static int set_up(void **state)
{
    struct fixture *f = tg_alloc(sizeof(*f));
    size_t count = TG_COUNT_OF(fixed);

    settle_descriptors();
    f->descriptors = count_descriptors();
    f->here.routes = f->there.routes = f->routes;
    assert_true(backend_start(&f->here));
    assert_true(backend_start(&f->there));
    memcpy(f->routes, fixed, sizeof(fixed));
    snprintf(f->to_there, sizeof(f->to_there), FOUND "Location: http://there.test:%u/end\r\n" NOTHING,
             f->there.port);
    snprintf(f->to_here, sizeof(f->to_here), FOUND "Location: http://127.0.0.1:%u/end\r\n" NOTHING,
             f->here.port);
    snprintf(f->absolute, sizeof(f->absolute), FOUND "Location: HTTP://127.0.0.1:%u/end\r\n" NOTHING,
             f->here.port);
    snprintf(f->ftp, sizeof(f->ftp), FOUND "Location: ftp://127.0.0.1:%u/end\r\n" NOTHING, f->here.port);
    add_route(f, count++, "/to-there", f->to_there);
    add_route(f, count++, "/to-here", f->to_here);
    add_route(f, count++, "/absolute", f->absolute);
    add_route(f, count++, "/ftp", f->ftp);
    caller_start(&f->caller);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    caller_stop(&f->caller);
    backend_stop(&f->here);
    backend_stop(&f->there);
    assert_int_equal(count_descriptors(), f->descriptors);
    free(f);
    return 0;
}

static void init(struct fixture *f, struct call *call, const char *path)
{
    call_init(call, &f->caller, "127.0.0.1", f->here.port, path);
}

static void assert_arrived(const struct call *call)
{
    if (call->reason != TG_REASON_NONE)
        print_message("%s\n", call->detail);
    assert_int_equal(call->reason, TG_REASON_NONE);
    assert_int_equal(call->heads, 1);
    assert_int_equal(call->ends, 1);
    assert_int_equal(call->status, 200);
    assert_string_equal(call_body(call), "hello");
}

static void expect_lost(struct fixture *f, const char *path, const char *detail)
{
    struct call call;

    init(f, &call, path);
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_REDIRECT);
    assert_string_equal(call.detail, detail);
    assert_int_equal(call.heads, 0);
    call_deinit(&call);
}

/* ---- the way ----------------------------------------------------------------------------------- */

static void methods_change_as_they_should(void **state)
{
    static const struct {
        const char *path;
        bool is_post, is_still_post;
    } cases[] = {
        { "/301", false, false }, { "/302", false, false }, { "/303", false, false },
        { "/307", false, false }, { "/308", false, false }, { "/301", true, false },
        { "/302", true, false },  { "/303", true, false },  { "/307", true, true },
        { "/308", true, true },
    };
    struct fixture *f = *state;
    unsigned posts = 0, gets = 0;

    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct call call;
        init(f, &call, cases[i].path);
        call.request.is_post = cases[i].is_post;
        call.request.body = TG_STR("question");
        call.request.content_type = "text/plain";
        call_run(&call);
        assert_arrived(&call);
        assert_string_equal(call_redirects(&call), "127.0.0.1 ");
        call_deinit(&call);
        posts += cases[i].is_still_post;
        gets += !cases[i].is_still_post;
        assert_int_equal(backend_heard(&f->here, "GET /end "), gets);
        assert_int_equal(backend_heard(&f->here, "POST /end "), posts);
    }
    assert_int_equal(backend_heard(&f->here, "question"), 5 + 2);
    assert_int_equal(backend_heard(&f->here, "Content-Type"), 5 + 2);
    assert_int_equal(backend_count(&f->here, &f->here.accepted), 1);
}

static void relative_and_absolute_locations_are_followed(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/chain");
    call_run(&call);
    assert_arrived(&call);
    assert_string_equal(call_redirects(&call), "127.0.0.1 127.0.0.1 ");
    assert_string_equal(call.etag, "");
    assert_int_equal(call.retry_after_ms, 0);
    assert_int_equal(backend_heard(&f->here, "GET /chain2?x=1 HTTP/1.1\r\n"), 1);
    call_deinit(&call);

    init(f, &call, "/absolute");
    call_run(&call);
    assert_arrived(&call);
    call_deinit(&call);
}

static void there_is_a_limit(void **state)
{
    struct fixture *f = *state;
    struct call call;

    expect_lost(f, "/loop", "too many");
    assert_int_equal(backend_heard(&f->here, "GET /loop"), 1 + 5);

    init(f, &call, "/301");
    call.config.max_redirects = 0;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_REDIRECT);
    assert_string_equal(call_redirects(&call), "");
    call_deinit(&call);

    init(f, &call, "/301");
    call.config.max_redirects = 1;
    call_run(&call);
    assert_arrived(&call);
    call_deinit(&call);
}

static void only_a_location_that_can_be_used_is(void **state)
{
    struct fixture *f = *state;
    struct call call;

    expect_lost(f, "/nowhere", "no Location that can be used");
    expect_lost(f, "/two", "no Location that can be used");
    expect_lost(f, "/space", "no Location that can be used");
    expect_lost(f, "/ftp", "no Location that can be used");

    init(f, &call, "/300");
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_int_equal(call.status, 300);
    call_deinit(&call);
}

static void the_body_of_a_redirect_does_not_hold_it_up(void **state)
{
    static const char *const paths[] = { "/short", "/endless", "/to-close", "/cut" };
    static const unsigned connections[] = { 1, 2, 3, 4 }; /* in all */
    struct fixture *f = *state;

    for (size_t i = 0; i < TG_COUNT_OF(paths); i++) {
        struct call call;
        init(f, &call, paths[i]);
        call_run(&call);
        assert_arrived(&call);
        call_deinit(&call);
        assert_int_equal(backend_count(&f->here, &f->here.accepted), connections[i]);
    }
}

static void the_time_for_the_head_counts_from_the_first_hop(void **state)
{
    static const struct backend_route slow[] = {
        { "/first", .answer = FOUND "Location: /silent\r\n" NOTHING },
        { "/silent", .answer = "", .then = BACKEND_IS_SILENT },
        { 0 },
    };
    struct fixture *f = *state;
    struct call call;

    f->here.routes = slow;
    init(f, &call, "/first");
    call.request.head_timeout_ms = 1000;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_TIMEOUT);
    call_deinit(&call);
}

static void it_can_be_cancelled_on_the_way(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/loop");
    call.at_redirect = CANCELS;
    call_run(&call);
    assert_int_equal(call.ends + call.heads, 0);
    assert_string_equal(call_redirects(&call), "127.0.0.1 ");
    assert_int_equal(backend_heard(&f->here, "GET /loop"), 1);
    call_deinit(&call);
}

/* ---- secrets ----------------------------------------------------------------------------------- */

static struct tg_config_header secret_headers[] = { HEADER("X-Key", "secret"),
                                                    HEADER("Cookie", "session=secret"),
                                                    { NULL, NULL } };
static const struct tg_config_header harmless_headers[] = { HEADER("Last-Event-ID", "7"), { NULL, NULL } };

static void run_with_secrets(struct fixture *f, const char *path)
{
    struct call call;

    init(f, &call, path);
    call.config.headers = secret_headers;
    call.config.bearer = (char *)"secret";
    call.config.origin = (char *)"https://app.example.com";
    call.request.headers = harmless_headers;
    call_run(&call);
    assert_arrived(&call);
    call_deinit(&call);
}

static void the_same_site_gets_the_credentials_again(void **state)
{
    struct fixture *f = *state;

    run_with_secrets(f, "/absolute");
    assert_int_equal(backend_heard(&f->here, "Authorization: Bearer secret"), 2);
    assert_int_equal(backend_heard(&f->here, "X-Key: secret"), 2);
    assert_int_equal(backend_heard(&f->here, "Last-Event-ID: 7"), 2);
}

static void another_site_gets_no_secrets(void **state)
{
    struct fixture *f = *state;
    char host[64];

    run_with_secrets(f, "/to-there");
    snprintf(host, sizeof(host), "\r\nHost: there.test:%u\r\n", f->there.port);
    assert_int_equal(backend_heard(&f->here, "secret"), 3);
    assert_int_equal(backend_heard(&f->there, "secret"), 0);
    assert_int_equal(backend_heard(&f->there, "Authorization"), 0);
    assert_int_equal(backend_heard(&f->there, "GET /end "), 1);
    assert_int_equal(backend_heard(&f->there, host), 1);
    assert_int_equal(backend_heard(&f->there, "Last-Event-ID: 7"), 1);
    assert_int_equal(backend_heard(&f->there, "Origin: https://app.example.com"), 1);
}

static void whoever_has_been_away_gets_them_never_again(void **state)
{
    struct fixture *f = *state;
    struct backend_route away[] = { { .target = "/end", .answer = f->to_here }, { 0 } };

    f->there.routes = away;
    run_with_secrets(f, "/to-there");
    assert_int_equal(backend_heard(&f->here, "GET /end "), 1);
    assert_int_equal(backend_heard(&f->here, "secret"), 3);
}

static void the_host_of_each_hop_is_told(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/to-there");
    call_run(&call);
    assert_arrived(&call);
    assert_string_equal(call_redirects(&call), "there.test ");
    call_deinit(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(methods_change_as_they_should),
        TEST(relative_and_absolute_locations_are_followed),
        TEST(there_is_a_limit),
        TEST(only_a_location_that_can_be_used_is),
        TEST(the_body_of_a_redirect_does_not_hold_it_up),
        TEST(the_time_for_the_head_counts_from_the_first_hop),
        TEST(it_can_be_cancelled_on_the_way),
        TEST(the_same_site_gets_the_credentials_again),
        TEST(another_site_gets_no_secrets),
        TEST(whoever_has_been_away_gets_them_never_again),
        TEST(the_host_of_each_hop_is_told),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
