/* The command line's grammar, with a table of its own. */
#include "app/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct tg_cli_option options[] = {
    { "config", 'c', "FILE", "a file" },
    { "header", 'H', "TEXT", "a header" },
    { "json", 0, NULL, "as JSON" },
    { "port", 'p', "PORT", "a port" },
    { 0 },
};
static const struct tg_cli_command commands[] = {
    { .name = "run", .summary = "Run it", .options = options },
    { .name = "listen",
      .summary = "Listen",
      .operand = "URL",
      .operand_is_needed = true,
      .options = options },
    { .name = "filter", .options = options },
    { 0 },
};

static enum tg_err parse(const struct tg_cli_command *command, struct tg_cli_input *input,
                         struct tg_buffer *error, const char *a, const char *b, const char *c)
{
    static char words[4][64];
    char *argv[5] = { words[0], NULL, NULL, NULL, NULL };
    const char *const given[] = { a, b, c };
    int argc = 1;
    strcpy(words[0], "tidegate");
    for (size_t i = 0; i < TG_COUNT_OF(given) && given[i]; i++) {
        strcpy(words[argc], given[i]);
        argv[argc] = words[argc];
        argc++;
    }
    return tg_cli_parse(command, argc, argv, input, error);
}

static void expect_error(const struct tg_cli_command *command, const char *a, const char *b,
                         const char *message)
{
    struct tg_cli_input input;
    struct tg_buffer error = { 0 };
    assert_int_equal(parse(command, &input, &error, a, b, NULL), TG_ERR_INVALID);
    assert_string_equal(error.data, message);
    tg_buffer_deinit(&error);
}

static void options_are_taken_by_letter_and_by_name(void **state)
{
    (void)state;
    struct tg_cli_input input;
    assert_int_equal(parse(&commands[0], &input, NULL, "-c", "a.json", "--json"), TG_OK);
    assert_string_equal(tg_cli_get(&input, "config", NULL), "a.json");
    assert_true(tg_cli_has(&input, "json"));
    assert_int_equal(parse(&commands[0], &input, NULL, "--config=b", "--config=c", NULL), TG_OK);
    assert_string_equal(tg_cli_get(&input, "config", NULL), "c");
    assert_false(tg_cli_has(&input, "json"));
}

static void options_may_follow_the_operand(void **state)
{
    (void)state;
    struct tg_cli_input input;
    assert_int_equal(parse(&commands[1], &input, NULL, "http://x/", "--json", NULL), TG_OK);
    assert_string_equal(input.operand, "http://x/");
    assert_true(tg_cli_has(&input, "json"));
}

static void an_unknown_option_names_the_nearest(void **state)
{
    (void)state;
    expect_error(&commands[0], "--confg=x", NULL, "unknown option \"--confg\"; did you mean \"--config\"?");
    expect_error(&commands[0], "--hepl", NULL, "unknown option \"--hepl\"; did you mean \"--help\"?");
    expect_error(&commands[0], "--zebra", NULL, "unknown option \"--zebra\"");
    expect_error(&commands[0], "-x", NULL, "unknown option \"-x\"");
}

static void a_missing_value_and_a_needless_one_are_told(void **state)
{
    (void)state;
    expect_error(&commands[0], "-c", NULL, "option --config needs a value: FILE");
    expect_error(&commands[0], "--config", NULL, "option --config needs a value: FILE");
    expect_error(&commands[0], "--json=yes", NULL, "option --json takes no value");
}

static void operands_are_counted(void **state)
{
    (void)state;
    expect_error(&commands[0], "x", NULL, "one argument too many: \"x\"");
    expect_error(&commands[1], NULL, NULL, "URL is missing");
    expect_error(&commands[1], "a", "b", "one argument too many: \"b\"");
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    struct tg_cli_input input;
    assert_int_equal(parse(&commands[1], &input, NULL, "--help", NULL, NULL), TG_OK);
    assert_true(input.wants_help);
}

static void ports_are_numbers_up_to_65535(void **state)
{
    (void)state;
    static const char *const bad[] = { "-p65536", "-p8x", "-p100000", "-p-1" };
    struct tg_cli_input input;
    int port = 0;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        struct tg_buffer error = { 0 };
        assert_int_equal(parse(&commands[0], &input, NULL, bad[i], NULL, NULL), TG_OK);
        assert_int_equal(tg_cli_get_port(&input, "port", 1, &port, &error), TG_ERR_INVALID);
        assert_non_null(strstr(error.data, "--port: expected a port"));
        tg_buffer_deinit(&error);
    }
    assert_int_equal(parse(&commands[0], &input, NULL, "-p65535", NULL, NULL), TG_OK);
    assert_int_equal(tg_cli_get_port(&input, "port", 1, &port, NULL), TG_OK);
    assert_int_equal(port, 65535);
    assert_int_equal(parse(&commands[0], &input, NULL, NULL, NULL, NULL), TG_OK);
    assert_int_equal(tg_cli_get_port(&input, "port", 8080, &port, NULL), TG_OK);
    assert_int_equal(port, 8080);
}

static void the_nearest_command_is_found(void **state)
{
    (void)state;
    assert_ptr_equal(tg_cli_nearest_command(commands, "rn"), &commands[0]);
    assert_ptr_equal(tg_cli_nearest_command(commands, "litsen"), &commands[1]);
    assert_null(tg_cli_nearest_command(commands, "xyz"));
    assert_null(tg_cli_nearest_command(commands, ""));
}

static void help_names_every_option(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    tg_cli_write_help(&commands[1], &out);
    assert_non_null(strstr(out.data, "Usage: tidegate listen [OPTION]... URL\n"));
    for (size_t i = 0; options[i].name; i++)
        assert_non_null(strstr(out.data, options[i].name));
    assert_non_null(strstr(out.data, "--help"));
    tg_buffer_deinit(&out);
}

static void a_command_without_a_summary_is_in_no_list(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    tg_cli_write_overview(commands, &out);
    assert_non_null(strstr(out.data, "  listen"));
    assert_null(strstr(out.data, "filter"));
    assert_null(tg_cli_nearest_command(commands, "fliter"));
    tg_buffer_clear(&out);
    tg_cli_write_help(&commands[2], &out);
    assert_non_null(strstr(out.data, "Usage: tidegate filter"));
    tg_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken_by_letter_and_by_name),
        cmocka_unit_test(options_may_follow_the_operand),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(a_missing_value_and_a_needless_one_are_told),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(ports_are_numbers_up_to_65535),
        cmocka_unit_test(the_nearest_command_is_found),
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(a_command_without_a_summary_is_in_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
