/* Unit tests: how much of what can wait a turn does, over sockets and with a clock of the test's own. */
#include "downstream/connection.h"
#include "server_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { CLIENTS = 40, ROUNDS_MAX = 1000, MS = 1000 * 1000 };

struct scene {
    struct tg_config *config;
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_server *server;
    struct tg_shard *shard;
    int clients[CLIENTS];
};

/* Time passes only where somebody looks at the clock. */
static uint64_t now_ns, step_ns;

static uint64_t tell_time(void)
{
    return now_ns += step_ns;
}

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));
    scene->config = load_good(one_stream);
    assert_int_equal(tg_worker_pool_new(1, &scene->pool), TG_OK);
    scene->nets = tg_nets_new(scene->pool);
    scene->server = make_server(scene->pool, scene->nets, scene->config);
    scene->shard = scene->server->shards[0];
    scene->shard->chores.clock_ns = tell_time;
    now_ns = 1;
    step_ns = 0;
    tg_shard_start(scene->shard);
    memset(scene->clients, -1, sizeof(scene->clients));
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < CLIENTS; i++)
        if (scene->clients[i] >= 0)
            close(scene->clients[i]);
    tg_worker_pool_stop(scene->pool);
    tg_server_free(scene->server);
    tg_nets_free(scene->nets);
    tg_worker_pool_free(scene->pool);
    tg_config_free(scene->config);
    free(scene);
    return 0;
}

/* One round of the loop, which runs the hooks of a turn's end twice: before it polls, and after. */
static void run_round(struct scene *scene)
{
    uv_run(tg_worker_loop(scene->shard->worker), UV_RUN_NOWAIT);
}

static struct tg_server_stats stats_of(struct scene *scene)
{
    struct tg_server_stats stats;
    tg_server_get_stats(scene->server, &stats);
    return stats;
}

static uint64_t count_answered(struct scene *scene)
{
    return stats_of(scene).requests[4];
}

static void connect_all(struct scene *scene)
{
    for (int i = 0; i < CLIENTS; i++)
        scene->clients[i] = connect_to(scene->server);
}

static void accept_all(struct scene *scene)
{
    connect_all(scene);
    for (int round = 0; stats_of(scene).accepted < CLIENTS && round < ROUNDS_MAX; round++)
        run_round(scene);
    assert_int_equal(stats_of(scene).accepted, CLIENTS);
    run_round(scene);
}

