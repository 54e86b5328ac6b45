/* Upstreams of families: made, fed, ended and counted while the workers run, against a scripted backend. */
#include "http_backend.h"
#include "tidegate/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(text) ((char *)(text))
#define LINES "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\n"
#define ROUTED_LINES                                                                                         \
    "{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":2}\n{\"v\":3}\n{\"k\":\"c\",\"v\":4}\n{\"k\":\"a\",\"v\":5}"  \
    "\n"

enum { WORKERS = 2, PATIENCE_MS = 60 * 1000, MANY = 40 };

static const struct backend_route routes[] = {
    { "/rooms/a%20b?x=1", LINES "\r\n{\"hello\":1}\n", 0, BACKEND_IS_SILENT },
    { "/rooms/many?x=1", LINES "\r\n{\"hello\":1}\n", 0, BACKEND_IS_SILENT },
    { "/rooms/short?x=1", LINES "Content-Length: 12\r\n\r\n{\"hello\":1}\n", 0, BACKEND_CLOSES },
    { "/rooms/empty?x=1", "HTTP/1.1 204 No Content\r\n\r\n", 0, BACKEND_CLOSES },
    { "/rooms/cut?x=1", LINES "Content-Length: 99\r\n\r\n{\"hello\":1}\n", 0, BACKEND_CLOSES },
    { "/rooms/until?x=1", LINES "\r\n{\"hello\":1}\nbye\n{\"hello\":2}\n", 0, BACKEND_IS_SILENT },
    { "/rooms/400?x=1", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0, BACKEND_GOES_ON },
    { "/rooms/503?x=1", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 0, BACKEND_GOES_ON },
    { "/rooms/numbered?x=1", EVENTS "id: 7\ndata: hello\n\n", 0, BACKEND_CLOSES },
    { "/routed", LINES "\r\n" ROUTED_LINES, 0, BACKEND_IS_SILENT },
    { 0 },
};

struct scene {
    struct backend backend;
    struct tg_worker_pool *pool;
    struct tg_upstream_set *set;
    struct tg_family *family;
    struct tg_config_stream config;
    struct tg_config_sse names;
    struct tg_config_parameter parameter;
    struct tg_config_condition until;
    bool is_posted; /* clients open members with a body */
};

static enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    struct scene *scene = arg;
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_upstream_set_open(scene->set, 0, stream, opening, &error);

    tg_buffer_deinit(&error);
    return err;
}

static void on_close(void *arg, struct tg_stream *stream)
{
    struct scene *scene = arg;

    tg_upstream_set_close(scene->set, 0, stream);
}

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    tg_log_configure(TG_LOG_ERROR, TG_LOG_HUMAN);
    scene->backend.routes = routes;
    assert_true(backend_start(&scene->backend));
    scene->names.upstream_event = P("tidegate.upstream");
    scene->names.end_event = P("tidegate.end");
    scene->parameter.name = P("room");
    scene->config = (struct tg_config_stream){
        .name = P("rooms"),
        .scope = TG_SCOPE_KEYED,
        .parameters = &scene->parameter,
        .parameter_count = 1,
        .max_members = MANY,
        .upstream = { .kind = TG_UPSTREAM_NDJSON,
                      .url = { .text = P("http://127.0.0.1/"),
                               .host = P("127.0.0.1"),
                               .port = scene->backend.port,
                               .path = P("/rooms/{room}?x=1") },
                      .connect_timeout_ms = 10000,
                      .max_message_bytes = 1 << 20,
                      .reconnect_first_ms = 1,
                      .reconnect_max_ms = 10 },
        .translate = { .binary_event = P("binary"), .error_event = P("error") },
    };
    *state = scene;
    return 0;
}

/* As the application does: the family first, then what feeds it. */
static void start(struct scene *scene, bool is_routed)
{
    struct tg_buffer error = { 0 };
    const struct tg_family_options options = {
        .name = "rooms",
        .retain_events = 100,
        .retain_bytes = 100000,
        .max_members = (size_t)scene->config.max_members,
        .hooks = { .open = on_open, .close = on_close, .arg = scene },
    };

    assert_int_equal(tg_worker_pool_new(WORKERS, &scene->pool), TG_OK);
    scene->set = tg_upstream_set_new(scene->pool);
    scene->family = tg_family_new(&options);
    if (is_routed)
        assert_int_equal(
            tg_upstream_set_add_routed(scene->set, &scene->config, &scene->names, scene->family, 1, &error),
            TG_OK);
    else
        assert_int_equal(tg_upstream_set_add_family(scene->set, &scene->config, &scene->names, &error),
                         TG_OK);
    tg_upstream_set_start(scene->set);
    assert_int_equal(tg_worker_pool_start(scene->pool), TG_OK);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    if (scene->pool)
        tg_worker_pool_stop(scene->pool);
    tg_family_free(scene->family);
    tg_upstream_set_free(scene->set);
    tg_worker_pool_free(scene->pool);
    backend_stop(&scene->backend);
    free(scene);
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------------- */

static struct tg_upstream_stats look(const struct scene *scene)
{
    struct tg_upstream_stats stats;

    tg_upstream_set_get_stats(scene->set, 0, &stats);
    return stats;
}

static uint64_t count_upstreams(const struct scene *scene)
{
    struct tg_upstream_stats stats = look(scene);
    uint64_t count = 0;

    for (size_t i = 0; i < TG_UPSTREAM_STATE_COUNT; i++)
        count += stats.states[i];
    return count;
}

static uint64_t count_events(const struct tg_stream *stream)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(stream, &stats);
    return stats.events;
}

