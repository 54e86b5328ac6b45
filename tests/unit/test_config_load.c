/* Unit tests: loading: what ends up in the structs, and files that are no configuration at all. */
#include "config_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINIMAL(extra)                                                                                       \
    "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\"" extra                                            \
    "}}},\"routes\":[{\"path\":\"/q\",\"stream\":\"q\"}]}"

static void defaults_fill_the_rest(void **state)
{
    (void)state;
    struct tg_config *config = load_good(MINIMAL(""));
    assert_int_equal(config->listener_count, 1);
    assert_string_equal(config->listeners[0].address, "0.0.0.0");
    assert_int_equal(config->listeners[0].port, 8080);
    assert_int_equal(config->listeners[0].unix_mode, 0660);
    assert_false(config->listeners[0].tls.is_set);
    assert_false(config->admin.is_set);
    assert_true(config->admin.enabled);
    assert_string_equal(config->admin.address, "127.0.0.1");
    assert_int_equal(config->admin.port, 9090);
    assert_int_equal(config->log.level, TG_LOG_INFO);
    assert_int_equal(config->drain_ms, 5000);
    assert_int_equal(config->limits.request_header_bytes, 16384);
    assert_int_equal(config->sse.heartbeat_ms, 15000);
    assert_string_equal(config->sse.last_event_id_query[0], "lastEventId");
    assert_string_equal(config->sse.last_event_id_query[3], "evs_last_event_id");
    assert_null(config->sse.last_event_id_query[4]);
    assert_string_equal(config->sse.gap_event, "tidegate.gap");
    const struct tg_config_stream *stream = &config->streams[0];
    assert_string_equal(stream->name, "q");
    assert_string_equal(stream->upstream.url.host, "h");
    assert_string_equal(stream->upstream.url.path, "/");
    assert_int_equal(stream->upstream.url.port, 80);
    assert_false(stream->upstream.url.is_secure);
    assert_int_equal(stream->upstream.ping_every_ms, 20000);
    assert_int_equal(stream->upstream.keepalive_every_ms, 0);
    assert_false(stream->upstream.keepalive_message.is_set);
    assert_int_equal(stream->upstream.max_message_bytes, 1 << 20);
    assert_int_equal(stream->upstream.max_redirects, 5);
    assert_true(stream->upstream.required);
    assert_true(stream->upstream.tls.verify);
    assert_null(stream->upstream.headers);
    assert_null(stream->upstream.subprotocols);
    assert_string_equal(stream->translate.binary_event, "binary");
    assert_null(stream->translate.data);
    assert_int_equal(stream->retain.bytes, 16 << 20);
    assert_int_equal(stream->initial, TG_INITIAL_LIVE);
    assert_int_equal(stream->after_gap, TG_AFTER_GAP_OLDEST);
    assert_null(config->routes[0].cors.origins);
    tg_config_free(config);
}

static void keepalive_defaults_apply_once_it_is_named(void **state)
{
    (void)state;
    struct tg_config *config = load_good(MINIMAL(",\"keepalive\":{\"message\":\"x\"}"));
    assert_int_equal(config->streams[0].upstream.keepalive_every_ms, 20000);
    assert_true(config->streams[0].upstream.keepalive_message.is_set);
    tg_config_free(config);
}

static void assert_url(const char *url, bool is_secure, const char *host, int port, const char *path)
{
    char text[512];
    snprintf(text, sizeof(text), "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"%s\"}}},\"routes\":[]}", url);
    struct tg_config *config = load_good(text);
    const struct tg_config_url *parts = &config->streams[0].upstream.url;
    assert_string_equal(parts->text, url);
    assert_int_equal(parts->is_secure, is_secure);
    assert_string_equal(parts->host, host);
    assert_int_equal(parts->port, port);
    assert_string_equal(parts->path, path);
    tg_config_free(config);
}

static void urls_come_in_parts(void **state)
{
    (void)state;
    assert_url("wss://legacy.internal:9000/feed?a=b/c", true, "legacy.internal", 9000, "/feed?a=b/c");
    assert_url("ws://h?x=1", false, "h", 80, "/?x=1");
    assert_url("WSS://[2001:db8::1]", true, "2001:db8::1", 443, "/");
    assert_url("wss://[::1]:65535/", true, "::1", 65535, "/");
    assert_url("ws://1.2.3.4:1/a@b", false, "1.2.3.4", 1, "/a@b");
}