static void ask(struct scene *scene, int client)
{
    send_text(scene->clients[client], "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void ask_all(struct scene *scene)
{
    for (int i = 0; i < CLIENTS; i++)
        ask(scene, i);
}

static void while_there_is_time_all_are_served_at_once(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    ask_all(scene);
    run_round(scene);
    assert_int_equal(count_answered(scene), CLIENTS);
    assert_null(scene->shard->lists[TG_LIST_PENDING]); /* but kept alive */
    run_round(scene);
    assert_false(scene->shard->chores.hook.is_due);
}

static void a_crowd_is_served_a_few_in_each_turn(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    ask_all(scene);
    step_ns = 1 * MS;
    uint64_t served = 0;
    int rounds = 0;
    for (; served < CLIENTS && rounds < ROUNDS_MAX; rounds++) {
        run_round(scene);
        uint64_t now = count_answered(scene) - served;
        assert_in_range(now, 1, 2); /* a budget is used up by the first */
        served += now;
    }
    assert_int_equal(served, CLIENTS);
    run_round(scene);
    assert_false(scene->shard->chores.hook.is_due); /* the loop may sleep */
}

static void a_long_turn_gives_them_a_share_of_it(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    ask_all(scene);
    step_ns = 1 * MS;
    run_round(scene);
    uint64_t served = count_answered(scene);
    assert_true(served <= 2);
    now_ns += 30 * MS; /* what is new took so long; they get 10 of it */
    run_round(scene);
    assert_in_range(count_answered(scene) - served, 9, 14);
}

static void accepting_takes_its_share_and_no_more(void **state)
{
    struct scene *scene = *state;
    connect_all(scene);
    step_ns = 1 * MS;
    for (int round = 1; round <= CLIENTS; round++) {
        run_round(scene);
        assert_int_equal(stats_of(scene).accepted, round);
    }
    run_round(scene);
    run_round(scene);
    assert_false(scene->shard->chores.hook.is_due);
}

static void who_closes_while_it_waits_is_forgotten(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    ask_all(scene);
    step_ns = 1 * MS;
    run_round(scene);
    tg_connection_close(scene->shard->chores.lists[TG_CHORE_INPUT], TG_CLOSE_DRAIN);
    for (int i = CLIENTS / 2; i < CLIENTS; i++) {
        close(scene->clients[i]);
        scene->clients[i] = -1;
    }
    for (int round = 0; round < CLIENTS + 2; round++)
        run_round(scene);
    assert_null(scene->shard->chores.lists[TG_CHORE_INPUT]);
    assert_int_equal(stats_of(scene).closed[TG_CLOSE_DRAIN], 1);
    assert_false(scene->shard->chores.hook.is_due);
}

static void who_waits_for_us_is_not_out_of_time(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    for (int i = 1; i < CLIENTS; i++) /* the first says nothing */
        ask(scene, i);
    step_ns = 1 * MS;
    run_round(scene);
    uv_loop_t *loop = tg_worker_loop(scene->shard->worker);
    for (struct tg_connection *c = scene->shard->lists[TG_LIST_PENDING]; c; c = c->next)
        c->since_ms -= (uint64_t)scene->config->limits.request_timeout_ms;
    tg_shard_expire(scene->shard, uv_now(loop));
    assert_int_equal(stats_of(scene).closed[TG_CLOSE_TIMEOUT], 1);
    for (int round = 0; round < CLIENTS; round++)
        run_round(scene);
    assert_int_equal(count_answered(scene), CLIENTS - 1);
}

static void a_second_request_may_wait_too(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    ask_all(scene);
    run_round(scene);
    assert_int_equal(count_answered(scene), CLIENTS);
    step_ns = 1 * MS;
    ask_all(scene);
    run_round(scene);
    assert_in_range(count_answered(scene), CLIENTS + 1, CLIENTS + 2);
    step_ns = 0;
    run_round(scene);
    run_round(scene);
    assert_int_equal(count_answered(scene), 2 * CLIENTS);
}

static int handshake_steps;

static enum tg_err take_handshake_step(struct tg_socket *socket)
{
    (void)socket;
    handshake_steps++;
    return TG_ERR_AGAIN;
}

static void a_handshake_under_way_does_not_queue_behind_newcomers(void **state)
{
    struct scene *scene = *state;
    accept_all(scene);
    struct tg_connection *last = scene->shard->lists[TG_LIST_PENDING]->prev;
    struct tg_socket_ops ops = *last->socket.ops;
    ops.handshake = take_handshake_step;
    last->socket.ops = &ops;
    last->phase = TG_PHASE_HANDSHAKE;
    handshake_steps = 0;
    ask_all(scene);
    step_ns = 1 * MS;
    for (int round = 0; handshake_steps == 0 && round < ROUNDS_MAX; round++)
        run_round(scene);
    assert_true(count_answered(scene) < CLIENTS / 2);
    tg_connection_close(last, TG_CLOSE_DRAIN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(while_there_is_time_all_are_served_at_once),
        TEST(a_crowd_is_served_a_few_in_each_turn),
        TEST(a_long_turn_gives_them_a_share_of_it),
        TEST(accepting_takes_its_share_and_no_more),
        TEST(who_closes_while_it_waits_is_forgotten),
        TEST(who_waits_for_us_is_not_out_of_time),
        TEST(a_second_request_may_wait_too),
        TEST(a_handshake_under_way_does_not_queue_behind_newcomers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
