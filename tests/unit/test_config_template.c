/* Unit tests: templates, the forms of `event`, `id` and `data`: what is one, and what is said of others. */
#include "config/grammar.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void assert_good(const struct tg_option_grammar *grammar, const char *text)
{
    if (!grammar->is_valid(text))
        fail_msg("%s is refused", text);
}

static void assert_bad(const struct tg_option_grammar *grammar, const char *text, const char *expected)
{
    struct tg_buffer out = { 0 };
    if (grammar->is_valid(text))
        fail_msg("%s is taken", text);
    grammar->explain(text, &out);
    assert_string_equal(out.data, expected);
    tg_buffer_deinit(&out);
}

/* NULL: none is made. */
static void assert_guess(const struct tg_option_grammar *grammar, const char *text, const char *pointer)
{
    struct tg_buffer expected = { 0 };
    tg_buffer_append_str(&expected, grammar->expected);
    if (pointer)
        tg_buffer_appendf(&expected, "; did you mean \"%s\"?", pointer);
    assert_bad(grammar, text, expected.data);
    tg_buffer_deinit(&expected);
}

static void a_pointer_without_its_slash_is_guessed(void **state)
{
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        { "payload", "/payload" },
        { "a/b", "/a/b" },
        { "$.a.b[0]", "/a/b/0" },
        { ".items[2].id", "/items/2/id" },
        { "a.b", "/a.b" },
        { "$", NULL },
        { ".", NULL },
        { "a b", NULL },
        { "items[0]", "/items/0" },
        { "@odata.nextLink", "/@odata.nextLink" },
    };
    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        assert_guess(&tg_grammar_pointer, cases[i].text, cases[i].pointer);
        assert_guess(&tg_grammar_pointer_or_all, cases[i].text, cases[i].pointer);
    }
}

static void event_is_pointer_constant_or_template(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/",        "/type",  "/a~0~1/{b}",
        "/|",       "tick",   "a|b",
        "{/a}",     "{/}",    "x{/a}y{/b|}z{/c| any text ~ }",
        "{{{/a}}}", "}}",     "{{",
        "{{}}",     "{/a}/b", "ä{/ü|ö}",
        "{/a||}",
    };
    for (size_t i = 0; i < TG_COUNT_OF(good); i++)
        assert_good(&tg_grammar_event_value, good[i]);
    assert_bad(&tg_grammar_event_value, "", tg_grammar_event_value.expected);
    assert_bad(&tg_grammar_event_value, "a\nb", tg_grammar_event_value.expected);
    assert_bad(&tg_grammar_event_value, "/~", tg_grammar_event_value.expected);
    assert_bad(&tg_grammar_event_value, "{{\n", "a template with no line break at character 3");
}

static void id_holds_only_what_ids_hold(void **state)
{
    (void)state;
    static const char *const good[] = { "/seq", "/", "{/a}", "a-Z_0.9:{/b|x-1}", "{/a}{/b}" };
    static const char id_character[] =
        "a template with a letter, a digit, \"-\", \"_\", \".\" or \":\" at character ";
    for (size_t i = 0; i < TG_COUNT_OF(good); i++)
        assert_good(&tg_grammar_id_value, good[i]);
    struct tg_buffer expected = { 0 };
    tg_buffer_appendf(&expected, "%s5", id_character);
    assert_bad(&tg_grammar_id_value, "{/a}/{/b}", expected.data);
    assert_bad(&tg_grammar_id_value, "{/a}{{", expected.data);
    assert_bad(&tg_grammar_id_value, "{/a|/}", expected.data);
    tg_buffer_deinit(&expected);
    assert_guess(&tg_grammar_id_value, "constant", "/constant");
    assert_bad(&tg_grammar_id_value, "", tg_grammar_id_value.expected);
}

static void data_may_be_all_of_it(void **state)
{
    (void)state;
    static const char *const good[] = { "", "/a", "{/a}\n{/b}", "{{\"a\":{/a}}}" };
    for (size_t i = 0; i < TG_COUNT_OF(good); i++)
        assert_good(&tg_grammar_data_value, good[i]);
    assert_guess(&tg_grammar_data_value, "constant", "/constant");
}

static void faults_are_told_with_their_place(void **state)
{
    (void)state;
    const struct tg_option_grammar *data = &tg_grammar_data_value;
    assert_bad(data, "{", "a template with a \"}\" for the \"{\" at character 1");
    assert_bad(data, "}", "a template with \"}}\" for a literal \"}\" at character 1");
    assert_bad(data, "{{{", "a template with a \"}\" for the \"{\" at character 3");
    assert_bad(data, "äöü{/a{/b}", "a template with a \"}\" for the \"{\" at character 4");
    assert_bad(data, "{a}", "a template with a JSON pointer such as \"/type\" at character 2");
    assert_bad(data, "{}", "a template with a JSON pointer such as \"/type\" at character 2");
    assert_bad(data, "{|/a}", "a template with a JSON pointer such as \"/type\" at character 2");
    assert_bad(data, "{/€~}", "a template with \"~0\" (for \"~\") or \"~1\" (for \"/\") at character 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pointer_without_its_slash_is_guessed),
        cmocka_unit_test(event_is_pointer_constant_or_template),
        cmocka_unit_test(id_holds_only_what_ids_hold),
        cmocka_unit_test(data_may_be_all_of_it),
        cmocka_unit_test(faults_are_told_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