static void assert_message(const char *json, bool is_binary, const char *bytes, size_t length)
{
    char text[512];
    snprintf(text, sizeof(text), MINIMAL(",\"on_open\":[%s]"), json);
    struct tg_config *config = load_good(text);
    assert_int_equal(config->streams[0].upstream.on_open_count, 1);
    const struct tg_config_message *message = &config->streams[0].upstream.on_open[0];
    assert_true(message->is_set);
    assert_int_equal(message->is_binary, is_binary);
    assert_int_equal(message->length, length);
    assert_memory_equal(message->bytes, bytes, length + 1);
    tg_config_free(config);
}

static void messages_are_text_binary_or_compact_json(void **state)
{
    (void)state;
    setenv("TIDEGATE_TEST", "v\"1", 1);
    assert_message("\"plain\"", false, "plain", 5);
    assert_message("\"\"", false, "", 0);
    assert_message("\"$${a}${TIDEGATE_TEST}$b\"", false, "${a}v\"1$b", 9);
    assert_message("{\"$base64\":\"AAEC\"}", true, "\0\1\2", 3);
    assert_message("{ \"z\": 1, \"a\": [ true, 0.1, \"${TIDEGATE_TEST}\" ] }", false,
                   "{\"z\":1,\"a\":[true,0.1,\"v\\\"1\"]}", 29);
    assert_message("[ 3.0000000000000004, \"é\" ]", false, "[3.0000000000000004,\"é\"]", 25);
    assert_message("null", false, "null", 4);
    assert_message("7", false, "7", 1);
}

static void secrets_stay_out_of_messages(void **state)
{
    (void)state;
    setenv("TIDEGATE_TEST", "hunter2 ä\n", 1);
    assert_errors(MINIMAL(",\"subprotocols\":[\"${TIDEGATE_TEST}\"],\"idle_timeout\":\"${TIDEGATE_TEST}\","
                          "\"tls\":{\"ca\":\"${TIDEGATE_TEST}\"}"),
                  "t.json:1:61: streams.q.upstream.subprotocols[0]: expected a token of letters, digits and "
                  "!#$%&'*+-.^_`|~\n"
                  "t.json:1:96: streams.q.upstream.idle_timeout: expected a duration such as \"20s\" (ms, s, "
                  "m, h or d)\n"
                  "t.json:1:127: streams.q.upstream.tls.ca: cannot read the file \"${TIDEGATE_TEST}\": No "
                  "such file or directory\n");
    setenv("TIDEGATE_TEST", "hunter2", 1);
    assert_errors("{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://"
                  "h\"},\"translate\":{\"id\":\"${TIDEGATE_TEST}\"}}},"
                  "\"routes\":[]}",
                  "t.json:1:64: streams.q.translate.id: expected a JSON pointer such as \"/seq\", in which "
                  "\"~\" is written "
                  "\"~0\" and \"/\" \"~1\", or a template such as \"{/day}:{/seq}\"\n");
    setenv("TIDEGATE_TEST", ".hunter2", 1);
    struct tg_config *config =
        load_good("{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\"},\"translate\":{\"event\":"
                  "\"${TIDEGATE_TEST}\"}}},\"routes\":[{\"path\":\"/q\",\"stream\":\"q\"}]}");
    assert_null(config->warnings);
    tg_config_free(config);
    setenv("TIDEGATE_TEST", "\xff", 1);
    assert_errors(
        MINIMAL(",\"origin\":\"${TIDEGATE_TEST}\""),
        "t.json:1:54: streams.q.upstream.origin: the environment variable TIDEGATE_TEST is not UTF-8\n");
}

static void each_stream_knows_its_secrets(void **state)
{
    (void)state;
    setenv("TIDEGATE_TEST", "hush", 1);
    setenv("TIDEGATE_OTHER", "else", 1);
    struct tg_config *config = load_good("{\"streams\":{"
                                         "\"a\":{\"upstream\":{\"url\":\"ws://h/${TIDEGATE_TEST}\","
                                         "\"on_open\":[{\"x\":[\"${TIDEGATE_OTHER}\"]}]}},"
                                         "\"b\":{\"upstream\":{\"url\":\"ws://h\"}}},\"routes\":[]}");
    assert_string_equal(config->streams[0].secrets[0], "hush");
    assert_string_equal(config->streams[0].secrets[1], "else");
    assert_null(config->streams[0].secrets[2]);
    assert_null(config->streams[1].secrets);
    tg_config_free(config);
}

static void route_knows_its_stream(void **state)
{
    (void)state;
    struct tg_config *config = load_good(
        "{\"streams\":{\"a\":{\"upstream\":{\"url\":\"ws://a\"}},\"b\":{\"upstream\":{\"url\":\"ws://b\"}}},"
        "\"routes\":[{\"path\":\"/b\",\"stream\":\"b\"},{\"path\":\"/a\",\"stream\":\"a\"}]}");
    assert_int_equal(config->routes[0].stream_index, 1);
    assert_int_equal(config->routes[1].stream_index, 0);
    tg_config_free(config);
}

