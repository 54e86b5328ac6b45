/* Unit tests: "$comment", a comment in the objects of the option table, content anywhere else. */
#include "config_fixture.h"

#include <stdlib.h>

static void comments_may_stand_in_each_option_object(void **state)
{
    (void)state;
    struct tg_config *config = load_good(
        "{\"$comment\":\"a file\",\"listen\":[{\"$comment\":1,\"port\":0}],\"log\":{\"$comment\":[]},"
        "\"streams\":{\"$comment\":\"no stream\",\"q\":{\"$comment\":null,\"scope\":\"keyed\","
        "\"parameters\":{\"$comment\":\"no parameter\",\"a\":{\"$comment\":{}}},"
        "\"upstream\":{\"$comment\":true,\"url\":\"ws://h/{a}\",\"reconnect\":{\"$comment\":1.5}},"
        "\"translate\":{\"$comment\":\"\",\"when\":{\"$comment\":\"a condition\",\"all\":["
        "{\"$comment\":\"a test\",\"pointer\":\"/a\",\"exists\":true},"
        "{\"not\":{\"$comment\":\"another\",\"text\":\"x\"}}]}}}},"
        "\"routes\":[{\"$comment\":\"a route\",\"path\":\"/{a}\",\"stream\":\"q\"}]}");
    assert_int_equal(config->stream_count, 1);
    assert_string_equal(config->streams[0].name, "q");
    assert_int_equal(config->streams[0].parameter_count, 1);
    assert_string_equal(config->streams[0].parameters[0].name, "a");
    tg_config_free(config);
}

static void comments_are_not_read(void **state)
{
    (void)state;
    tg_config_free(
        load_good("{\"$comment\":[\"${TIDEGATE_TEST_UNSET} and ${\",{\"$file\":\"/no/such/file\"}],"
                  "\"streams\":{\"q\":{\"upstream\":{\"$comment\":{\"$file\":\"/no/such/file\"},"
                  "\"url\":\"ws://h\"}}},\"routes\":[]}"));
}

static void in_messages_and_json_they_are_content(void **state)
{
    (void)state;
    setenv("TIDEGATE_TEST_SET", "a value", 1);
    struct tg_config *config = load_good(
        "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\","
        "\"headers\":{\"$comment\":\"sent\"},"
        "\"on_open\":[{\"$comment\":\"${TIDEGATE_TEST_SET}\"}],"
        "\"keepalive\":{\"$comment\":\"gone\",\"message\":{\"$comment\":2}}},"
        "\"translate\":{\"when\":{\"pointer\":\"/a\",\"equals\":{\"$comment\":3}}}}},\"routes\":[]}");
    const struct tg_config_upstream *upstream = &config->streams[0].upstream;
    assert_string_equal(upstream->headers[0].name, "$comment");
    assert_string_equal(upstream->headers[0].value, "sent");
    assert_string_equal(upstream->on_open[0].bytes, "{\"$comment\":\"a value\"}");
    assert_string_equal(upstream->keepalive_message.bytes, "{\"$comment\":2}");
    assert_string_equal(config->streams[0].translate.when->values[0], "{\"$comment\":3}");
    tg_config_free(config);
}

static void errors_after_a_comment_name_their_place(void **state)
{
    (void)state;
    assert_errors("{\"streams\":{\"q\":{\"upstream\":\n"
                  "{\"$comment\":{\"a\":[1,{\"b\":2}]},\"url\":\"ws://h\",\"origin\":5}}},\"routes\":[]}",
                  "t.json:2:55: streams.q.upstream.origin: expected a header value: one line without control "
                  "characters, not empty\n");
}

static void a_comment_makes_no_condition(void **state)
{
    (void)state;
    struct tg_buffer errors =
        load_bad("{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\"},\"translate\":{\"when\":"
                 "{\"$comment\":\"only\"}}}},\"routes\":[]}");
    assert_non_null(strstr(errors.data, "translate.when: expected a condition such as"));
    tg_buffer_deinit(&errors);
    errors = load_bad("{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\"},\"translate\":{\"when\":"
                      "{\"$comment\":\"only\",\"pointer\":\"/a\"}}}},\"routes\":[]}");
    assert_non_null(strstr(errors.data, "expected a test beside it"));
    tg_buffer_deinit(&errors);
}

static void one_comment_alone_is_no_stream(void **state)
{
    (void)state;
    struct tg_config *config = load_good("{\"streams\":{\"$comment\":\"none yet\"},\"routes\":[]}");
    assert_int_equal(config->stream_count, 0);
    tg_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_may_stand_in_each_option_object),
        cmocka_unit_test(comments_are_not_read),
        cmocka_unit_test(in_messages_and_json_they_are_content),
        cmocka_unit_test(errors_after_a_comment_name_their_place),
        cmocka_unit_test(a_comment_makes_no_condition),
        cmocka_unit_test(one_comment_alone_is_no_stream),
    };
    unsetenv("TIDEGATE_TEST_UNSET");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
