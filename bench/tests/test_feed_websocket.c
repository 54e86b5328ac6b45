/* The server's side of WebSocket. */
#include "feed/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UPGRADE "Host: x\r\nUPGRADE: WebSocket\r\nConnection: Upgrade\r\n"
#define KEY "sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\r\n"

static char answer[FEED_WS_ANSWER_MAX];

static void expect_stream(const char *head, size_t expected)
{
    size_t stream = 99;
    assert_true(feed_ws_upgrade(head, 12, answer, &stream));
    assert_int_equal(stream, expected);
}

static void expect_refusal(const char *head, const char *status)
{
    size_t stream;
    assert_false(feed_ws_upgrade(head, 12, answer, &stream));
    assert_memory_equal(answer + strlen("HTTP/1.1 "), status, strlen(status));
}

static void the_key_of_the_rfc_is_accepted(void **state)
{
    (void)state;
    expect_stream("GET / HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 0);
    assert_string_equal(answer,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

static void the_first_subprotocol_is_taken(void **state)
{
    (void)state;
    expect_stream("GET / HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Protocol: a.b, c\r\n\r\n", 0);
    assert_non_null(strstr(answer, "\r\nSec-WebSocket-Protocol: a.b\r\n\r\n"));
}

static void the_path_names_the_stream(void **state)
{
    (void)state;
    expect_stream("GET /?a=b HTTP/1.1\r\n" UPGRADE KEY "\r\n", 0);
    expect_stream("GET /s/0 HTTP/1.1\r\n" UPGRADE KEY "\r\n", 0);
    expect_stream("GET /s/11?a HTTP/1.1\r\n" UPGRADE KEY "\r\n", 11);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    expect_refusal("GET /s/12 HTTP/1.1\r\n" UPGRADE KEY "\r\n", "404");
    expect_refusal("GET /s/ HTTP/1.1\r\n" UPGRADE KEY "\r\n", "404");
    expect_refusal("GET /s/4294967296000 HTTP/1.1\r\n" UPGRADE KEY "\r\n", "404");
    expect_refusal("GET /x HTTP/1.1\r\n" UPGRADE KEY "\r\n", "404");
    expect_refusal("POST / HTTP/1.1\r\n" UPGRADE KEY "\r\n", "404");
    expect_refusal("GET / HTTP/1.1\r\n" UPGRADE "\r\n", "400");
    expect_refusal("GET / HTTP/1.1\r\n" KEY "\r\n", "400");
}

static void headers_have_three_lengths(void **state)
{
    (void)state;
    char out[FEED_WS_HEADER_MAX];
    assert_int_equal(feed_ws_header(out, FEED_WS_TEXT, 125), 2);
    assert_memory_equal(out, "\x81\x7d", 2);
    assert_int_equal(feed_ws_header(out, FEED_WS_TEXT, 126), 4);
    assert_memory_equal(out, "\x81\x7e\x00\x7e", 4);
    assert_int_equal(feed_ws_header(out, FEED_WS_TEXT, 65535), 4);
    assert_int_equal(feed_ws_header(out, FEED_WS_PONG, 65536), 10);
    assert_memory_equal(out, "\x8a\x7f\0\0\0\0\0\1\0\0", 10);
}

/* Reads all frames of `data`, given in pieces of so many bytes; a letter for each ping, pong, close, and
 * "!" for bad. */
static void expect_frames(const char *data, size_t length, size_t piece, const char *expected)
{
    struct feed_ws_reader reader = { 0 };
    char input[512], seen[16] = "";
    size_t input_length = 0, given = 0;
    while (given < length && !strchr(seen, '!')) {
        size_t count = length - given < piece ? length - given : piece;
        memcpy(input + input_length, data + given, count);
        input_length += count;
        given += count;
        enum feed_ws_result result;
        size_t used, payload_length;
        do {
            enum feed_ws_opcode opcode;
            char *payload;
            result = feed_ws_read(&reader, input, input_length, &used, &opcode, &payload, &payload_length);
            if (result == FEED_WS_CONTROL) {
                strcat(seen, opcode == FEED_WS_PING ? "p" : opcode == FEED_WS_PONG ? "o" : "c");
                strncat(seen, payload, payload_length);
            }
            input_length -= used;
            memmove(input, input + used, input_length);
        } while (used > 0 && input_length > 0);
        if (result == FEED_WS_BAD)
            strcat(seen, "!");
    }
    assert_string_equal(seen, expected);
}

static void controls_are_handed_out_and_messages_passed_over(void **state)
{
    (void)state;
    static char data[400];
    size_t length = 0;
    static const char hello[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    static const char ping[] = "\x89\x82\x01\x02\x03\x04\x60\x60"; /* "ab" */
    static const char long_one[] = "\x82\xfe\x01\x00\x00\x00\x00\x00";
    static const char close_frame[] = "\x88\x80\x01\x02\x03\x04";
    memcpy(data, hello, 11);
    memcpy(data + 11, ping, 8);
    memcpy(data + 19, long_one, 8);
    length = 27 + 256;
    memcpy(data + length, close_frame, 6);
    length += 6;
    for (size_t piece = 1; piece < 300; piece += piece < 20 ? 1 : 13)
        expect_frames(data, length, piece, "pabc");
}

static void bad_frames_are_noticed(void **state)
{
    (void)state;
    expect_frames("\x81\x05hello", 7, 7, "!");            /* not masked */
    expect_frames("\x89\xfe\x00\x7e\0\0\0\0", 8, 8, "!"); /* a ping of 126 bytes */
    expect_frames("\x8b\x80\0\0\0\0", 6, 6, "!");         /* no such opcode */
    expect_frames("\x81\xff\0\0\0\0\0\0\0\3\0\0\0\0xyz\x8a\x80\0\0\0\0", 23, 4,
                  "o"); /* a long length for little */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_rfc_is_accepted),
        cmocka_unit_test(the_first_subprotocol_is_taken),
        cmocka_unit_test(the_path_names_the_stream),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(headers_have_three_lengths),
        cmocka_unit_test(controls_are_handed_out_and_messages_passed_over),
        cmocka_unit_test(bad_frames_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
