/* The admin's pages over real streams, upstreams and a server, none of which is started. */
#include "server_fixture.h"
#include "tidegate/admin.h"

#include <stdlib.h>
#include <string.h>

struct scene {
    struct tg_config *config;
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_registry *registry;
    struct tg_upstream_set *upstreams;
    struct tg_server *server;
    struct tg_admin *admin;
    struct tg_buffer page;
};

static const char config_text[] =
    "{ \"listen\": [ { \"address\": \"127.0.0.1\", \"port\": 0 } ], \"streams\": {"
    "  \"a\": { \"upstream\": { \"kind\": \"websocket\", \"url\": \"ws://127.0.0.1:1/\" } },"
    "  \"b\": { \"upstream\": { \"kind\": \"websocket\", \"url\": \"ws://127.0.0.1:1/\", \"required\": false "
    "} } },"
    "  \"routes\": [ { \"path\": \"/a\", \"stream\": \"a\" } ] }";

static void add_stream(struct scene *scene, size_t index)
{
    const struct tg_config_stream *config = &scene->config->streams[index];
    struct tg_stream_options options = { .name = config->name, .retain_events = 10, .retain_bytes = 100000 };
    struct tg_stream *stream = tg_stream_new(&options);
    struct tg_buffer error = { 0 };
    struct tg_event event = { .data = TG_STR("hello") };
    assert_int_equal(tg_registry_add(scene->registry, stream), TG_OK);
    assert_int_equal(tg_upstream_set_add(scene->upstreams, config, &scene->config->sse, stream, 0, &error),
                     TG_OK);
    assert_int_equal(tg_stream_append(stream, &event, 1), TG_OK);
    tg_stream_unref(stream);
}

static void get_family_stats(void *arg, size_t index, struct tg_family_stats *ret_stats)
{
    (void)arg;
    assert_int_equal(index, 0);
    *ret_stats = (struct tg_family_stats){
        .members = 3, .max_members = 9, .opened = 5, .closed = 2, .refused = 1, .events = 70, .subscribers = 4
    };
}

static int set_up(void **state)
{
    struct scene *scene = tg_alloc(sizeof(*scene));
    static const char *const names[] = { "public" }, *const family_names[] = { "rooms" };
    *state = scene;
    scene->config = load_good(config_text);
    assert_int_equal(tg_worker_pool_new(1, &scene->pool), TG_OK);
    scene->registry = tg_registry_new();
    scene->nets = tg_nets_new(scene->pool);
    scene->upstreams = tg_upstream_set_new(scene->pool, scene->nets);
    for (size_t i = 0; i < scene->config->stream_count; i++)
        add_stream(scene, i);
    scene->server = make_server(scene->pool, scene->nets, scene->config);
    scene->admin = tg_admin_new(&(struct tg_admin_sources){ .servers = &scene->server,
                                                            .server_names = names,
                                                            .server_count = 1,
                                                            .registry = scene->registry,
                                                            .upstreams = scene->upstreams,
                                                            .family_count = 1,
                                                            .family_names = family_names,
                                                            .get_family_stats = get_family_stats,
                                                            .started_ms = 1500 });
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    tg_worker_pool_stop(scene->pool);
    tg_admin_free(scene->admin);
    tg_server_free(scene->server);
    tg_upstream_set_free(scene->upstreams);
    tg_registry_free(scene->registry);
    tg_nets_free(scene->nets);
    tg_worker_pool_free(scene->pool);
    tg_config_free(scene->config);
    tg_buffer_deinit(&scene->page);
    free(scene);
    return 0;
}

static void expect_line(struct scene *scene, const char *line)
{
    if (!strstr(scene->page.data, line))
        fail_msg("not on the page: %s", line);
}

