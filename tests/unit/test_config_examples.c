/* Unit tests: the examples of the option table, which stand in the reference and the schema, do load. */
#include "config/options.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static json_t *parse(const char *what, const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s: %s", what, error.text);
    return value;
}

/* The option's example is members of an object, its own key among them. */
static json_t *parse_example(const struct tg_option *option)
{
    struct tg_buffer text = { 0 };
    tg_buffer_appendf(&text, "{%s}", option->example);
    json_t *object = parse(option->key, text.data);
    if (!json_object_get(object, option->key))
        fail_msg("%s: not in its example", option->key);
    tg_buffer_deinit(&text);
    return object;
}

static const struct tg_option *find(const struct tg_option_object *object, const char *key)
{
    const struct tg_option *option = object->options;
    while (strcmp(option->key, key) != 0)
        option++;
    return option;
}

/* Takes the whole file. */
static void assert_file_loads(const char *what, json_t *root)
{
    assert_non_null(root);
    char *text = json_dumps(root, 0);
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    if (tg_config_parse(what, text, strlen(text), &config, &errors))
        fail_msg("%s%s", errors.data, text);
    tg_config_free(config);
    free(text);
    json_decref(root);
}

/* Takes both. */
static void assert_loads(const char *what, json_t *upstream, json_t *translate)
{
    assert_file_loads(what, json_pack("{s:{s:{s:o, s:o}}, s:[]}", "streams", "q", "upstream", upstream,
                                      "translate", translate, "routes"));
}

/* Takes the stream. */
static void assert_stream_loads(const char *what, json_t *stream)
{
    json_t *rest = json_pack("{s:{s:s}}", "upstream", "url", "ws://h");
    json_object_update_missing(stream, rest);
    json_decref(rest);
    assert_file_loads(what, json_pack("{s:{s:o}, s:[]}", "streams", "q", stream, "routes"));
}

/* Makes the object an upstream of a kind that has the option. */
static json_t *complete_upstream(json_t *object, const struct tg_option *option)
{
    const char *kind = "sse";
    for (const struct tg_option_word *word = tg_upstream_kind_words; word->word; word++) {
        if (option->kinds && (option->kinds & TG_KIND_BIT(word->value)))
            kind = word->word;
    }
    json_t *rest =
        json_pack("{s:s, s:s}", "kind", kind, "url", strcmp(kind, "websocket") == 0 ? "ws://h" : "http://h");
    json_object_update_missing(object, rest);
    json_decref(rest);
    return object;
}

static void examples_of_upstreams_load(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < tg_options_upstream.option_count; i++) {
        const struct tg_option *option = &tg_options_upstream.options[i];
        if (!option->example)
            continue;
        assert_loads(option->key, complete_upstream(parse_example(option), option), json_object());
        count++;
    }
    assert_true(count >= 8);
    assert_loads("upstream", parse("upstream", tg_options_upstream.example), json_object());
}

static void examples_of_cursors_load(void **state)
{
    (void)state;
    const struct tg_option *option = find(&tg_options_upstream, "cursor");
    for (size_t i = 0; i < option->object->option_count; i++) {
        const struct tg_option *key = &option->object->options[i];
        json_t *upstream = json_pack("{s:s, s:s, s:s, s:{}, s:o}", "kind", "poll", "url", "http://h",
                                     "method", "POST", "body", "cursor", parse_example(key));
        assert_loads(key->key, upstream, json_object());
    }
}

static void examples_of_streams_load(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < tg_options_stream.option_count; i++) {
        const struct tg_option *option = &tg_options_stream.options[i];
        if (!option->example)
            continue;
        assert_stream_loads(option->key, parse_example(option));
        count++;
    }
    assert_true(count >= 7);
    assert_stream_loads("stream", parse("stream", tg_options_stream.example));
}

static json_t *client_stream(json_t *session)
{
    return json_pack("{s:s, s:o}", "scope", "client", "session", session);
}

static void examples_of_sessions_load(void **state)
{
    (void)state;
    const struct tg_option_object *session = find(&tg_options_stream, "session")->object;
    const struct tg_option_object *identity = find(session, "identity")->object;
    for (size_t i = 0; i < session->option_count; i++) {
        json_t *stream = client_stream(parse_example(&session->options[i]));
        if (strcmp(session->options[i].key, "on_end") == 0)
            json_object_set_new(stream, "upstream",
                                json_pack("{s:s, s:s}", "kind", "sse", "url", "http://h"));
        assert_stream_loads(session->options[i].key, stream);
    }
    for (size_t i = 0; i < identity->option_count; i++)
        assert_stream_loads(
            identity->options[i].key,
            client_stream(json_pack("{s:o}", "identity", parse_example(&identity->options[i]))));
    assert_stream_loads("identity",
                        client_stream(json_pack("{s:o}", "identity", parse("identity", identity->example))));
    assert_stream_loads("session", client_stream(parse("session", session->example)));
}

