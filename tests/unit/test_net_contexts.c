/* What the libwebsockets contexts of two workers have in common: nothing that two threads would change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/net_lws.h"

/* A race would show only now and then. */
static void what_each_worker_counts_is_its_own(void **state)
{
#ifdef TG_LWS_COUNTS_LOGS
    struct tg_worker_pool *pool;
    struct tg_net *nets[2];

    assert_int_equal(tg_worker_pool_new(2, &pool), TG_OK);
    for (size_t i = 0; i < 2; i++) {
        nets[i] = tg_net_new(tg_worker_pool_get(pool, i));
        assert_non_null(nets[i]);
    }
    struct lws_log_cx *log = lwsl_context_get_cx(nets[0]->lws);
    assert_ptr_not_equal(log, lwsl_context_get_cx(nets[1]->lws));
    assert_ptr_not_equal(lwsl_vhost_get_cx(nets[0]->vhost), lwsl_vhost_get_cx(nets[1]->vhost));
    assert_ptr_equal(log, lwsl_vhost_get_cx(nets[0]->vhost));
    assert_true(log->refcount > 0);
    assert_int_equal(log->refcount, lwsl_context_get_cx(nets[1]->lws)->refcount);
    for (size_t i = 0; i < 2; i++)
        tg_net_free(nets[i]);
    tg_worker_pool_free(pool);
    (void)state;
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_worker_counts_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