static void metrics_count_streams_upstreams_and_servers(void **state)
{
    struct scene *scene = *state;
    tg_admin_write_metrics(scene->admin, &scene->page);
    expect_line(scene, "\ntidegate_stream_events_total{stream=\"a\"} 1\n");
    expect_line(scene, "\ntidegate_stream_last_seq{stream=\"b\"} 1\n");
    expect_line(scene, "\ntidegate_upstream_up{stream=\"a\"} 0\n");
    expect_line(scene, "\ntidegate_upstream_state{stream=\"a\",state=\"idle\"} 1\n");
    expect_line(scene, "\ntidegate_upstream_state{stream=\"a\",state=\"up\"} 0\n");
    expect_line(scene, "\ntidegate_upstream_dropped_messages_total{stream=\"b\",cause=\"oversize\"} 0\n");
    expect_line(scene, "\ntidegate_upstream_filtered_messages_total{stream=\"a\"} 0\n");
    expect_line(scene, "\ntidegate_upstream_repeated_messages_total{stream=\"b\"} 0\n");
    expect_line(scene, "\ntidegate_upstream_failures_total{stream=\"a\",reason=\"status\"} 0\n");
    expect_line(scene, "\ntidegate_upstream_failures_total{stream=\"a\",reason=\"finished\"} 0\n");
    expect_line(scene, "\ntidegate_subscribers{server=\"public\"} 0\n");
    expect_line(scene, "\ntidegate_gaps_total{server=\"public\",reason=\"evicted\"} 0\n");
    expect_line(scene, "\ntidegate_requests_total{server=\"public\",status=\"5xx\"} 0\n");
    expect_line(scene, "\nprocess_start_time_seconds 1.500000\n");
    expect_line(scene, "tidegate_build_info{version=\"" TIDEGATE_VERSION "\"} 1\n");
}

static void metrics_count_a_family_as_one_stream(void **state)
{
    struct scene *scene = *state;
    tg_admin_write_metrics(scene->admin, &scene->page);
    expect_line(scene, "\ntidegate_stream_events_total{stream=\"rooms\"} 70\n");
    expect_line(scene, "\ntidegate_stream_subscribers{stream=\"rooms\"} 4\n");
    expect_line(scene, "\ntidegate_stream_members{stream=\"rooms\"} 3\n");
    expect_line(scene, "\ntidegate_stream_members_limit{stream=\"rooms\"} 9\n");
    expect_line(scene, "\ntidegate_stream_members_opened_total{stream=\"rooms\"} 5\n");
    expect_line(scene, "\ntidegate_stream_members_closed_total{stream=\"rooms\"} 2\n");
    expect_line(scene, "\ntidegate_stream_members_refused_total{stream=\"rooms\"} 1\n");
    assert_null(strstr(scene->page.data, "tidegate_stream_last_seq{stream=\"rooms\"}"));
    assert_null(strstr(scene->page.data, "tidegate_stream_members{stream=\"a\"}"));
}

/* The text format wants each family's head once, before all of its samples. */
static void metrics_have_each_head_once(void **state)
{
    struct scene *scene = *state;
    tg_admin_write_metrics(scene->admin, &scene->page);
    for (const char *at = scene->page.data; (at = strstr(at, "# TYPE ")); at++) {
        char head[128];
        size_t length = strcspn(at + 7, " ") + 8;
        assert_true(length < sizeof(head));
        memcpy(head, at, length);
        head[length] = '\0';
        assert_null(strstr(at + length, head));
    }
}

static void not_ready_while_a_required_upstream_is_not_up(void **state)
{
    struct scene *scene = *state;
    assert_false(tg_admin_write_readiness(scene->admin, &scene->page));
    expect_line(scene, "upstream of a is idle\n");
    assert_null(strstr(scene->page.data, "upstream of b"));
}

static void never_ready_once_it_drains(void **state)
{
    struct scene *scene = *state;
    tg_admin_set_draining(scene->admin);
    assert_false(tg_admin_write_readiness(scene->admin, &scene->page));
    assert_string_equal(scene->page.data, "draining\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metrics_count_streams_upstreams_and_servers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metrics_count_a_family_as_one_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metrics_have_each_head_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_ready_while_a_required_upstream_is_not_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_ready_once_it_drains, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
