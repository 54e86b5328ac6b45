/* The payload: an exact size, and what was written is read. */
#include "common/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_unread(const char *text)
{
    uint64_t seq = 7, t_ns = 8;
    assert_false(bench_payload_read(text, strlen(text), &seq, &t_ns));
    assert_int_equal(seq, 7);
    assert_int_equal(t_ns, 8);
}

static void a_message_is_json_of_the_size_asked_for(void **state)
{
    (void)state;
    char text[65];
    memset(text, '#', sizeof(text));
    bench_payload_write(text, 64, 17, 8123456789012);
    assert_int_equal(text[64], '#');
    text[64] = '\0';
    assert_string_equal(text, "{\"seq\":17,\"t\":8123456789012,\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    static const uint64_t numbers[] = { 0, 1, 9, 10, 99, 12345678901, UINT64_MAX };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        char text[200];
        uint64_t seq, t_ns;
        bench_payload_write(text, sizeof(text), numbers[i], numbers[6 - i]);
        assert_true(bench_payload_read(text, sizeof(text), &seq, &t_ns));
        assert_true(seq == numbers[i] && t_ns == numbers[6 - i]);
        assert_memory_equal(text + sizeof(text) - 3, "x\"}", 3);
    }
}

static void the_longest_numbers_fit_into_the_shortest_message(void **state)
{
    (void)state;
    char text[BENCH_PAYLOAD_MIN_BYTES + 1] = { 0 };
    bench_payload_write(text, BENCH_PAYLOAD_MIN_BYTES, UINT64_MAX, UINT64_MAX);
    assert_string_equal(text, "{\"seq\":18446744073709551615,\"t\":18446744073709551615,\"pad\":\"xx\"}");
}

static void the_first_bytes_are_enough(void **state)
{
    (void)state;
    char text[64];
    uint64_t seq = 0, t_ns = 0;
    bench_payload_write(text, sizeof(text), 17, 123);
    size_t needed = strlen("{\"seq\":17,\"t\":123,\"pad\":\"");
    for (size_t length = 0; length < needed; length++)
        assert_false(bench_payload_read(text, length, &seq, &t_ns));
    assert_true(bench_payload_read(text, needed, &seq, &t_ns));
    assert_int_equal(seq, 17);
    assert_int_equal(t_ns, 123);
}

static void anything_else_is_no_message(void **state)
{
    (void)state;
    expect_unread("");
    expect_unread("{\"seq\":,\"t\":1,\"pad\":\"x\"}");
    expect_unread("{\"seq\":-1,\"t\":1,\"pad\":\"x\"}");
    expect_unread("{\"seq\":1,\"t\":1}");
    expect_unread("{\"t\":1,\"seq\":1,\"pad\":\"x\"}");
    expect_unread("{\"seq\":18446744073709551616,\"t\":1,\"pad\":\"x\"}");
    expect_unread("{\"reason\":\"evicted\",\"missed\":42}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_json_of_the_size_asked_for),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_longest_numbers_fit_into_the_shortest_message),
        cmocka_unit_test(the_first_bytes_are_enough),
        cmocka_unit_test(anything_else_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
