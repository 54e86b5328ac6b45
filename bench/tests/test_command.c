/* Commands: lines however they are cut, arguments, and one answer for each thing that is wrong. */
#include "common/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct bench_command_reader reader;
static struct bench_command command;
static int write_fd, answers_fd;

/* Commands come from a pipe; answers go to another one. */
static int open_pipes(void **state)
{
    (void)state;
    int commands[2], answers[2];
    if (pipe(commands) != 0 || pipe(answers) != 0)
        return -1;
    reader = (struct bench_command_reader){ .fd = commands[0] };
    write_fd = commands[1];
    answers_fd = answers[0];
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    close(answers[1]);
    *state = (void *)(intptr_t)saved;
    return 0;
}

static int close_pipes(void **state)
{
    fflush(stdout);
    dup2((int)(intptr_t)*state, STDOUT_FILENO);
    close((int)(intptr_t)*state);
    close(reader.fd);
    close(answers_fd);
    if (write_fd >= 0)
        close(write_fd);
    return 0;
}

static void say(const char *text)
{
    assert_int_equal(write(write_fd, text, strlen(text)), strlen(text));
}

static void expect_answers(const char *expected)
{
    char text[8192];
    bench_answer("END"); /* so that reading does not block when there is no answer */
    ssize_t length = read(answers_fd, text, sizeof(text) - 1);
    assert_true(length >= 4);
    text[length - 4] = '\0';
    assert_string_equal(text, expected);
}

static void expect_command(const char *name)
{
    assert_int_equal(bench_command_next(&reader, &command), 1);
    assert_string_equal(command.name, name);
}

static void a_line_is_a_name_and_pairs(void **state)
{
    (void)state;
    bool is_bad = false;
    say("start rate=2.5 progress=/a/b=c\n");
    expect_command("start");
    assert_int_equal(command.count, 2);
    assert_true(bench_command_number(&command, "rate", 1, &is_bad) == 2.5);
    assert_string_equal(bench_command_text(&command, "progress", NULL), "/a/b=c");
    assert_false(is_bad || bench_command_has_unknown(&command));
    assert_int_equal(bench_command_next(&reader, &command), 0);
}

static void what_is_absent_has_its_default(void **state)
{
    (void)state;
    bool is_bad = false;
    say("start\n");
    expect_command("start");
    assert_true(bench_command_number(&command, "size", 200, &is_bad) == 200);
    assert_null(bench_command_text(&command, "progress", NULL));
    assert_false(is_bad);
}

static void lines_may_come_in_pieces_and_together(void **state)
{
    (void)state;
    say("sta");
    assert_int_equal(bench_command_next(&reader, &command), 0);
    say("tus\nstop\r\nwa");
    expect_command("status");
    expect_command("stop");
    assert_int_equal(bench_command_next(&reader, &command), 0);
    say("it\n");
    expect_command("wait");
}

static void the_end_comes_after_the_last_line(void **state)
{
    (void)state;
    say("stop\nhalf");
    close(write_fd);
    write_fd = -1;
    expect_command("stop");
    assert_int_equal(bench_command_next(&reader, &command), -1);
    assert_int_equal(bench_command_next(&reader, &command), -1);
}

static void what_is_no_number_is_answered_once(void **state)
{
    (void)state;
    bool is_bad = false;
    say("start rate=nan size=12x burst= events=0x10\n");
    expect_command("start");
    bench_command_number(&command, "rate", 0, &is_bad);
    assert_true(is_bad);
    expect_answers("{\"error\":\"rate is no number: nan\"}\n");
    static const char *const keys[] = { "size", "burst", "events" };
    for (int i = 0; i < 3; i++) {
        is_bad = false;
        bench_command_number(&command, keys[i], 0, &is_bad);
        assert_true(is_bad);
    }
    is_bad = true;
    bench_command_number(&command, "size", 0, &is_bad);
    expect_answers("{\"error\":\"size is no number: 12x\"}\n{\"error\":\"burst is no number: \"}\n"
                   "{\"error\":\"events is no number: 0x10\"}\n");
}

static void keys_that_nobody_asked_for_are_errors(void **state)
{
    (void)state;
    bool is_bad = false;
    say("start rate=1 szie=2\nstart rate=1 rate=2\n");
    expect_command("start");
    bench_command_number(&command, "rate", 0, &is_bad);
    assert_true(bench_command_has_unknown(&command));
    expect_command("start");
    assert_true(bench_command_number(&command, "rate", 0, &is_bad) == 1);
    assert_true(bench_command_has_unknown(&command));
    expect_answers("{\"error\":\"start knows no szie, or not twice\"}\n"
                   "{\"error\":\"start knows no rate, or not twice\"}\n");
}

static void lines_that_are_no_commands_are_passed_over(void **state)
{
    (void)state;
    say("\nstart fast\nstart =1\nx a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 a=1 "
        "a=1\nstop\n");
    expect_command("stop");
    expect_answers("{\"error\":\"no command\"}\n{\"error\":\"not key=value: fast\"}\n"
                   "{\"error\":\"not key=value: =1\"}\n{\"error\":\"more than 16 arguments\"}\n");
}

static void a_line_that_is_too_long_is_passed_over(void **state)
{
    (void)state;
    static char line[3 * BENCH_COMMAND_LINE_BYTES];
    memset(line, 'a', sizeof(line) - 1);
    say(line);
    assert_int_equal(bench_command_next(&reader, &command), 0);
    say("a b=c\nstop\n");
    expect_command("stop");
    expect_answers("{\"error\":\"the line is too long\"}\n");
}

static void the_longest_line_is_read(void **state)
{
    (void)state;
    static char line[BENCH_COMMAND_LINE_BYTES + 1];
    memset(line, 'a', BENCH_COMMAND_LINE_BYTES - 1);
    line[BENCH_COMMAND_LINE_BYTES - 1] = '\n';
    say(line);
    assert_int_equal(bench_command_next(&reader, &command), 1);
    assert_int_equal(strlen(command.name), BENCH_COMMAND_LINE_BYTES - 1);
}

static void errors_are_json(void **state)
{
    (void)state;
    bench_answer_error("a \"b\" \\ \t%s", "\xff");
    expect_answers("{\"error\":\"a \\\"b\\\" \\\\ \\u0009\\u00ff\"}\n");
}

int main(void)
{
#define with_pipes(test) cmocka_unit_test_setup_teardown(test, open_pipes, close_pipes)
    const struct CMUnitTest tests[] = {
        with_pipes(a_line_is_a_name_and_pairs),
        with_pipes(what_is_absent_has_its_default),
        with_pipes(lines_may_come_in_pieces_and_together),
        with_pipes(the_end_comes_after_the_last_line),
        with_pipes(what_is_no_number_is_answered_once),
        with_pipes(keys_that_nobody_asked_for_are_errors),
        with_pipes(lines_that_are_no_commands_are_passed_over),
        with_pipes(a_line_that_is_too_long_is_passed_over),
        with_pipes(the_longest_line_is_read),
        with_pipes(errors_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
