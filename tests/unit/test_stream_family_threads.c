/* Families on several threads: whatever the order of joins, leaves, sweeps and opens that fail, nobody is handed a
 * member that was closed, and each one that was opened is closed once. Worth most under the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tidegate/stream.h"

enum { CLIENTS = 4, JOINS = 8000, KEYS = 5, SESSIONS = 2000 };

static const struct tg_opening nothing;

struct world {
    struct tg_family *family;
    bool fails_at_times;
    atomic_uint opens, seeds;
    atomic_int opened, closed, failed;
    atomic_int given_dead; /* joins that got a member after its close */
    atomic_int clients_done;
};

/* A stream's state says how far its member is: CONNECTING, opened UP, closed DOWN. */
static enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct world *world = arg;

    (void)opening;
    if (world->fails_at_times && atomic_fetch_add(&world->opens, 1) % 5 == 0) {
        atomic_fetch_add(&world->failed, 1);
        return TG_ERR_IO;
    }
    tg_stream_set_condition(stream, (struct tg_stream_condition){ .state = TG_STREAM_UP });
    atomic_fetch_add(&world->opened, 1);
    return TG_OK;
}

static void on_close(void *arg, struct tg_stream *stream)
{
    struct world *world = arg;

    if (tg_stream_get_state(stream) != TG_STREAM_UP)
        atomic_fetch_add(&world->given_dead, 1);
    tg_stream_set_condition(stream, (struct tg_stream_condition){ .state = TG_STREAM_DOWN });
    atomic_fetch_add(&world->closed, 1);
}

static void begin(struct world *world, bool fails_at_times)
{
    *world = (struct world){ .fails_at_times = fails_at_times };
    world->family = tg_family_new(&(struct tg_family_options){
        .name = "f",
        .retain_events = 10,
        .retain_bytes = 1 << 20,
        .max_members = SESSIONS * CLIENTS,
        .linger_ms = 0,
        .hooks = { .open = on_open, .close = on_close, .arg = world },
    });
}

static void check_alive(struct world *world, struct tg_stream *stream)
{
    if (tg_stream_get_state(stream) == TG_STREAM_DOWN)
        atomic_fetch_add(&world->given_dead, 1);
}

static void on_wake(void *arg)
{
    (void)arg;
}

static void *join_and_leave(void *arg)
{
    struct world *world = arg;
    struct tg_stream *held = NULL;
    unsigned seed = atomic_fetch_add(&world->seeds, 1);
    char key[2] = { 0 };

    for (int i = 0; i < JOINS; i++) {
        struct tg_stream *stream;
        key[0] = (char)('a' + rand_r(&seed) % KEYS);
        if (tg_family_join(world->family, tg_str_from(key), &nothing, &stream) != TG_OK)
            continue;
        check_alive(world, stream);
        if (i % 7 == 0) {
            struct tg_reader *reader = tg_reader_new(stream, on_wake, NULL);
            tg_reader_free(reader);
        }
        if (held) { /* one is held for a while, so that two are at times */
            check_alive(world, held);
            tg_family_leave(world->family, held);
        }
        held = i % 3 ? stream : NULL;
        if (!held)
            tg_family_leave(world->family, stream);
    }
    if (held)
        tg_family_leave(world->family, held);
    atomic_fetch_add(&world->clients_done, 1);
    return NULL;
}

static void *open_and_resume(void *arg)
{
    struct world *world = arg;
    char id[TG_ID_MAX + 1];

    for (int i = 0; i < SESSIONS; i++) {
        struct tg_stream *stream;
        if (tg_family_open_session(world->family, NULL, &nothing, &stream) != TG_OK)
            continue;
        snprintf(id, sizeof id, "%s-1", tg_stream_epoch(stream));
        tg_family_leave(world->family, stream);
        if (tg_family_resume(world->family, tg_str_from(id), NULL, &stream) != TG_OK)
            continue; /* swept: linger is 0 */
        check_alive(world, stream);
        tg_family_leave(world->family, stream);
    }
    atomic_fetch_add(&world->clients_done, 1);
    return NULL;
}

static void *sweep(void *arg)
{
    struct world *world = arg;

    while (atomic_load(&world->clients_done) < CLIENTS)
        tg_family_sweep(world->family, tg_clock_now_ms());
    return NULL;
}

static void *look(void *arg)
{
    struct world *world = arg;
    struct tg_family_stats stats;

    while (atomic_load(&world->clients_done) < CLIENTS)
        tg_family_get_stats(world->family, &stats);
    return NULL;
}

static void run(struct world *world, void *(*be_client)(void *arg))
{
    pthread_t clients[CLIENTS], others[3];
    struct tg_family_stats stats;

    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, be_client, world);
    pthread_create(&others[0], NULL, sweep, world);
    pthread_create(&others[1], NULL, look, world);
    pthread_create(&others[2], NULL, look, world);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(others[i], NULL);
    tg_family_sweep(world->family, tg_clock_now_ms());
    tg_family_get_stats(world->family, &stats);
    assert_int_equal(stats.members, 0);
    assert_int_equal(stats.opened, atomic_load(&world->opened));
    assert_int_equal(stats.closed, atomic_load(&world->closed));
    assert_int_equal(stats.subscribers, 0);
    tg_family_free(world->family);
    assert_int_equal(atomic_load(&world->given_dead), 0);
    assert_int_equal(atomic_load(&world->opened), atomic_load(&world->closed));
    assert_true(atomic_load(&world->opened) > 0);
}

static void nobody_is_handed_a_closed_member(void **state)
{
    struct world world;
    (void)state;

    begin(&world, false);
    run(&world, join_and_leave);
}

static void opens_that_fail_leave_nothing_behind(void **state)
{
    struct world world;
    (void)state;

    begin(&world, true);
    run(&world, join_and_leave);
    assert_true(atomic_load(&world.failed) > 0);
}

static void sessions_come_and_go(void **state)
{
    struct world world;
    (void)state;

    begin(&world, true);
    run(&world, open_and_resume);
}

/* ---- two ask for the same new key at once ----------------------------------------------------- */

struct pair {
    struct world world;
    pthread_barrier_t barrier;
    struct tg_stream *streams[2];
    atomic_int next;
};

static void *join_together(void *arg)
{
    struct pair *pair = arg;
    int index = atomic_fetch_add(&pair->next, 1);

    pthread_barrier_wait(&pair->barrier);
    tg_family_join(pair->world.family, TG_STR("new"), &nothing, &pair->streams[index]);
    return NULL;
}

static void one_of_two_opens_and_both_share(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct pair pair = { 0 };
        pthread_t threads[2];

        begin(&pair.world, false);
        pthread_barrier_init(&pair.barrier, NULL, 2);
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, join_together, &pair);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        assert_non_null(pair.streams[0]);
        assert_ptr_equal(pair.streams[0], pair.streams[1]);
        assert_int_equal(atomic_load(&pair.world.opened), 1);
        tg_family_leave(pair.world.family, pair.streams[0]);
        tg_family_leave(pair.world.family, pair.streams[1]);
        tg_family_free(pair.world.family);
        pthread_barrier_destroy(&pair.barrier);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_handed_a_closed_member),
        cmocka_unit_test(opens_that_fail_leave_nothing_behind),
        cmocka_unit_test(sessions_come_and_go),
        cmocka_unit_test(one_of_two_opens_and_both_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
