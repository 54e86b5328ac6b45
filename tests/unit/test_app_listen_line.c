/* How `listen` shows events. */
#include "app/listen_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct tg_sse_event quote = {
    .type = { "quote", 5 }, .id = { "e-1", 3 }, .has_own_id = true, .data = { "{\"a\":1}", 7 }
};

/* Without the time, which depends on the time zone. */
static void expect_line(const struct tg_sse_event *event, size_t columns, const char *expected)
{
    struct tg_buffer out = { 0 };
    tg_listen_line_append(&out, event, 1, columns);
    assert_string_equal(out.data + strlen("00:00:00.001"), expected);
    tg_buffer_deinit(&out);
}

static void a_line_has_id_type_and_data(void **state)
{
    (void)state;
    expect_line(&quote, 0, "  e-1  quote  {\"a\":1}\n");
}

static void an_event_without_an_own_id_shows_a_dash(void **state)
{
    (void)state;
    struct tg_sse_event control = quote;
    control.has_own_id = false;
    expect_line(&control, 0, "  -  quote  {\"a\":1}\n");
}

static void a_line_is_cut_to_the_terminal(void **state)
{
    (void)state;
    expect_line(&quote, 12 + 13, "  e-1  quote…\n");
    expect_line(&quote, 12 + 21, "  e-1  quote  {\"a\":1}\n");
}

static void letters_of_several_bytes_count_as_one(void **state)
{
    (void)state;
    struct tg_sse_event event = quote;
    event.data = TG_STR("äöü€x");
    expect_line(&event, 12 + 18, "  e-1  quote  äöü…\n");
    expect_line(&event, 12 + 19, "  e-1  quote  äöü€x\n");
}

static void control_characters_are_made_visible(void **state)
{
    (void)state;
    struct tg_sse_event event = quote;
    event.data = TG_STR("a\nb\x1b[2J\x7f\xc2\x9b"
                        "c");
    expect_line(&event, 0, "  e-1  quote  a\\nb\\x1b[2J\\x7f\\x9bc\n");
}

static void json_lines_hold_everything(void **state)
{
    (void)state;
    struct tg_sse_event event = quote;
    event.data = TG_STR("a\n\"b\"");
    struct tg_buffer out = { 0 };
    tg_listen_json_append(&out, &event, 1500);
    assert_string_equal(out.data, "{\"time\":\"1970-01-01T00:00:01.500Z\",\"id\":\"e-1\",\"type\":\"quote\","
                                  "\"data\":\"a\\n\\\"b\\\"\"}\n");
    tg_buffer_clear(&out);
    event.has_own_id = false;
    tg_listen_json_append(&out, &event, 1500);
    assert_non_null(strstr(out.data, "\"id\":null"));
    tg_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_id_type_and_data),
        cmocka_unit_test(an_event_without_an_own_id_shows_a_dash),
        cmocka_unit_test(a_line_is_cut_to_the_terminal),
        cmocka_unit_test(letters_of_several_bytes_count_as_one),
        cmocka_unit_test(control_characters_are_made_visible),
        cmocka_unit_test(json_lines_hold_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
