/* Unit tests: files that are read again. */
#include "config_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    struct tg_config *config;
    struct tg_config_refresh *refresh;
    struct tg_config_stream *stream; /* the latest */
    struct tg_buffer told;
};

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    char *folder = tg_strdup("/tmp/tidegate-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    free(folder);
    *state = tg_alloc(sizeof(struct scene));
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    tg_config_stream_free(scene->stream);
    tg_config_refresh_free(scene->refresh);
    tg_config_free(scene->config);
    tg_buffer_deinit(&scene->told);
    free(scene);
    return chdir("/");
}

static void load(struct scene *scene, const char *stream)
{
    struct tg_buffer text = { 0 }, errors = { 0 };
    tg_buffer_appendf(
        &text,
        "{\"$comment\":1,\"streams\":{\"other\":{\"upstream\":{\"url\":\"ws://o\"}},\"q\":{%s}},"
        "\"routes\":[{\"path\":\"/q{x}\",\"file\":\"x\"}]}",
        stream);
    char *at = strstr(text.data, "/q{x}"); /* a route is a must, but none of these */
    memcpy(at, "/qqqq", 5);
    write_file("t.json", text.data);
    write_file("x", "");
    if (tg_config_load("t.json", &scene->config, &errors))
        fail_msg("%s", errors.data);
    tg_buffer_deinit(&text);
    for (size_t i = 0; i < scene->config->stream_count; i++)
        if (strcmp(scene->config->streams[i].name, "q") == 0)
            scene->refresh = tg_config_refresh_new(&scene->config->streams[i]);
}

static void tell(void *arg, const char *file, const char *why)
{
    struct scene *scene = arg;
    tg_buffer_appendf(&scene->told, "%s: %s\n", file, why ? why : "taken");
}

/* Whether something is new. */
static bool read_again(struct scene *scene, const char *told)
{
    tg_buffer_clear(&scene->told);
    struct tg_config_stream *stream = tg_config_refresh_read(scene->refresh, tell, scene);
    assert_string_equal(tg_text_or_empty(scene->told.data), told);
    if (!stream)
        return false;
    tg_config_stream_free(scene->stream);
    scene->stream = stream;
    return true;
}

#define BEARER "\"upstream\":{\"url\":\"ws://h\",\"auth\":{\"bearer\":{\"$file\":\"token\"}}}"

static void a_new_token_is_taken(void **state)
{
    struct scene *scene = *state;
    write_file("token", "old\n");
    load(scene, BEARER);
    assert_false(read_again(scene, ""));
    write_file("token", "new\n");
    assert_true(read_again(scene, "token: taken\n"));
    assert_string_equal(scene->stream->upstream.bearer, "new");
    assert_string_equal(scene->stream->upstream.url.host, "h");
    assert_string_equal(scene->stream->secrets[0], "new");
    assert_false(read_again(scene, ""));
}

static void what_cannot_be_used_leaves_what_was_good(void **state)
{
    struct scene *scene = *state;
    write_file("token", "old");
    load(scene, BEARER);
    unlink("token");
    assert_false(read_again(scene, "token: cannot read the file: No such file or directory\n"));
    assert_false(read_again(scene, ""));
    write_file("token", "\n");
    assert_false(read_again(scene, "token: the file is empty\n"));
    write_file("token", "\xff");
    assert_false(read_again(scene, "token: expected a file of UTF-8 text\n"));
    unlink("token");
    mkdir("token", 0700);
    assert_false(read_again(scene, "token: cannot read the file\n"));
    rmdir("token");
    mkfifo("token", 0600); /* who reads it waits */
    assert_false(read_again(scene, ""));
    unlink("token");
    write_file("token", "old");
    assert_false(read_again(scene, ""));
    unlink("token");
    assert_false(read_again(scene, "token: cannot read the file: No such file or directory\n"));
    write_file("token", "new");
    assert_true(read_again(scene, "token: taken\n"));
}

static void what_does_not_fit_is_told_once(void **state)
{
    struct scene *scene = *state;
    write_file("token", "old");
    write_file("key", "old key");
    load(scene, "\"upstream\":{\"url\":\"ws://"
                "h\",\"headers\":{\"X-A\":{\"$file\":\"token\"},\"X-B\":{\"$file\":\"key\"}}}");
    write_file("token", "two\nlines\n");
    tg_buffer_clear(&scene->told);
    assert_null(tg_config_refresh_read(scene->refresh, tell, scene));
    assert_non_null(strstr(scene->told.data, "token: streams.q.upstream.headers.X-A: expected "));
    assert_null(strstr(scene->told.data, "two"));
    assert_false(read_again(scene, ""));
    write_file("key", "new key"); /* the other one has its way all the same */
    assert_true(read_again(scene, "key: taken\n"));
    assert_string_equal(scene->stream->upstream.headers[0].value, "old");
    assert_string_equal(scene->stream->upstream.headers[1].value, "new key");
    write_file("token", "new");
    assert_true(read_again(scene, "token: taken\n"));
    assert_string_equal(scene->stream->upstream.headers[0].value, "new");
    write_file("token", "\x01");
    write_file("key", "newer key"); /* both at once */
    tg_buffer_clear(&scene->told);
    struct tg_config_stream *stream = tg_config_refresh_read(scene->refresh, tell, scene);
    assert_string_equal(stream->upstream.headers[0].value, "new");
    assert_string_equal(stream->upstream.headers[1].value, "newer key");
    tg_config_stream_free(stream);
}

static void files_are_read_again_wherever_they_go_out(void **state)
{
    struct scene *scene = *state;
    write_file("token", "old");
    load(scene, "\"scope\":\"client\",\"session\":{\"open\":\"post\",\"message\":{\"k\":{\"$file\":\"token\"}"
                ",\"b\":\"{body}\"}},"
                "\"upstream\":{\"url\":\"ws://h\",\"on_open\":[{\"login\":[{\"$file\":\"token\"}]}]}");
    write_file("token", "n\"w");
    assert_true(read_again(scene, "token: taken\n"));
    assert_string_equal(scene->stream->session.message, "{\"k\":\"n\\\"w\",\"b\":\"{body}\"}");
    assert_string_equal(scene->stream->upstream.on_open[0].bytes, "{\"login\":[\"n\\\"w\"]}");
    assert_true(scene->stream->session.is_opened_by_post);
}

static void others_are_read_at_the_start_alone(void **state)
{
    struct scene *scene = *state;
    write_file("filter", ".a");
    load(scene, "\"upstream\":{\"url\":\"ws://h\"},\"translate\":{\"jq\":{\"$file\":\"filter\"}}");
    assert_null(scene->refresh);
}

static void those_are_not_needed_any_more(void **state)
{
    struct scene *scene = *state;
    write_file("filter", ".a");
    write_file("token", "old");
    load(scene, BEARER ",\"translate\":{\"jq\":{\"$file\":\"filter\"}}");
    unlink("filter");
    unlink("t.json");
    write_file("token", "new");
    assert_true(read_again(scene, "token: taken\n"));
}

static void one_that_was_empty_may_stay_so(void **state)
{
    struct scene *scene = *state;
    write_file("token", "");
    load(scene, "\"upstream\":{\"url\":\"ws://h\",\"headers\":{\"X-A\":{\"$file\":\"token\"}}}");
    assert_false(read_again(scene, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_token_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_used_leaves_what_was_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_read_again_wherever_they_go_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_read_at_the_start_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_are_not_needed_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_was_empty_may_stay_so, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