#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        for (int waited = 0; !(condition); waited++) {                                                       \
            if (waited == PATIENCE_MS)                                                                       \
                fail_msg("never: %s", #condition);                                                           \
            usleep(1000);                                                                                    \
        }                                                                                                    \
    } while (0)

static enum tg_err join_on(struct scene *scene, const char *key, const char *room, size_t worker,
                           struct tg_stream **ret_stream)
{
    const struct tg_pair parameters[] = { { TG_STR("room"), tg_str_from(room) } };
    const struct tg_opening opening = { .parameters = parameters,
                                        .parameter_count = 1,
                                        .has_body = scene->is_posted,
                                        .body = scene->is_posted ? TG_STR("{\"ask\":1}") : TG_STR(""),
                                        .worker_index = worker };

    return tg_family_join(scene->family, tg_str_from(key), &opening, ret_stream);
}

static struct tg_stream *join(struct scene *scene, const char *room)
{
    struct tg_stream *stream;

    assert_int_equal(join_on(scene, room, room, 0, &stream), TG_OK);
    return stream;
}

static void sweep(struct scene *scene)
{
    tg_family_sweep(scene->family, tg_clock_now_ms() + 1000);
}

static void nothing(void *arg)
{
    (void)arg;
}

static bool holds(struct tg_stream *stream, const char *text)
{
    struct tg_reader *reader = tg_reader_new(stream, nothing, NULL);
    struct tg_buffer all = { 0 };

    tg_reader_sync(reader, NULL, NULL);
    for (struct tg_cursor cursor = { tg_reader_first(reader) }; cursor.position < tg_reader_end(reader);) {
        struct tg_str bytes = tg_reader_peek(reader, cursor);
        assert_true(bytes.length > 0);
        tg_buffer_append(&all, bytes.data, bytes.length);
        cursor.position += bytes.length;
    }
    bool is_there = all.length > 0 && memmem(all.data, all.length, text, strlen(text)) != NULL;
    tg_buffer_deinit(&all);
    tg_reader_free(reader);
    return is_there;
}

/* ---- members with upstreams of their own ------------------------------------------------------------- */

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

/* ---- the end ------------------------------------------------------------------------------------------ */

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

/* ---- one upstream for all ------------------------------------------------------------------------------ */

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

/* ---- the way back -------------------------------------------------------------------------------------- */

static void on_sent(void *context, uint64_t id, enum tg_err result)
{
    (void)id;
    __atomic_store_n((int *)context, (int)result, __ATOMIC_SEQ_CST);
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_member_has_its_own_request),
        TEST(a_member_that_goes_hangs_up_and_its_figures_stay),
        TEST(many_members_come_and_go),
        TEST(a_value_that_makes_no_url_is_refused),
        TEST(an_answer_that_ends_is_asked_for_again),
        TEST(a_session_ends_with_a_complete_answer),
        TEST(a_session_ends_with_204),
        TEST(a_session_goes_on_after_an_answer_that_was_cut),
        TEST(a_posted_session_ends_with_an_answer_that_was_cut),
        TEST(a_posted_session_ends_with_a_refusal),
        TEST(what_was_refused_for_now_is_posted_again),
        TEST(a_posted_session_goes_on_where_the_backend_numbers_its_events),
        TEST(the_ids_of_a_session_are_its_own),
        TEST(a_required_family_waits_for_one_of_its_members),
        TEST(the_message_that_until_asks_for_is_the_last),
        TEST(events_go_to_the_member_of_their_key),
        TEST(a_member_with_events_stays),
        TEST(a_member_of_a_backend_that_is_up_is_up_at_once),
        TEST(outages_are_told_to_all_members),
        TEST(a_backend_that_takes_no_messages_says_so),
        TEST(messages_wait_while_the_backend_is_being_connected),
        TEST(a_message_for_a_new_key_of_a_backend_that_is_up_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