static void examples_of_parameters_and_keys_load(void **state)
{
    (void)state;
    const struct tg_option_object *parameter = find(&tg_options_stream, "parameters")->object;
    const struct tg_option_object *route = find(&tg_options_stream, "route")->object;
    for (size_t i = 0; i < parameter->option_count; i++)
        assert_stream_loads(parameter->options[i].key,
                            json_pack("{s:s, s:{s:o}}", "scope", "keyed", "parameters", "a",
                                      parse_example(&parameter->options[i])));
    assert_stream_loads("parameter", json_pack("{s:s, s:{s:o}}", "scope", "keyed", "parameters", "a",
                                               parse("parameter", parameter->example)));
    for (size_t i = 0; i < route->option_count; i++)
        assert_stream_loads(route->options[i].key, json_pack("{s:{s:{}}, s:o}", "parameters", "a", "route",
                                                             parse_example(&route->options[i])));
    assert_stream_loads(
        "route", json_pack("{s:{s:{}}, s:o}", "parameters", "a", "route", parse("route", route->example)));
}

/* Takes the route. */
static void assert_route_loads(const char *what, json_t *route)
{
    static const char streams[] =
        "{ \"quotes\": { \"scope\": \"keyed\", \"parameters\": { \"symbol\": {} },"
        " \"upstream\": { \"url\": \"ws://h\" } }, \"orders\": { \"upstream\": { \"url\": \"ws://h\" } } }";
    assert_file_loads(what, json_pack("{s:o, s:[o]}", "streams", parse("streams", streams), "routes", route));
}

static void examples_of_routes_load(void **state)
{
    (void)state;
    const struct tg_option_object *route = find(&tg_options_root, "routes")->object;
    const struct tg_option_object *rate = find(route, "rate")->object;
    size_t count = 0;
    for (size_t i = 0; i < route->option_count; i++) {
        if (!route->options[i].example)
            continue;
        assert_route_loads(route->options[i].key, parse_example(&route->options[i]));
        count++;
    }
    assert_true(count >= 6);
    for (size_t i = 0; i < rate->option_count; i++)
        assert_route_loads(rate->options[i].key,
                           json_pack("{s:s, s:s, s:o}", "path", "/orders", "send", "orders", "rate",
                                     parse_example(&rate->options[i])));
}

static json_t *any_upstream(void)
{
    return json_pack("{s:s}", "url", "ws://h");
}

static void each_rule_has_an_example_that_loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < tg_options_translate.option_count; i++) {
        const struct tg_option *option = &tg_options_translate.options[i];
        assert_non_null(option->example);
        assert_loads(option->key, any_upstream(), parse_example(option));
        for (size_t j = 0; option->object && j < option->object->option_count; j++) {
            const struct tg_option *inner = &option->object->options[j];
            assert_loads(inner->key, any_upstream(), json_pack("{s:o}", option->key, parse_example(inner)));
        }
    }
    assert_loads("translate", any_upstream(), parse("translate", tg_options_translate.example));
}

static void each_sort_of_condition_has_an_example_that_loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < tg_options_condition.option_count; i++) {
        const struct tg_option *option = &tg_options_condition.options[i];
        assert_non_null(option->example);
        assert_loads(option->key, any_upstream(), json_pack("{s:o}", "when", parse_example(option)));
    }
    assert_loads("when", any_upstream(),
                 json_pack("{s:o}", "when", parse("when", tg_options_condition.example)));
}

static void check_schema_examples(json_t *properties, const struct tg_option_object *object)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *examples = json_object_get(json_object_get(properties, option->key), "examples");
        assert_int_equal(json_array_size(examples), option->example ? 1 : 0);
    }
}

static void schema_has_the_examples(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 };
    assert_int_equal(tg_config_schema(&text), TG_OK);
    json_t *schema = parse("schema", text.data);
    json_t *streams = json_object_get(json_object_get(schema, "properties"), "streams");
    json_t *stream = json_object_get(json_object_get(streams, "additionalProperties"), "properties");
    check_schema_examples(stream, &tg_options_stream);
    check_schema_examples(json_object_get(json_object_get(stream, "upstream"), "properties"),
                          &tg_options_upstream);
    check_schema_examples(json_object_get(json_object_get(stream, "translate"), "properties"),
                          &tg_options_translate);
    json_decref(schema);
    tg_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_upstreams_load),
        cmocka_unit_test(examples_of_cursors_load),
        cmocka_unit_test(examples_of_streams_load),
        cmocka_unit_test(examples_of_sessions_load),
        cmocka_unit_test(examples_of_parameters_and_keys_load),
        cmocka_unit_test(examples_of_routes_load),
        cmocka_unit_test(each_rule_has_an_example_that_loads),
        cmocka_unit_test(each_sort_of_condition_has_an_example_that_loads),
        cmocka_unit_test(schema_has_the_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
