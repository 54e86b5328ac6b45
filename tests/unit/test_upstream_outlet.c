/* Clients' messages on their way to a link that has room, has none, or is not there. */
#include "upstream/outlet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RESULTS_MAX = 8, PENDING = 1 };

struct scene {
    struct tg_link link;
    struct tg_stream *stream;
    struct tg_outlet outlet;
    struct tg_buffer sent; /* "text|…" */
    bool keeps_unsent;     /* what is sent next stays unsent */
    bool has_unsent;
    int results[RESULTS_MAX]; /* by id: an enum tg_err, or PENDING */
    unsigned woken;
};

static void send_message(struct tg_link *link, const struct tg_config_message *message)
{
    struct scene *scene = TG_CONTAINER_OF(link, struct scene, link);

    tg_buffer_append(&scene->sent, message->bytes, message->length);
    tg_buffer_append_str(&scene->sent, message->is_binary ? "#" : "|");
    scene->has_unsent = scene->keeps_unsent;
}

static bool has_unsent(const struct tg_link *link)
{
    return TG_CONTAINER_OF(link, struct scene, link)->has_unsent;
}

static void on_wake(void *arg)
{
    struct scene *scene = arg;

    scene->woken++;
}

static void on_sent(void *context, uint64_t id, enum tg_err result)
{
    struct scene *scene = context;

    assert_int_equal(scene->results[id], PENDING);
    scene->results[id] = result;
}

static const struct tg_link_ops sending = { .send = send_message, .has_unsent = has_unsent };
static const struct tg_link_ops mute = { .close = NULL };

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));

    scene->link.ops = &sending;
    scene->stream = tg_stream_new(
        &(struct tg_stream_options){ .name = "s", .retain_events = 10, .retain_bytes = 100000 });
    tg_stream_on_outgoing(scene->stream, on_wake, scene);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    tg_outlet_settle(&scene->outlet, TG_ERR_CLOSED);
    tg_stream_unref(scene->stream);
    tg_buffer_deinit(&scene->sent);
    free(scene);
    return 0;
}

static void put(struct scene *scene, uint64_t id, const char *text, bool is_binary)
{
    scene->results[id] = PENDING;
    assert_int_equal(tg_stream_send(scene->stream, tg_str_from(text), is_binary, on_sent, scene, id), TG_OK);
}

static bool pump(struct scene *scene)
{
    return tg_outlet_pump(&scene->outlet, scene->stream, &scene->link);
}

static void messages_go_out_in_order(void **state)
{
    struct scene *scene = *state;

    put(scene, 0, "a", false);
    put(scene, 1, "b", true);
    assert_true(pump(scene));
    assert_string_equal(scene->sent.data, "a|b#");
    assert_int_equal(scene->results[0], TG_OK);
    assert_int_equal(scene->results[1], TG_OK);
}

static void they_are_sent_when_the_link_has_nothing_unsent(void **state)
{
    struct scene *scene = *state;

    scene->keeps_unsent = true;
    put(scene, 0, "a", false);
    assert_true(pump(scene));
    assert_int_equal(scene->results[0], PENDING);
    put(scene, 1, "b", false);
    assert_false(pump(scene));
    assert_string_equal(scene->sent.data, "a|");
    scene->has_unsent = scene->keeps_unsent = false;
    tg_outlet_settle(&scene->outlet, TG_OK);
    assert_int_equal(scene->results[0], TG_OK);
    assert_int_equal(scene->results[1], PENDING);
    assert_true(pump(scene));
    assert_string_equal(scene->sent.data, "a|b|");
    assert_int_equal(scene->results[1], TG_OK);
}

static void those_on_a_link_that_ends_are_lost(void **state)
{
    struct scene *scene = *state;

    scene->keeps_unsent = true;
    put(scene, 0, "a", false);
    assert_true(pump(scene));
    put(scene, 1, "b", false);
    tg_outlet_settle(&scene->outlet, TG_ERR_CLOSED);
    assert_int_equal(scene->results[0], TG_ERR_CLOSED);
    assert_true(tg_outlet_pump(&scene->outlet, scene->stream, NULL));
    assert_int_equal(scene->results[1], TG_ERR_CLOSED);
}

static void without_a_link_there_is_nobody(void **state)
{
    struct scene *scene = *state;

    put(scene, 0, "a", false);
    assert_true(tg_outlet_pump(&scene->outlet, scene->stream, NULL));
    assert_int_equal(scene->results[0], TG_ERR_CLOSED);
    assert_int_equal(scene->sent.length, 0);
}

static void some_kinds_take_none(void **state)
{
    struct scene *scene = *state;

    scene->link.ops = &mute;
    put(scene, 0, "a", false);
    assert_true(pump(scene));
    assert_int_equal(scene->results[0], TG_ERR_INVALID);
}

static void what_comes_while_there_is_no_room_wakes_again(void **state)
{
    struct scene *scene = *state;

    put(scene, 0, "a", false);
    assert_int_equal(scene->woken, 1);
    assert_true(pump(scene));
    put(scene, 1, "b", false);
    assert_int_equal(scene->woken, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_go_out_in_order),
        TEST(they_are_sent_when_the_link_has_nothing_unsent),
        TEST(those_on_a_link_that_ends_are_lost),
        TEST(without_a_link_there_is_nobody),
        TEST(some_kinds_take_none),
        TEST(what_comes_while_there_is_no_room_wakes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
