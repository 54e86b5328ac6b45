/* The end of a pool while libuv's threads still work for it, as in a name lookup that hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <unistd.h>
#include <uv.h>

#include "tidegate/runtime.h"

static sem_t never;

static void on_work(uv_work_t *request)
{
    (void)request;
    sem_wait(&never);
}

static void freeing_a_pool_does_not_wait_for_work_that_hangs(void **state)
{
    static uv_work_t hanging[1];
    struct tg_worker_pool *pool;
    (void)state;

    sem_init(&never, 0, 0);
    assert_int_equal(tg_worker_pool_new(1, &pool), TG_OK);
    uv_queue_work(tg_worker_loop(tg_worker_pool_get(pool, 0)), hanging, on_work, NULL);
    assert_false(tg_worker_pool_has_stragglers());
    tg_worker_pool_free(pool);
    assert_true(tg_worker_pool_has_stragglers());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_a_pool_does_not_wait_for_work_that_hangs),
    };

    /* exit(3) would wait for the thread that hangs. */
    _exit(cmocka_run_group_tests(tests, NULL, NULL));
}
