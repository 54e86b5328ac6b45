/* Answers to the publisher, however they are cut. */
#include "feed/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads it in pieces of so many bytes; gives the statuses, with "!" where it is no answer and "." for the
 * last of a connection. */
static void read_pieces(const char *text, size_t piece, char *out, struct feed_response *response)
{
    size_t length = strlen(text);
    *out = '\0';
    for (size_t at = 0; at < length;) {
        size_t used, count = length - at < piece ? length - at : piece;
        int result = feed_response_read(response, text + at, count, &used);
        if (result < 0) {
            strcat(out, "!");
            return;
        }
        if (result > 0)
            sprintf(out + strlen(out), "%d%s ", response->status, response->is_last ? "." : "");
        assert_true(used > 0);
        at += used;
    }
}

static void expect(const char *text, const char *expected)
{
    char seen[256];
    for (size_t piece = 1; piece < 400; piece += 7) {
        struct feed_response response = { 0 };
        read_pieces(text, piece, seen, &response);
        assert_string_equal(seen, expected);
    }
}

static void answers_follow_each_other(void **state)
{
    (void)state;
    expect("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello"
           "HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n"
           "HTTP/1.1 204 No Content\r\n\r\n"
           "HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
           "201 202 204 403. ");
}

static void chunks_are_passed_over(void **state)
{
    (void)state;
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
           "chunked\r\n\r\n5;x=y\r\nhello\r\na\r\n0123456789\r\n0\r\nA: b\r\n\r\n"
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"
           "HTTP/1.0 500 No\r\nContent-Length: 0\r\n\r\n",
           "200 200 500 ");
}

static void an_interim_answer_is_none(void **state)
{
    (void)state;
    expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ");
}

static void a_body_may_last_until_the_end(void **state)
{
    (void)state;
    char seen[64];
    struct feed_response response = { 0 };
    read_pieces("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHTTP/1.1 500 x\r\n", 7, seen, &response);
    assert_string_equal(seen, "");
    assert_true(feed_response_end(&response));
    assert_int_equal(response.status, 200);
}

static void an_end_within_an_answer_is_none(void **state)
{
    (void)state;
    char seen[64];
    struct feed_response response = { 0 };
    assert_false(feed_response_end(&response));
    read_pieces("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 7, seen, &response);
    assert_string_equal(seen, "");
    assert_false(feed_response_end(&response));
}

static void a_long_header_line_does_no_harm(void **state)
{
    (void)state;
    static char text[8000];
    strcpy(text, "HTTP/1.1 200 OK\r\nX: ");
    memset(text + strlen(text), 'a', 5000);
    strcat(text, "\r\nContent-Length: 1\r\n\r\nx");
    expect(text, "200 ");
}

static void what_is_no_answer_is_noticed(void **state)
{
    (void)state;
    expect("hello\r\n", "!");
    expect("HTTP/1.1 20\r\n", "!");
    expect("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "!");
    expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_follow_each_other),       cmocka_unit_test(chunks_are_passed_over),
        cmocka_unit_test(an_interim_answer_is_none),       cmocka_unit_test(a_body_may_last_until_the_end),
        cmocka_unit_test(an_end_within_an_answer_is_none), cmocka_unit_test(a_long_header_line_does_no_harm),
        cmocka_unit_test(what_is_no_answer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
