/* Upstreams of families: which answers and messages end a member, and which are asked for again. */
#include "members_scene.h"

static void assert_ends(struct scene *scene, const char *room, const char *farewell)
{
    struct tg_stream *stream = join(scene, room);

    WAIT_UNTIL(tg_stream_has_ended(stream));
    assert_true(holds(stream, farewell));
    assert_true(holds(stream, "tidegate.end"));
    WAIT_UNTIL(look(scene).states[TG_UPSTREAM_STOPPED] > 0);
    tg_family_leave(scene->family, stream);
}

static void a_session_ends_with_a_complete_answer(void **state)
{
    struct scene *scene = *state;

    scene->config.scope = TG_SCOPE_CLIENT;
    start(scene, false);
    assert_ends(scene, "short", "{\"reason\":\"closed\"}");
    assert_int_equal(look(scene).attempts, 1);
    assert_int_equal(look(scene).failures[TG_REASON_CLOSED], 1);
    assert_int_equal(look(scene).failures[TG_REASON_STOPPED], 0);
}

static void a_session_ends_with_204(void **state)
{
    struct scene *scene = *state;

    scene->config.scope = TG_SCOPE_CLIENT;
    start(scene, false);
    assert_ends(scene, "empty", "{\"reason\":\"finished\"}");
}

static void a_session_goes_on_after_an_answer_that_was_cut(void **state)
{
    struct scene *scene = *state;

    scene->config.scope = TG_SCOPE_CLIENT;
    start(scene, false);
    struct tg_stream *stream = join(scene, "cut");
    WAIT_UNTIL(count_events(stream) >= 2);
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(scene->family, stream);
}

static void start_posted(struct scene *scene)
{
    scene->config.scope = TG_SCOPE_CLIENT;
    scene->is_posted = true;
    start(scene, false);
}

static void a_posted_session_ends_with_an_answer_that_was_cut(void **state)
{
    struct scene *scene = *state;

    start_posted(scene);
    struct tg_stream *stream = join(scene, "cut");
    WAIT_UNTIL(tg_stream_has_ended(stream));
    assert_true(holds(stream, "{\"state\":\"down\",\"reason\":\"closed\"}"));
    assert_true(holds(stream, "event: tidegate.end\ndata: {\"reason\":\"failed\"}\nid: "));
    assert_int_equal(count_events(stream), 2); /* who has only the first one is told that it was not all */
    assert_int_equal(backend_count(&scene->backend, &scene->backend.requests), 1);
    tg_family_leave(scene->family, stream);
}

static void a_posted_session_ends_with_a_refusal(void **state)
{
    struct scene *scene = *state;

    start_posted(scene);
    assert_ends(scene, "400", "{\"reason\":\"failed\",\"status\":400}");
    assert_int_equal(look(scene).attempts, 1);
    assert_int_equal(look(scene).failures[TG_REASON_STATUS], 1);
}

static void what_was_refused_for_now_is_posted_again(void **state)
{
    struct scene *scene = *state;

    start_posted(scene);
    struct tg_stream *stream = join(scene, "503");
    WAIT_UNTIL(look(scene).attempts >= 3);
    assert_false(tg_stream_has_ended(stream));
    tg_family_leave(scene->family, stream);
}

static bool has_heard(struct scene *scene, const char *text)
{
    pthread_mutex_lock(&scene->backend.lock);
    bool is_there = scene->backend.log.length > 0 && strstr(scene->backend.log.data, text) != NULL;
    pthread_mutex_unlock(&scene->backend.lock);
    return is_there;
}

static void a_posted_session_goes_on_where_the_backend_numbers_its_events(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.kind = TG_UPSTREAM_SSE;
    start_posted(scene);
    struct tg_stream *stream = join(scene, "numbered");
    WAIT_UNTIL(count_events(stream) >= 2);
    assert_false(tg_stream_has_ended(stream));
    assert_true(has_heard(scene, "Last-Event-ID: 7\r\n"));
    tg_family_leave(scene->family, stream);
}

static void the_ids_of_a_session_are_its_own(void **state)
{
    struct scene *scene = *state;

    scene->config.upstream.kind = TG_UPSTREAM_SSE;
    start_posted(scene);
    struct tg_stream *stream = join(scene, "numbered");
    WAIT_UNTIL(count_events(stream) >= 1);
    assert_true(holds(stream, "data: hello\nid: "));
    assert_false(holds(stream, "id: 7\n"));
    tg_family_leave(scene->family, stream);
}

static void the_message_that_until_asks_for_is_the_last(void **state)
{
    struct scene *scene = *state;

    scene->until = (struct tg_config_condition){ .kind = TG_CONDITION_TEXT, .pattern = P("bye") };
    scene->config.until = &scene->until;
    start(scene, false);
    assert_ends(scene, "until", "{\"reason\":\"until\"}");
    assert_int_equal(look(scene).messages, 2);
    assert_true(backend_wait(&scene->backend, &scene->backend.open, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_session_ends_with_a_complete_answer),
        TEST(a_session_ends_with_204),
        TEST(a_session_goes_on_after_an_answer_that_was_cut),
        TEST(a_posted_session_ends_with_an_answer_that_was_cut),
        TEST(a_posted_session_ends_with_a_refusal),
        TEST(what_was_refused_for_now_is_posted_again),
        TEST(a_posted_session_goes_on_where_the_backend_numbers_its_events),
        TEST(the_ids_of_a_session_are_its_own),
        TEST(the_message_that_until_asks_for_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
