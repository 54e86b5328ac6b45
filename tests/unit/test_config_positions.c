/* Unit tests: the position scanner, and paths in documents. */
#include "config/document.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_place(const struct tg_json_place *place, uint32_t line, uint32_t column, uint32_t key_line,
                         uint32_t key_column)
{
    assert_int_equal(place->line, line);
    assert_int_equal(place->column, column);
    assert_int_equal(place->key_line, key_line);
    assert_int_equal(place->key_column, key_column);
}

static void places_follow_the_text(void **state)
{
    (void)state;
    const char *text = "{ \"a\": [ 1 ],\n  \"b\":\n 2 }";
    struct tg_json_positions positions;
    tg_json_positions_init(&positions, text, strlen(text));
    assert_int_equal(positions.count, 4);
    assert_place(&positions.places[0], 1, 1, 0, 0);
    assert_place(&positions.places[1], 1, 8, 1, 3);
    assert_place(&positions.places[2], 1, 10, 0, 0);
    assert_place(&positions.places[3], 3, 2, 2, 3);
    assert_int_equal(positions.places[0].next, 4);
    assert_int_equal(positions.places[1].next, 3);
    assert_int_equal(tg_json_positions_child(&positions, 0, 0), 1);
    assert_int_equal(tg_json_positions_child(&positions, 0, 1), 3);
    assert_int_equal(tg_json_positions_child(&positions, 0, 2), 0);
    assert_int_equal(tg_json_positions_child(&positions, 1, 0), 2);
    assert_int_equal(tg_json_positions_child(&positions, 2, 0), 2);
    tg_json_positions_deinit(&positions);
}

static void columns_count_characters(void **state)
{
    (void)state;
    const char *text = "{\"ä€😀\":\t\"\\\"}:,{[\\\\\", \"é\": true}";
    struct tg_json_positions positions;
    tg_json_positions_init(&positions, text, strlen(text));
    assert_int_equal(positions.count, 3);
    assert_place(&positions.places[1], 1, 9, 1, 2);
    assert_place(&positions.places[2], 1, 27, 1, 22);
    tg_json_positions_deinit(&positions);
}

static void literals_end_where_they_end(void **state)
{
    (void)state;
    const char *text = "[-1.5e+3,true,null,[],{},\"\",false]";
    struct tg_json_positions positions;
    tg_json_positions_init(&positions, text, strlen(text));
    assert_int_equal(positions.count, 8);
    const uint32_t columns[] = { 1, 2, 10, 15, 20, 23, 26, 29 };
    for (size_t i = 0; i < positions.count; i++)
        assert_place(&positions.places[i], 1, columns[i], 0, 0);
    tg_json_positions_deinit(&positions);
}

static void broken_text_does_no_harm(void **state)
{
    (void)state;
    const char *texts[] = { "", "]", "}}", "\"", "\"\\", "{\"a", "[[[", ",:,", "{:1,,2" };
    for (size_t i = 0; i < TG_COUNT_OF(texts); i++) {
        struct tg_json_positions positions;
        tg_json_positions_init(&positions, texts[i], strlen(texts[i]));
        tg_json_positions_deinit(&positions);
    }
}

static void first_error_at_a_path_wins(void **state)
{
    (void)state;
    const char *text = "{ \"a\": { \"b\": [ 1, 2 ] },\n\"c d\": 3 }";
    struct tg_document document;
    struct tg_buffer out = { 0 };
    tg_document_init(&document, "x.json", "", text, strlen(text));
    struct tg_path a = TG_PATH_KEY(NULL, "a"), b = TG_PATH_KEY(&a, "b"), second = TG_PATH_INDEX(&b, 1);
    struct tg_path c = TG_PATH_KEY(NULL, "c d"), missing = TG_PATH_KEY(&a, "missing");
    assert_int_equal(json_integer_value(tg_document_find(&document, &second)), 2);
    assert_null(tg_document_find(&document, &missing));
    tg_document_error_at_key(&document, &c, "last");
    tg_document_error(&document, &second, "one");
    tg_document_error(&document, &second, "two");
    tg_document_error(&document, &b, "three");
    tg_document_error(&document, &missing, "missing");
    assert_true(tg_document_has_error(&document, &a));
    struct tg_path a_prefix = TG_PATH_KEY(NULL, "c");
    assert_false(tg_document_has_error(&document, &a_prefix));
    tg_document_render_errors(&document, &out);
    assert_string_equal(out.data, "x.json:1:8: a.missing: missing\n"
                                  "x.json:1:20: a.b[1]: one\n"
                                  "x.json:2:1: \"c d\": last\n");
    tg_buffer_deinit(&out);
    tg_document_deinit(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_follow_the_text),      cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(literals_end_where_they_end), cmocka_unit_test(broken_text_does_no_harm),
        cmocka_unit_test(first_error_at_a_path_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