static void errors_stop_at_a_thousand(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 }, errors = { 0 };
    struct tg_config *config = NULL;
    tg_buffer_append_str(&text, "{\"routes\":[1");
    for (int i = 0; i < 1200; i++)
        tg_buffer_append_str(&text, ",\n1");
    tg_buffer_append_str(&text, "],\"streams\":{}}");
    assert_int_equal(tg_config_parse("t.json", text.data, text.length, &config, &errors), TG_ERR_INVALID);
    assert_non_null(strstr(errors.data, "t.json:1000:1: routes[999]: expected an object such as { \"path\": "
                                        "\"/events\", \"stream\": \"quotes\" }\n"
                                        "t.json: too many errors; the rest are not shown\n"));
    tg_buffer_deinit(&text);
    tg_buffer_deinit(&errors);
}

/* A folder of its own under the system's for temporary files; the working folder during the test. */
static int enter_folder(void **state)
{
    char name[] = "/tmp/test_config_load.XXXXXX";
    char *folder = mkdtemp(name) ? strdup(name) : NULL;
    *state = folder;
    return folder && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    static const char *const names[] = { "in/t.json", "in/secret", "in", "huge.json", "pipe" };
    for (size_t i = 0; i < TG_COUNT_OF(names); i++)
        remove(names[i]);
    int failed = chdir("/") || rmdir(*state);
    free(*state);
    return failed;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_url_is_no_longer_than_a_request_may_be(void **state)
{
    (void)state;
    char text[9000];
    snprintf(text, sizeof(text),
             "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h/%07999d\"}}},\"routes\":[]}", 0);
    tg_config_free(load_good(text));
    snprintf(text, sizeof(text),
             "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h/%08000d\"}}},\"routes\":[]}", 0);
    assert_bad(text, "t.json:1:36: streams.q.upstream.url: expected a URL whose path and query have at most");
}

static void relative_names_start_at_the_file(void **state)
{
    (void)state;
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    assert_int_equal(mkdir("in", 0700), 0);
    write_file("in/secret", "abc\r\n");
    write_file("in/t.json", "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\","
                            "\"auth\":{\"bearer\":{\"$file\":\"secret\"}}}}},"
                            "\"routes\":[{\"path\":\"/q\",\"file\":\"secret\"}]}");
    assert_int_equal(tg_config_load("in/t.json", &config, &errors), TG_OK);
    assert_string_equal(config->streams[0].upstream.bearer, "abc");
    assert_string_equal(config->streams[0].secrets[0], "abc"); /* so that it can be masked */
    assert_null(config->streams[0].secrets[1]);
    assert_string_equal(config->routes[0].file, "in/secret");
    tg_config_free(config);
}

/* It holds nothing yet, or what is for whoever serves with it. */
static void a_pipe_is_not_read(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    tg_config_free(
        load_good(MINIMAL(",\"tls\":{\"ca\":\"pipe\",\"certificate\":\"pipe\",\"key\":\"pipe\"}")));
}

static void unreadable_files_say_why(void **state)
{
    (void)state;
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    assert_int_equal(tg_config_load("none.json", &config, &errors), TG_ERR_IO);
    assert_string_equal(errors.data, "none.json: cannot read the file: No such file or directory\n");
    tg_buffer_clear(&errors);
    assert_int_equal(tg_config_load(".", &config, &errors), TG_ERR_IO);
    assert_string_equal(errors.data, ".: cannot read the file: Is a directory\n");
    tg_buffer_clear(&errors);
    int fd = open("huge.json", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 100 << 20), 0);
    close(fd);
    assert_int_equal(tg_config_load("huge.json", &config, &errors), TG_ERR_INVALID);
    assert_string_equal(errors.data, "huge.json: larger than 16MiB\n");
    assert_null(config);
    tg_buffer_deinit(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_the_rest),
        cmocka_unit_test(keepalive_defaults_apply_once_it_is_named),
        cmocka_unit_test(urls_come_in_parts),
        cmocka_unit_test(messages_are_text_binary_or_compact_json),
        cmocka_unit_test(secrets_stay_out_of_messages),
        cmocka_unit_test(each_stream_knows_its_secrets),
        cmocka_unit_test(route_knows_its_stream),
        cmocka_unit_test(errors_stop_at_a_thousand),
        cmocka_unit_test(a_url_is_no_longer_than_a_request_may_be),
        cmocka_unit_test_setup_teardown(relative_names_start_at_the_file, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(a_pipe_is_not_read, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(unreadable_files_say_why, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
