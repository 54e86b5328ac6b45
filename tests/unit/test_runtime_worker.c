/* Workers: mails, turn hooks, timers, ticks, and an end that leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "tidegate/runtime.h"

struct fixture {
    struct tg_worker_pool *pool;
    struct tg_worker *worker;
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t last;
    atomic_bool is_out_of_order;
    struct tg_turn_hook publish, deliver;
    uint64_t order[4];
    size_t order_count;
};

static int set_up(void **state)
{
    struct fixture *f = tg_alloc(sizeof *f);

    assert_int_equal(tg_worker_pool_new(2, &f->pool), TG_OK);
    f->worker = tg_worker_pool_get(f->pool, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    tg_worker_pool_stop(f->pool);
    tg_worker_pool_free(f->pool);
    free(f);
    return 0;
}

static void wait_for(struct fixture *f, uint64_t count)
{
    while (atomic_load(&f->count) < count)
        sched_yield();
}

static void on_mail(void *context, uint64_t id, uint64_t value)
{
    struct fixture *f = context;

    if (!tg_worker_is_current(f->worker) || value != id + 7)
        atomic_store(&f->is_out_of_order, true);
    atomic_fetch_add(&f->count, 1);
}

static void on_ordered_mail(void *context, uint64_t id, uint64_t value)
{
    struct fixture *f = context;
    (void)value;

    if (id != atomic_load(&f->last) + 1)
        atomic_store(&f->is_out_of_order, true);
    atomic_store(&f->last, id);
    atomic_fetch_add(&f->count, 1);
}

static void *post_many(void *arg)
{
    struct fixture *f = arg;

    for (uint64_t i = 0; i < 10000; i++)
        tg_worker_post(f->worker, on_mail, f, i, i + 7);
    return NULL;
}

static void mails_of_many_threads_all_arrive_on_the_workers_thread(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[3];

    tg_worker_pool_start(f->pool);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, post_many, f);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    wait_for(f, 30000);
    assert_false(atomic_load(&f->is_out_of_order));
}

static void mails_of_one_sender_arrive_in_order(void **state)
{
    struct fixture *f = *state;

    tg_worker_post(f->worker, on_ordered_mail, f, 1, 0);
    tg_worker_pool_start(f->pool);
    for (uint64_t i = 2; i <= 5000; i++)
        tg_worker_post(f->worker, on_ordered_mail, f, i, 0);
    wait_for(f, 5000);
    assert_false(atomic_load(&f->is_out_of_order));
}

static void on_deliver(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct fixture *f = TG_CONTAINER_OF(hook, struct fixture, deliver);
    (void)worker;

    f->order[f->order_count++] = TG_TURN_DELIVER;
    atomic_fetch_add(&f->count, 1);
}

static void on_publish(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct fixture *f = TG_CONTAINER_OF(hook, struct fixture, publish);

    f->order[f->order_count++] = TG_TURN_PUBLISH;
    tg_worker_run_at_turn_end(worker, TG_TURN_DELIVER, &f->deliver);
}

static void on_mail_due(void *context, uint64_t id, uint64_t value)
{
    struct fixture *f = context;
    (void)id, (void)value;

    tg_worker_run_at_turn_end(f->worker, TG_TURN_PUBLISH, &f->publish);
    tg_worker_run_at_turn_end(f->worker, TG_TURN_PUBLISH, &f->publish);
}

static void turn_hooks_run_once_and_publish_before_deliver(void **state)
{
    struct fixture *f = *state;

    f->publish.run = on_publish;
    f->deliver.run = on_deliver;
    tg_worker_post(f->worker, on_mail_due, f, 0, 0);
    tg_worker_pool_start(f->pool);
    wait_for(f, 1);
    tg_worker_pool_stop(f->pool);
    assert_int_equal(f->order_count, 2);
    assert_int_equal(f->order[0], TG_TURN_PUBLISH);
    assert_int_equal(f->order[1], TG_TURN_DELIVER);
}

static void on_again(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct fixture *f = TG_CONTAINER_OF(hook, struct fixture, deliver);

    if (atomic_fetch_add(&f->count, 1) < 99)
        tg_worker_run_at_turn_end(worker, TG_TURN_DELIVER, hook);
}

static void a_hook_that_is_due_again_runs_without_other_events(void **state)
{
    struct fixture *f = *state;

    f->deliver.run = on_again;
    tg_worker_run_at_turn_end(f->worker, TG_TURN_DELIVER, &f->deliver);
    tg_worker_pool_start(f->pool);
    wait_for(f, 100);
}

static void a_cancelled_hook_does_not_run(void **state)
{
    struct fixture *f = *state;

    f->deliver.run = on_deliver;
    f->publish.run = on_publish;
    tg_worker_run_at_turn_end(f->worker, TG_TURN_DELIVER, &f->deliver);
    tg_worker_cancel_turn_hook(f->worker, TG_TURN_DELIVER, &f->deliver);
    tg_worker_post(f->worker, on_mail, f, 0, 7);
    tg_worker_pool_start(f->pool);
    wait_for(f, 1);
    tg_worker_pool_stop(f->pool);
    assert_int_equal(f->order_count, 0);
}

static void on_fire(void *arg)
{
    atomic_fetch_add(&((struct fixture *)arg)->count, 1);
}

static void a_timer_fires_once_and_may_be_freed_unfired(void **state)
{
    struct fixture *f = *state;
    struct tg_timer *fires = tg_timer_new(f->worker, on_fire, f);
    struct tg_timer *waits = tg_timer_new(f->worker, on_fire, f);

    tg_timer_start(fires, 1);
    tg_timer_start(waits, 3600 * 1000);
    assert_true(tg_timer_is_running(waits));
    tg_worker_pool_start(f->pool);
    wait_for(f, 1);
    tg_worker_pool_stop(f->pool);
    assert_int_equal(atomic_load(&f->count), 1);
    tg_timer_free(fires);
    tg_timer_free(waits);
}

static void stopping_drops_mails_that_come_later(void **state)
{
    struct fixture *f = *state;

    tg_worker_pool_start(f->pool);
    tg_worker_pool_stop(f->pool);
    tg_worker_post(f->worker, on_mail, f, 0, 7);
    assert_int_equal(atomic_load(&f->count), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(mails_of_many_threads_all_arrive_on_the_workers_thread),
        TEST(mails_of_one_sender_arrive_in_order),
        TEST(turn_hooks_run_once_and_publish_before_deliver),
        TEST(a_hook_that_is_due_again_runs_without_other_events),
        TEST(a_cancelled_hook_does_not_run),
        TEST(a_timer_fires_once_and_may_be_freed_unfired),
        TEST(stopping_drops_mails_that_come_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
