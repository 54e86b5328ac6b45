/* Unit tests: the logger's lines and its limit, and the memory, clock and randomness helpers. */
#include "tidegate/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands in for stderr while a line is written. */
struct capture {
    int saved_fd, file_fd;
    char text[16384];
};

static void capture_begin(struct capture *capture)
{
    char name[] = "/tmp/test_base_log.XXXXXX";
    capture->file_fd = mkstemp(name);
    assert_true(capture->file_fd >= 0);
    unlink(name);
    fflush(stderr);
    capture->saved_fd = dup(STDERR_FILENO);
    dup2(capture->file_fd, STDERR_FILENO);
}

static void capture_end(struct capture *capture)
{
    dup2(capture->saved_fd, STDERR_FILENO);
    close(capture->saved_fd);
    ssize_t length = pread(capture->file_fd, capture->text, sizeof(capture->text) - 1, 0);
    assert_true(length >= 0);
    capture->text[length] = '\0';
    close(capture->file_fd);
}

#define CAPTURE(capture, statement)                                                                          \
    do {                                                                                                     \
        capture_begin(capture);                                                                              \
        statement;                                                                                           \
        capture_end(capture);                                                                                \
    } while (0)

static void human_line_quotes_only_what_needs_it(void **state)
{
    (void)state;
    struct capture capture;
    tg_log_configure(TG_LOG_INFO, TG_LOG_HUMAN);
    CAPTURE(&capture, tg_log(TG_LOG_INFO, "upstream", "connected", TG_F_STR("stream", "quotes"),
                             TG_F_INT("attempt", -1), TG_F_STR("why", "a \"b\"\n"), TG_F_STR("none", NULL),
                             TG_F_STR("city", "Köln")));
    assert_int_equal(strspn(capture.text, "0123456789-T:.Z"), 24);
    assert_string_equal(capture.text + 24, " INFO  upstream connected stream=quotes attempt=-1 why=\"a "
                                           "\\\"b\\\"\\n\" none=\"\" city=Köln\n");
}

static void json_line_is_one_object(void **state)
{
    (void)state;
    struct capture capture;
    tg_log_configure(TG_LOG_INFO, TG_LOG_JSON);
    CAPTURE(&capture, tg_log(TG_LOG_WARNING, "worker", "odd", TG_F_STR("text", "a\"b\xff"), TG_F_INT("n", 5),
                             TG_F_ERR(TG_ERR_CLOSED)));
    assert_memory_equal(capture.text, "{\"time\":\"", 9);
    assert_string_equal(capture.text + 33,
                        "\",\"level\":\"warning\",\"category\":\"worker\",\"event\":\"odd\",\"text\":\"a\\\"b"
                        "\xef\xbf\xbd\",\"n\":5,\"error\":\"closed\"}\n");
}

static void what_is_optional_is_left_out_when_it_is_empty(void **state)
{
    (void)state;
    struct capture capture;
    tg_log_configure(TG_LOG_INFO, TG_LOG_HUMAN);
    CAPTURE(&capture, tg_log(TG_LOG_INFO, "a", "b", TG_F_STR_IF("detail", ""), TG_F_STR_IF("unset", NULL),
                             TG_F_INT_IF("suppressed", 0), TG_F_STR_IF("why", "x"),
                             TG_F_INT_IF("status", 401), TG_F_INT("connections", 0)));
    assert_string_equal(capture.text + 24, " INFO  a b why=x status=401 connections=0\n");
    tg_log_configure(TG_LOG_INFO, TG_LOG_JSON);
    CAPTURE(&capture, tg_log(TG_LOG_INFO, "a", "b", TG_F_STR_IF("detail", ""), TG_F_INT_IF("status", 0),
                             TG_F_INT_IF("close_code", 1001)));
    assert_string_equal(strstr(capture.text, "\"event\""), "\"event\":\"b\",\"close_code\":1001}\n");
}

static void line_without_fields_is_fine(void **state)
{
    (void)state;
    struct capture capture;
    tg_log_configure(TG_LOG_DEBUG, TG_LOG_HUMAN);
    CAPTURE(&capture, tg_log(TG_LOG_ERROR, "app", "stopped"));
    assert_string_equal(capture.text + 24, " ERROR app stopped\n");
}

