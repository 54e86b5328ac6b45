/* A member's configuration, with what a client brought, and what became of it. */
#ifndef TIDEGATE_TESTS_EXPAND_SCENE_H
#define TIDEGATE_TESTS_EXPAND_SCENE_H

#include "upstream/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(text) ((char *)(text))
#define MESSAGE(text) ((struct tg_config_message){ true, false, P(text), sizeof(text) - 1 })

struct scene {
    struct tg_config_stream config;
    struct tg_pair parameters[2];
    struct tg_pair headers[4];
    struct tg_opening opening;
    struct tg_config_upstream made;
    struct tg_buffer error;
};

static inline int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));
    struct tg_config_upstream *upstream = &scene->config.upstream;

    upstream->kind = TG_UPSTREAM_WEBSOCKET;
    upstream->url = (struct tg_config_url){
        .text = P("ws://example.org:9000/rooms"), .host = P("example.org"), .port = 9000, .path = P("/rooms")
    };
    scene->parameters[0] = (struct tg_pair){ TG_STR("room"), TG_STR("blue") };
    scene->parameters[1] = (struct tg_pair){ TG_STR("user"), TG_STR("ann") };
    scene->opening = (struct tg_opening){ .parameters = scene->parameters,
                                          .parameter_count = 2,
                                          .headers = scene->headers };
    *state = scene;
    return 0;
}

static inline int tear_down(void **state)
{
    struct scene *scene = *state;

    tg_expand_deinit(&scene->made);
    tg_buffer_deinit(&scene->error);
    free(scene);
    return 0;
}

static inline void set_value(struct scene *scene, const char *value)
{
    scene->parameters[0].value = tg_str_from(value);
}

static inline enum tg_err expand(struct scene *scene)
{
    tg_expand_deinit(&scene->made);
    scene->made = (struct tg_config_upstream){ 0 };
    tg_buffer_clear(&scene->error);
    return tg_expand(&scene->config, &scene->opening, &scene->made, &scene->error);
}

static inline void assert_path(struct scene *scene, const char *value, const char *expected)
{
    set_value(scene, value);
    assert_int_equal(expand(scene), TG_OK);
    assert_string_equal(scene->made.url.path, expected);
}

static inline void assert_refused(struct scene *scene, enum tg_err expected)
{
    assert_int_equal(expand(scene), expected);
    assert_null(scene->made.url.path);
    assert_true(scene->error.length > 0);
}

static inline void assert_message(const struct tg_config_message *message, const char *expected)
{
    assert_true(message->is_set);
    assert_int_equal(message->length, strlen(expected));
    assert_memory_equal(message->bytes, expected, message->length);
}

#endif
