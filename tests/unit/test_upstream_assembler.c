/* The assembler: whatever the pieces, the same messages. */
#include "upstream/assembler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum tg_assembly add(struct tg_assembler *assembler, const char *text, bool is_first, bool is_last,
                            struct tg_message *message)
{
    struct tg_piece piece = {
        .bytes = text, .length = strlen(text), .is_first = is_first, .is_last = is_last
    };

    return tg_assembler_add(assembler, &piece, message);
}

static void one_piece_is_passed_on_without_a_copy(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 10 };
    struct tg_message message;
    const char *text = "0123456789";

    (void)state;
    assert_int_equal(add(&assembler, text, true, true, &message), TG_ASSEMBLY_WHOLE);
    assert_ptr_equal(message.bytes, text);
    assert_int_equal(message.length, 10);
    assert_null(assembler.buffer.data);
    tg_assembler_deinit(&assembler);
}

static void pieces_become_one_message(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 10 };
    struct tg_message message;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add(&assembler, "ab", true, false, &message), TG_ASSEMBLY_MORE);
        assert_int_equal(add(&assembler, "", false, false, &message), TG_ASSEMBLY_MORE);
        assert_int_equal(add(&assembler, "cd", false, true, &message), TG_ASSEMBLY_WHOLE);
        assert_int_equal(message.length, 4);
        assert_memory_equal(message.bytes, "abcd", 4);
    }
    tg_assembler_deinit(&assembler);
}

static void the_first_piece_says_whether_it_is_binary(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 10 };
    struct tg_message message;
    struct tg_piece first = { .bytes = "a", .length = 1, .is_first = true, .is_binary = true };
    struct tg_piece last = { .bytes = "b", .length = 1, .is_last = true };

    (void)state;
    assert_int_equal(tg_assembler_add(&assembler, &first, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(tg_assembler_add(&assembler, &last, &message), TG_ASSEMBLY_WHOLE);
    assert_true(message.is_binary);
    tg_assembler_deinit(&assembler);
}

static void a_long_message_is_told_once_and_dropped_to_its_end(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 4 };
    struct tg_message message;

    (void)state;
    assert_int_equal(add(&assembler, "abc", true, false, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "de", false, false, &message), TG_ASSEMBLY_OVERSIZE);
    assert_null(assembler.buffer.data);
    assert_int_equal(add(&assembler, "f", false, false, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "g", false, true, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "next", true, true, &message), TG_ASSEMBLY_WHOLE);
    assert_memory_equal(message.bytes, "next", 4);
    assert_int_equal(add(&assembler, "12345", true, true, &message), TG_ASSEMBLY_OVERSIZE);
    assert_int_equal(add(&assembler, "ok", true, true, &message), TG_ASSEMBLY_WHOLE);
    tg_assembler_deinit(&assembler);
}

static void exactly_the_cap_is_fine_in_any_pieces(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 4 };
    struct tg_message message;

    (void)state;
    assert_int_equal(add(&assembler, "abc", true, false, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "d", false, false, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "", false, true, &message), TG_ASSEMBLY_WHOLE);
    assert_int_equal(message.length, 4);
    tg_assembler_deinit(&assembler);
}

static void empty_messages_are_messages(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 4 };
    struct tg_message message;

    (void)state;
    assert_int_equal(add(&assembler, "", true, true, &message), TG_ASSEMBLY_WHOLE);
    assert_int_equal(message.length, 0);
    assert_int_equal(add(&assembler, "", true, false, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "", false, true, &message), TG_ASSEMBLY_WHOLE);
    assert_int_equal(message.length, 0);
    tg_assembler_deinit(&assembler);
}

static void memory_of_a_large_message_is_given_back(void **state)
{
    struct tg_assembler assembler = { .max_bytes = 1 << 20 };
    struct tg_message message;
    char *large = tg_alloc((1 << 19) + 1);

    (void)state;
    memset(large, 'x', 1 << 19);
    assert_int_equal(add(&assembler, large, true, false, &message), TG_ASSEMBLY_MORE);
    assert_int_equal(add(&assembler, "y", false, true, &message), TG_ASSEMBLY_WHOLE);
    assert_int_equal(add(&assembler, "z", true, true, &message), TG_ASSEMBLY_WHOLE);
    assert_int_equal(assembler.buffer.capacity, 0);
    free(large);
    tg_assembler_deinit(&assembler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_piece_is_passed_on_without_a_copy),
        cmocka_unit_test(pieces_become_one_message),
        cmocka_unit_test(the_first_piece_says_whether_it_is_binary),
        cmocka_unit_test(a_long_message_is_told_once_and_dropped_to_its_end),
        cmocka_unit_test(exactly_the_cap_is_fine_in_any_pieces),
        cmocka_unit_test(empty_messages_are_messages),
        cmocka_unit_test(memory_of_a_large_message_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