static void level_filters(void **state)
{
    (void)state;
    struct capture capture;
    tg_log_configure(TG_LOG_WARNING, TG_LOG_HUMAN);
    assert_false(tg_log_is_enabled(TG_LOG_INFO));
    assert_true(tg_log_is_enabled(TG_LOG_ERROR));
    CAPTURE(&capture, tg_log(TG_LOG_INFO, "app", "started"));
    assert_string_equal(capture.text, "");
}

static void long_values_are_cut_and_the_line_stays_json(void **state)
{
    (void)state;
    static struct capture capture;
    char long_value[5000];
    memset(long_value, '\n', sizeof(long_value) - 1);
    long_value[sizeof(long_value) - 1] = '\0';
    tg_log_configure(TG_LOG_INFO, TG_LOG_JSON);
    CAPTURE(&capture, tg_log(TG_LOG_INFO, "app", "long", TG_F_STR("a", long_value), TG_F_STR("b", long_value),
                             TG_F_STR("c", long_value), TG_F_STR("d", long_value), TG_F_STR("e", "end")));
    size_t length = strlen(capture.text);
    assert_in_range(length, 4000, 8194);
    assert_non_null(strstr(capture.text, "…\",\"b\":\""));
    assert_null(strstr(capture.text, "\"d\":"));
    const char *end = ",\"e\":\"end\"}\n";
    assert_string_equal(capture.text + length - strlen(end), end);
}

static void limit_counts_what_it_holds_back(void **state)
{
    (void)state;
    struct tg_log_limit limit = { 0 };
    uint32_t suppressed = 77;
    assert_true(tg_log_limit_allows(&limit, 2, 5000, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_true(tg_log_limit_allows(&limit, 2, 5001, &suppressed));
    suppressed = 77;
    for (int i = 0; i < 3; i++)
        assert_false(tg_log_limit_allows(&limit, 2, 5999, &suppressed));
    assert_int_equal(suppressed, 77);
    assert_true(tg_log_limit_allows(&limit, 2, 6000, &suppressed));
    assert_int_equal(suppressed, 3);
    assert_true(tg_log_limit_allows(&limit, 2, 6001, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void random_stays_below_its_bound(void **state)
{
    (void)state;
    assert_int_equal(tg_random_below(0), 0);
    assert_int_equal(tg_random_below(1), 0);
    bool seen[5] = { 0 };
    for (int i = 0; i < 1000; i++) {
        uint64_t value = tg_random_below(5);
        assert_true(value < 5);
        seen[value] = true;
    }
    for (int i = 0; i < 5; i++)
        assert_true(seen[i]);
}

static void clocks_move_forward(void **state)
{
    (void)state;
    uint64_t first = tg_clock_now_ms();
    assert_true(tg_clock_now_ms() >= first);
    assert_true(tg_clock_wall_ms() > UINT64_C(1600000000000));
}

static void memory_helpers_give_what_they_say(void **state)
{
    (void)state;
    char *zeroed = tg_alloc(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);
    zeroed = tg_realloc_array(zeroed, 100, 8);
    free(zeroed);
    void *empty = tg_alloc(0);
    assert_non_null(empty);
    free(empty);
    char *copy = tg_strndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    free(copy);
    copy = tg_strndup("ab", 10);
    assert_string_equal(copy, "ab");
    free(copy);
    copy = tg_strdup("xyz");
    assert_string_equal(copy, "xyz");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(human_line_quotes_only_what_needs_it),
        cmocka_unit_test(json_line_is_one_object),
        cmocka_unit_test(what_is_optional_is_left_out_when_it_is_empty),
        cmocka_unit_test(line_without_fields_is_fine),
        cmocka_unit_test(level_filters),
        cmocka_unit_test(long_values_are_cut_and_the_line_stays_json),
        cmocka_unit_test(limit_counts_what_it_holds_back),
        cmocka_unit_test(random_stays_below_its_bound),
        cmocka_unit_test(clocks_move_forward),
        cmocka_unit_test(memory_helpers_give_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
