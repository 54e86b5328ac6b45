/* The HTTP client towards backends: exchanges that are called off, at every stage, and the client's own end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "http_fixture.h"

#define OK "HTTP/1.1 200 OK\r\n"

const struct backend_route fixture_routes[] = {
    { "/", .answer = OK "Content-Length: 5\r\n\r\nhello" },
    { "/silent", .answer = "", .then = BACKEND_IS_SILENT },
    { "/slow", .answer = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", .then = BACKEND_IS_SILENT },
    { 0 },
};

static void assert_untold(struct call *call, unsigned heads)
{
    assert_int_equal(call->ends, 0);
    assert_int_equal(call->heads, heads);
    call_deinit(call);
}

static void assert_is_answered(struct fixture *f)
{
    struct call call;

    init(f, &call, "/");
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_string_equal(call_body(&call), "hello");
    call_deinit(&call);
}

/* ---- cancelling -------------------------------------------------------------------------------- */

static void a_call_can_be_cancelled_before_it_has_begun(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/");
    call.at_start = CANCELS;
    call_run(&call);
    assert_untold(&call, 0);
    assert_is_answered(f);
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 1);
}

static void a_call_can_be_cancelled_while_it_waits(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/silent");
    call_start(&call);
    assert_true(backend_wait(&f->backend, &f->backend.requests, 1));
    call_cancel(&call);
    await(&call.done);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
    assert_untold(&call, 0);
}

static void a_call_can_be_cancelled_from_its_head(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/");
    call.at_head = CANCELS;
    call_run(&call);
    assert_int_equal(call.body_bytes, 0);
    assert_untold(&call, 1);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
}

static void a_call_can_be_cancelled_from_its_body(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/slow");
    call.at_body = CANCELS;
    call_run(&call);
    assert_string_equal(call_body(&call), "hel");
    assert_untold(&call, 1);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
}

static void a_call_can_be_cancelled_amid_its_body(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/slow");
    call_start(&call);
    await(&call.got_body);
    call_cancel(&call);
    await(&call.done);
    assert_untold(&call, 1);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
}

static struct call *victim;

static void cancel_victim(struct call *call)
{
    (void)call;
    call_do_cancel(victim);
}

static void one_call_can_cancel_another_from_its_body(void **state)
{
    struct fixture *f = *state;
    struct call call, other;

    init(f, &other, "/silent");
    call_start(&other);
    assert_true(backend_wait(&f->backend, &f->backend.requests, 1));
    victim = &other;
    init(f, &call, "/");
    call.on_body = cancel_victim;
    call_run(&call);
    await(&other.done);
    assert_int_equal(call.reason, TG_REASON_NONE);
    call_deinit(&call);
    assert_untold(&other, 0);
}

/* ---- an end by the handler's wish -------------------------------------------------------------- */

static void a_body_that_is_not_wanted_ends_well(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/slow");
    call.at_head = REFUSES;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_string_equal(call.detail, "");
    assert_int_equal(call.body_bytes, 0);
    call_deinit(&call);

    init(f, &call, "/slow");
    call.at_body = REFUSES;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_string_equal(call_body(&call), "hel");
    call_deinit(&call);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
}

static int starts_left;

static void start_again(struct call *call)
{
    if (starts_left-- > 0)
        call_do_start(call);
}

static void a_new_call_may_begin_when_one_ends(void **state)
{
    enum { TIMES = 100 };
    struct fixture *f = *state;
    struct call call;

    starts_left = TIMES;
    init(f, &call, "/");
    call.on_end = start_again;
    call_start(&call);
    for (int i = 0; i <= TIMES; i++)
        await(&call.done);
    assert_int_equal(call.ends, TIMES + 1);
    assert_int_equal(call.body_bytes, 5 * (TIMES + 1));
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 1);
    call_deinit(&call);
}

static void a_new_call_may_begin_when_one_fails(void **state)
{
    struct fixture *f = *state;
    struct call call;

    starts_left = 3;
    init(f, &call, "/silent");
    call.request.head_timeout_ms = 50;
    call.on_end = start_again;
    call_start(&call);
    for (int i = 0; i <= 3; i++)
        await(&call.done);
    assert_int_equal(call.ends, 4);
    assert_int_equal(call.reason, TG_REASON_TIMEOUT);
    call_deinit(&call);
}

static void start_other(struct call *call)
{
    if (call->body_bytes == 5)
        call_do_start(victim);
}

static void a_new_call_may_begin_while_one_hands_over_its_body(void **state)
{
    struct fixture *f = *state;
    struct call call, other;

    init(f, &other, "/");
    victim = &other;
    init(f, &call, "/");
    call.on_body = start_other;
    call_run(&call);
    await(&other.done);
    assert_string_equal(call_body(&other), "hello");
    call_deinit(&call);
    call_deinit(&other);
}

/* ---- the client -------------------------------------------------------------------------------- */

static void a_client_goes_with_all_its_connections(void **state)
{
    struct fixture *f = *state;

    assert_is_answered(f);
    assert_int_equal(backend_count(&f->backend, &f->backend.open), 1);
    caller_stop(&f->caller);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
    for (int i = 0; i < 10; i++) {
        caller_start(&f->caller);
        caller_stop(&f->caller);
    }
    caller_start(&f->caller);
    assert_is_answered(f);
}

static void what_was_cancelled_when_the_pool_had_stopped_is_freed(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init(f, &call, "/slow");
    call_start(&call);
    await(&call.got_body);
    tg_worker_pool_stop(f->caller.pool);
    tg_http_cancel(call.exchange);
    tg_http_client_free(f->caller.client);
    tg_worker_pool_free(f->caller.pool);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
    assert_untold(&call, 1);
    caller_start(&f->caller);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_can_be_cancelled_before_it_has_begun),
        TEST(a_call_can_be_cancelled_while_it_waits),
        TEST(a_call_can_be_cancelled_from_its_head),
        TEST(a_call_can_be_cancelled_from_its_body),
        TEST(a_call_can_be_cancelled_amid_its_body),
        TEST(one_call_can_cancel_another_from_its_body),
        TEST(a_body_that_is_not_wanted_ends_well),
        TEST(a_new_call_may_begin_when_one_ends),
        TEST(a_new_call_may_begin_when_one_fails),
        TEST(a_new_call_may_begin_while_one_hands_over_its_body),
        TEST(a_client_goes_with_all_its_connections),
        TEST(what_was_cancelled_when_the_pool_had_stopped_is_freed),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
