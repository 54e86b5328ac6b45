/* The requests that publish, and the queue that they are built in. */
#include "feed/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct feed_url url = { "127.0.0.1", "9", "/pub/{stream}?x={stream}" };

static void expect_request(enum feed_post post, const struct feed_message *messages, size_t count,
                           const char *expected)
{
    struct feed_queue out = { 0 };
    feed_request_append(&out, post, &url, messages, count, 64);
    feed_queue_append(&out, "", 1);
    assert_string_equal(out.data, expected);
    feed_queue_deinit(&out);
}

static void nchan_gets_the_message_as_it_is(void **state)
{
    (void)state;
    expect_request(FEED_POST_NCHAN, &(struct feed_message){ 3, 17, 123 }, 1,
                   "POST /pub/3?x=3 HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Type: application/json\r\n"
                   "Content-Length: 64\r\n\r\n"
                   "{\"seq\":17,\"t\":123,\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
}

static void pushpin_gets_items(void **state)
{
    (void)state;
    const struct feed_message messages[] = { { 3, 17, 123 }, { 4, 1, 124 } };
    expect_request(
        FEED_POST_PUSHPIN, messages, 2,
        "POST /pub/3?x=3 HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Type: application/json\r\n"
        "Content-Length: 323\r\n\r\n"
        "{\"items\":["
        "{\"channel\":\"3\",\"id\":\"17\",\"formats\":{\"http-stream\":{\"content\":\"id: 17\\ndata: "
        "{\\\"seq\\\":17,\\\"t\\\":123,\\\"pad\\\":\\\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\\"}\\n\\n\"}}},"
        "{\"channel\":\"4\",\"id\":\"1\",\"formats\":{\"http-stream\":{\"content\":\"id: 1\\ndata: "
        "{\\\"seq\\\":1,\\\"t\\\":124,\\\"pad\\\":\\\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\\"}\\n\\n\"}}}"
        "]}");
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    struct feed_url parsed;
    assert_true(feed_url_parse("http://127.0.0.1:8080/pub/{stream}", &parsed));
    assert_string_equal(parsed.host, "127.0.0.1");
    assert_string_equal(parsed.port, "8080");
    assert_string_equal(parsed.path, "/pub/{stream}");
    assert_true(feed_url_parse("http://localhost/", &parsed));
    assert_string_equal(parsed.port, "80");
    static const char *const bad[] = { "",           "127.0.0.1:80/", "https://x/",  "http://x",
                                       "http:///x",  "http://x:/",    "http://x:80", "http://x:8x/",
                                       "http://x:/8" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(feed_url_parse(bad[i], &parsed));
}

static void the_body_stays_below_the_limit_of_pushpin(void **state)
{
    (void)state;
    assert_int_equal(feed_request_messages(FEED_POST_NCHAN, 64), 1);
    assert_int_equal(feed_request_messages(FEED_POST_PUSHPIN, 200), FEED_MESSAGES_MAX);
    assert_int_equal(feed_request_messages(FEED_POST_PUSHPIN, 65536), 4);
    assert_int_equal(feed_request_messages(FEED_POST_PUSHPIN, 1 << 20), 1);
}

/* What goes into a queue comes out of it in order, however much at a time. */
static void a_queue_keeps_its_bytes(void **state)
{
    (void)state;
    struct feed_queue queue = { 0 };
    uint8_t written = 0, read = 0;
    unsigned random = 1;
    for (int round = 0; round < 20000; round++) {
        random = random * 1103515245 + 12345;
        uint8_t data[300];
        size_t count = random >> 16 & 0xff;
        for (size_t i = 0; i < count; i++)
            data[i] = written++;
        feed_queue_append(&queue, data, count);
        size_t taken = (random >> 8) % (feed_queue_length(&queue) + 1);
        for (size_t i = 0; i < taken; i++)
            assert_int_equal((uint8_t)queue.data[queue.start + i], read++);
        feed_queue_drop(&queue, taken);
    }
    assert_true(queue.capacity < 1 << 17);
    feed_queue_drop(&queue, feed_queue_length(&queue));
    assert_int_equal(feed_queue_length(&queue), 0);
    feed_queue_deinit(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nchan_gets_the_message_as_it_is),
        cmocka_unit_test(pushpin_gets_items),
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(the_body_stays_below_the_limit_of_pushpin),
        cmocka_unit_test(a_queue_keeps_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
