/* Upstreams of families, one for each member: made, fed and counted while the workers run. */
#include "members_scene.h"

static void a_member_has_its_own_request(void **state)
{
    struct scene *scene = *state;

    start(scene, false);
    struct tg_stream *stream = join(scene, "a b");
    WAIT_UNTIL(count_events(stream) == 1);
    assert_true(holds(stream, "{\"hello\":1}"));
    assert_int_equal(look(scene).states[TG_UPSTREAM_UP], 1);
    assert_int_equal(look(scene).state, TG_UPSTREAM_UP);
    assert_false(look(scene).required);
    tg_family_leave(scene->family, stream);
}

static void a_member_that_goes_hangs_up_and_its_figures_stay(void **state)
{
    struct scene *scene = *state;

    start(scene, false);
    struct tg_stream *stream = join(scene, "a b");
    WAIT_UNTIL(count_events(stream) == 1);
    tg_family_leave(scene->family, stream);
    sweep(scene);
    WAIT_UNTIL(count_upstreams(scene) == 0);
    assert_true(backend_wait(&scene->backend, &scene->backend.open, 0));
    assert_int_equal(look(scene).messages, 1);
    assert_int_equal(look(scene).state, TG_UPSTREAM_IDLE);
    stream = join(scene, "a b");
    WAIT_UNTIL(look(scene).messages == 2);
    tg_family_leave(scene->family, stream);
}

static void many_members_come_and_go(void **state)
{
    struct tg_stream *streams[MANY], *one_too_many;
    struct scene *scene = *state;
    char key[16];

    start(scene, false);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        assert_int_equal(join_on(scene, key, "many", i % WORKERS, &streams[i]), TG_OK);
    }
    assert_int_equal(join_on(scene, "more", "many", 0, &one_too_many), TG_ERR_LIMIT);
    WAIT_UNTIL(look(scene).messages == MANY);
    assert_int_equal(look(scene).states[TG_UPSTREAM_UP], MANY);
    for (size_t i = 0; i < MANY / 2; i++)
        tg_family_leave(scene->family, streams[i]);
    sweep(scene);
    WAIT_UNTIL(count_upstreams(scene) == MANY - MANY / 2);
    tg_upstream_set_stop(scene->set);
    WAIT_UNTIL(look(scene).states[TG_UPSTREAM_STOPPED] == MANY - MANY / 2);
    for (size_t i = MANY / 2; i < MANY; i++)
        tg_family_leave(scene->family, streams[i]);
}

static void a_crowd_waits_for_its_turns(void **state)
{
    struct tg_stream *streams[MANY];
    struct scene *scene = *state;
    char key[16];

    scene->connects = (struct tg_config_rate){ .per_second = 100, .burst = 5 };
    start(scene, false);
    uint64_t start_ms = tg_clock_now_ms();
    for (size_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        assert_int_equal(join_on(scene, key, "many", i % WORKERS, &streams[i]), TG_OK);
    }
    WAIT_UNTIL(look(scene).messages == MANY);
    assert_true(tg_clock_now_ms() - start_ms >= (MANY - 5) * 10 - 20);
    assert_in_range(look(scene).delayed, MANY / 2, MANY - 5);
    assert_int_equal(look(scene).waiting, 0);
    assert_int_equal(look(scene).attempts, MANY);
    for (size_t i = 0; i < MANY; i++)
        tg_family_leave(scene->family, streams[i]);
}

/* Neither those that go nor the end wait for turns. */
static void members_that_wait_for_their_turn_can_go(void **state)
{
    struct tg_stream *streams[MANY];
    struct scene *scene = *state;
    char key[16];

    scene->connects = (struct tg_config_rate){ .per_second = 1, .burst = 1 };
    start(scene, false);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        assert_int_equal(join_on(scene, key, "many", i % WORKERS, &streams[i]), TG_OK);
    }
    WAIT_UNTIL(look(scene).waiting >= MANY - 5 && look(scene).messages > 0);
    assert_int_equal(look(scene).states[TG_UPSTREAM_CONNECTING], look(scene).waiting);
    assert_true(look(scene).attempts <= MANY - look(scene).waiting);
    for (size_t i = 0; i < MANY / 2; i++)
        tg_family_leave(scene->family, streams[i]);
    sweep(scene);
    WAIT_UNTIL(count_upstreams(scene) == MANY / 2);
    assert_true(look(scene).waiting <= MANY / 2);
    tg_upstream_set_stop(scene->set);
    WAIT_UNTIL(look(scene).states[TG_UPSTREAM_STOPPED] == MANY / 2);
    assert_int_equal(look(scene).waiting, 0);
    for (size_t i = MANY / 2; i < MANY; i++)
        tg_family_leave(scene->family, streams[i]);
}

/* On the worker whose they are, as its next mail but one. */
static void note_what_is_left(void *context, uint64_t id, uint64_t value)
{
    struct scene *scene = context;

    (void)value;
    __atomic_store_n((size_t *)(uintptr_t)id, count_upstreams(scene), __ATOMIC_SEQ_CST);
}

