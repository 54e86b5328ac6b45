/* One scripted backend, with the routes of the test, and one caller; after each test no descriptor may be left. */
#ifndef TIDEGATE_TESTS_HTTP_FIXTURE_H
#define TIDEGATE_TESTS_HTTP_FIXTURE_H

#include "http_backend.h"
#include "http_calls.h"

#include <sched.h>

extern const struct backend_route fixture_routes[];

struct fixture {
    struct caller caller;
    struct backend backend;
    size_t descriptors;
};

static inline int set_up(void **state)
{
    struct fixture *f = tg_alloc(sizeof(*f));

    settle_descriptors();
    f->descriptors = count_descriptors();
    f->backend.routes = fixture_routes;
    assert_true(backend_start(&f->backend));
    caller_start(&f->caller);
    *state = f;
    return 0;
}

/* A lookup that nobody waits for closes its last descriptor when it ends. */
static inline void await_descriptors(size_t count)
{
    for (int i = 0; count_descriptors() != count; i++) {
        if (i == CALL_PATIENCE_S * 1000)
            fail_msg("%zu descriptors, not %zu", count_descriptors(), count);
        usleep(1000);
    }
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    caller_stop(&f->caller);
    backend_stop(&f->backend);
    await_descriptors(f->descriptors);
    free(f);
    return 0;
}

static inline void init(struct fixture *f, struct call *call, const char *path)
{
    call_init(call, &f->caller, "127.0.0.1", f->backend.port, path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
