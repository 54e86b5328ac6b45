/* The HTTP client towards backends: name lookups that hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "http_fixture.h"
#include "http_names.h"

const struct backend_route fixture_routes[] = {
    { "/", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
    { 0 },
};

static void assert_is_answered(struct fixture *f)
{
    struct call call;

    init(f, &call, "/");
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_string_equal(call_body(&call), "hello");
    call_deinit(&call);
}

static void init_lookup(struct fixture *f, struct call *call)
{
    call_init(call, &f->caller, "slow.test", f->backend.port, "/");
}

static void a_lookup_that_hangs_holds_up_nothing(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init_lookup(f, &call);
    call_start(&call);
    await(&names_asked);
    assert_is_answered(f);
    sem_post(&names_gate);
    await(&names_found);
    await(&call.done);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_string_equal(call_body(&call), "hello");
    call_deinit(&call);
}

static void a_lookup_that_hangs_times_out(void **state)
{
    struct fixture *f = *state;
    struct call call;

    assert_is_answered(f);
    size_t descriptors = count_descriptors();
    init_lookup(f, &call);
    call.request.head_timeout_ms = 100;
    call_start(&call);
    await(&names_asked);
    await(&call.done);
    assert_int_equal(call.reason, TG_REASON_TIMEOUT);
    call_deinit(&call);
    assert_is_answered(f);
    sem_post(&names_gate); /* nothing comes of it */
    await(&names_found);
    await_descriptors(descriptors);
    assert_is_answered(f);
    assert_int_equal(backend_count(&f->backend, &f->backend.accepted), 1);
}

static void a_call_can_be_cancelled_during_its_lookup(void **state)
{
    struct fixture *f = *state;
    struct call call;

    for (int i = 0; i < 20; i++) {
        init_lookup(f, &call);
        call_start(&call);
        await(&names_asked);
        call_cancel(&call);
        if (i % 2)
            sem_post(&names_gate); /* ends while it is cancelled */
        await(&call.done);
        assert_int_equal(call.ends, 0);
        if (i % 2 == 0)
            sem_post(&names_gate);
        await(&names_found);
        call_deinit(&call);
    }
    assert_is_answered(f);
}

static void the_client_can_go_during_a_lookup(void **state)
{
    struct fixture *f = *state;
    struct call call;

    init_lookup(f, &call);
    call_start(&call);
    await(&names_asked);
    call_cancel(&call);
    await(&call.done);
    call_deinit(&call);
    caller_stop(&f->caller);
    sem_post(&names_gate);
    await(&names_found);
    await_descriptors(f->descriptors + 1); /* where the backend listens */
    caller_start(&f->caller);
    assert_is_answered(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lookup_that_hangs_holds_up_nothing),
        TEST(a_lookup_that_hangs_times_out),
        TEST(a_call_can_be_cancelled_during_its_lookup),
        TEST(the_client_can_go_during_a_lookup),
    };

    signal(SIGPIPE, SIG_IGN);
    sem_init(&names_gate, 0, 0);
    sem_init(&names_asked, 0, 0);
    sem_init(&names_found, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
