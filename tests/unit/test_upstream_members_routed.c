/* Upstreams of families, one for all members: its events go to the member of their key. */
#include "members_scene.h"

static void make_routed(struct scene *scene)
{
    scene->config.route.by = P("/k");
    scene->config.upstream.url.path = P("/routed");
    scene->config.translate.data = P("/v");
    scene->config.max_members = 2;
}

static void events_go_to_the_member_of_their_key(void **state)
{
    struct scene *scene = *state;

    make_routed(scene);
    start(scene, true);
    WAIT_UNTIL(look(scene).messages == 5);
    WAIT_UNTIL(look(scene).held == 2);
    struct tg_stream *a = join(scene, "a"), *b = join(scene, "b");
    WAIT_UNTIL(count_events(a) == 2);
    assert_true(holds(a, "data: 1\n"));
    assert_true(holds(a, "data: 5\n"));
    assert_int_equal(count_events(b), 1);
    assert_true(holds(b, "data: 2\n"));
    assert_int_equal(look(scene).refused, 1);
    assert_int_equal(count_upstreams(scene), 1);
    tg_family_leave(scene->family, a);
    tg_family_leave(scene->family, b);
}

static void a_member_with_events_stays(void **state)
{
    struct tg_family_stats stats;
    struct scene *scene = *state;

    make_routed(scene);
    start(scene, true);
    WAIT_UNTIL(look(scene).held == 2);
    sweep(scene);
    tg_family_get_stats(scene->family, &stats);
    assert_int_equal(stats.members, 2);
}

/* Whoever follows it from the start is not told to wait for a backend that has been there all the time. */
static void a_member_of_a_backend_that_is_up_is_up_at_once(void **state)
{
    struct scene *scene = *state;

    make_routed(scene);
    scene->config.max_members = 4;
    start(scene, true);
    WAIT_UNTIL(look(scene).held == 3);
    struct tg_stream *late = join(scene, "late");
    assert_int_equal(tg_stream_get_state(late), TG_STREAM_UP);
    struct tg_stream *a = join(scene, "a");
    WAIT_UNTIL(count_events(a) == 2);
    assert_false(holds(a, "\"state\""));
    assert_false(holds(late, "\"state\""));
    tg_family_leave(scene->family, a);
    tg_family_leave(scene->family, late);
}

/* Two ask for a new key at the same time: the one that does not open it may have seen what state it had before. */
static void who_joins_while_a_member_is_opened_is_told_that_the_backend_is_up(void **state)
{
    struct scene *scene = *state;
    const struct tg_opening opening = { .worker_index = 0 };
    struct tg_buffer error = { 0 };

    make_routed(scene);
    start(scene, true);
    WAIT_UNTIL(look(scene).held == 2);
    struct tg_stream *stream = tg_stream_new(
        &(struct tg_stream_options){ .name = "both", .retain_events = 10, .retain_bytes = 10000 });
    tg_stream_subscriber_added(stream);
    tg_stream_subscriber_added(stream);
    assert_int_equal(tg_upstream_set_open(scene->set, 0, stream, &opening, &error), TG_OK);
    WAIT_UNTIL(holds(stream, "\"state\":\"up\""));
    assert_int_equal(tg_stream_get_state(stream), TG_STREAM_UP);
    tg_upstream_set_close(scene->set, 0, stream);
    tg_stream_unref(stream);
}

static void outages_are_told_to_all_members(void **state)
{
    struct scene *scene = *state;

    make_routed(scene);
    scene->config.max_members = 3;
    start(scene, true);
    struct tg_stream *early = join(scene, "nobody's");
    WAIT_UNTIL(look(scene).held == 2);
    struct tg_stream *a = join(scene, "a");
    WAIT_UNTIL(tg_stream_get_state(early) == TG_STREAM_UP);
    pthread_mutex_lock(&scene->backend.lock);
    for (size_t i = 0; i < BACKEND_OPEN_MAX; i++)
        if (scene->backend.slots[i].state == BACKEND_RUNS)
            shutdown(scene->backend.slots[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&scene->backend.lock);
    WAIT_UNTIL(holds(a, "\"state\":\"down\""));
    WAIT_UNTIL(holds(early, "\"state\":\"down\""));
    tg_family_leave(scene->family, a);
    tg_family_leave(scene->family, early);
}

static void a_message_for_a_new_key_of_a_backend_that_is_up_is_taken(void **state)
{
    struct scene *scene = *state;
    int result = 1;

    make_routed(scene);
    scene->config.max_members = 4;
    start(scene, true);
    WAIT_UNTIL(look(scene).held == 3);
    struct tg_stream *late = join(scene, "late");
    assert_int_equal(tg_stream_send(late, TG_STR("hello"), false, on_sent, &result, 0), TG_OK);
    WAIT_UNTIL(__atomic_load_n(&result, __ATOMIC_SEQ_CST) != 1);
    assert_int_equal(result, TG_ERR_INVALID);
    tg_family_leave(scene->family, late);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_go_to_the_member_of_their_key),
        TEST(a_member_with_events_stays),
        TEST(a_member_of_a_backend_that_is_up_is_up_at_once),
        TEST(who_joins_while_a_member_is_opened_is_told_that_the_backend_is_up),
        TEST(outages_are_told_to_all_members),
        TEST(a_message_for_a_new_key_of_a_backend_that_is_up_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