static void end_all(void *context, uint64_t id, uint64_t value)
{
    struct scene *scene = context;

    (void)value;
    sweep(scene);
    tg_worker_post(tg_worker_pool_get(scene->pool, 0), note_what_is_left, scene, id, 0);
}

static void a_crowd_that_goes_lets_others_have_their_turns(void **state)
{
    struct tg_stream *streams[MANY];
    struct scene *scene = *state;
    size_t left = MANY + 1;
    char key[16];

    start(scene, false);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        assert_int_equal(join_on(scene, key, "many", 0, &streams[i]), TG_OK);
    }
    WAIT_UNTIL(look(scene).messages == MANY);
    for (size_t i = 0; i < MANY; i++)
        tg_family_leave(scene->family, streams[i]);
    tg_worker_post(tg_worker_pool_get(scene->pool, 0), end_all, scene, (uint64_t)(uintptr_t)&left, 0);
    WAIT_UNTIL(__atomic_load_n(&left, __ATOMIC_SEQ_CST) <= MANY);
    assert_in_range(left, 1, MANY - 1);
    WAIT_UNTIL(count_upstreams(scene) == 0);
}

static void a_value_that_makes_no_url_is_refused(void **state)
{
    struct scene *scene = *state;
    struct tg_stream *stream;

    start(scene, false);
    assert_int_equal(join_on(scene, "..", "..", 0, &stream), TG_ERR_INVALID);
    assert_int_equal(count_upstreams(scene), 0);
}

static void an_answer_that_ends_is_asked_for_again(void **state)
{
    struct scene *scene = *state;

    start(scene, false);
    struct tg_stream *stream = join(scene, "short");
    WAIT_UNTIL(count_events(stream) >= 2);
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(scene->family, stream);
}

static void a_required_family_waits_for_one_of_its_members(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.required = true;
    start(scene, false);
    assert_false(look(scene).required); /* nobody asks for any */
    struct tg_stream *down = join(scene, "nowhere");
    WAIT_UNTIL(look(scene).failures[TG_REASON_STATUS] > 0);
    assert_true(look(scene).required);
    assert_int_not_equal(look(scene).state, TG_UPSTREAM_UP);
    struct tg_stream *up = join(scene, "many");
    WAIT_UNTIL(look(scene).state == TG_UPSTREAM_UP);
    tg_family_leave(scene->family, up);
    tg_family_leave(scene->family, down);
    sweep(scene);
    WAIT_UNTIL(!look(scene).required);
}

/* ---- the way back -------------------------------------------------------------------------------------- */

static void a_backend_that_takes_no_messages_says_so(void **state)
{
    struct scene *scene = *state;
    int result = 1;

    start(scene, false);
    struct tg_stream *stream = join(scene, "a b");
    WAIT_UNTIL(count_events(stream) == 1);
    WAIT_UNTIL(look(scene).states[TG_UPSTREAM_UP] == 1);
    assert_int_equal(tg_stream_send(stream, TG_STR("hello"), false, on_sent, &result, 0), TG_OK);
    WAIT_UNTIL(__atomic_load_n(&result, __ATOMIC_SEQ_CST) != 1);
    assert_int_equal(result, TG_ERR_INVALID);
    tg_family_leave(scene->family, stream);
}

/* The backend is not there yet when the first message comes; what becomes of it is known when that is. */
static void messages_wait_while_the_backend_is_being_connected(void **state)
{
    struct scene *scene = *state;
    int result = 1, failed = 1;

    start(scene, false);
    struct tg_stream *stream = join(scene, "a b"), *down = join(scene, "nowhere");
    assert_int_equal(tg_stream_send(stream, TG_STR("hello"), false, on_sent, &result, 0), TG_OK);
    assert_int_equal(tg_stream_send(down, TG_STR("hello"), false, on_sent, &failed, 0), TG_OK);
    WAIT_UNTIL(__atomic_load_n(&result, __ATOMIC_SEQ_CST) != 1);
    assert_int_equal(result, TG_ERR_INVALID);
    WAIT_UNTIL(__atomic_load_n(&failed, __ATOMIC_SEQ_CST) != 1);
    assert_int_equal(failed, TG_ERR_CLOSED);
    tg_family_leave(scene->family, stream);
    tg_family_leave(scene->family, down);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_member_has_its_own_request),
        TEST(a_member_that_goes_hangs_up_and_its_figures_stay),
        TEST(many_members_come_and_go),
        TEST(a_crowd_waits_for_its_turns),
        TEST(members_that_wait_for_their_turn_can_go),
        TEST(a_crowd_that_goes_lets_others_have_their_turns),
        TEST(a_value_that_makes_no_url_is_refused),
        TEST(an_answer_that_ends_is_asked_for_again),
        TEST(a_required_family_waits_for_one_of_its_members),
        TEST(a_backend_that_takes_no_messages_says_so),
        TEST(messages_wait_while_the_backend_is_being_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
