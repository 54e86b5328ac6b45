/* What has been seen before, and an emit that refuses. */
#include "test_translate_support.h"

/* ---- seen ------------------------------------------------------------------------------------- */

static void an_id_is_let_through_once(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.id = P("/i"), .seen = TG_SEEN_ID, .seen_remember = 2));
    feed(&fixture, "{\"i\":1,\"x\":1}");
    feed(&fixture, "{\"i\":1,\"x\":2}");
    assert_int_equal(fixture.last.repeated, 1);
    assert_int_equal(fixture.count, 1);
    feed(&fixture, "{\"i\":2}");
    feed(&fixture, "{\"i\":3}");
    feed(&fixture, "{\"i\":1}"); /* forgotten by now */
    assert_int_equal(fixture.last.repeated, 0);
    assert_int_equal(fixture.count, 4);
    fixture_deinit(&fixture);
}

static void without_an_id_nothing_is_seen_by_id(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.seen = TG_SEEN_ID));
    feed(&fixture, "x");
    feed(&fixture, "x");
    assert_int_equal(fixture.count, 2);
    fixture_deinit(&fixture);
}

static void content_is_type_and_data(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture,
                 RULES(.event = P("/t"), .id = P("{/i|0}"), .data = P("/d"), .seen = TG_SEEN_CONTENT));
    feed(&fixture, "{\"t\":\"a\",\"d\":1}");
    feed(&fixture, "{\"t\":\"a\",\"d\":1,\"i\":5}");
    assert_int_equal(fixture.last.repeated, 1);
    feed(&fixture, "{\"t\":\"b\",\"d\":1}");
    feed(&fixture, "{\"t\":\"a\",\"d\":1.0}");
    feed(&fixture, "{\"t\":\"a1\",\"d\":\"\"}");
    assert_int_equal(fixture.count, 4);
    fixture_deinit(&fixture);
}

static void binary_is_seen_by_content(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.seen = TG_SEEN_CONTENT));
    feed_message(&fixture, binary("x"));
    feed_message(&fixture, binary("x"));
    assert_int_equal(fixture.last.repeated, 1);
    assert_int_equal(fixture.count, 1);
    fixture_deinit(&fixture);
}

static void a_poll_brings_what_is_new(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .id = P("/i"), .data = P("/i"), .seen = TG_SEEN_ID));
    feed(&fixture, "[{\"i\":3},{\"i\":2},{\"i\":1}]");
    feed(&fixture, "[{\"i\":5},{\"i\":4},{\"i\":3}]");
    assert_int_equal(fixture.last.events, 2);
    assert_int_equal(fixture.last.repeated, 1);
    assert_int_equal(fixture.count, 5);
    assert_recorded(&fixture, 4, "", "4", "4");
    fixture_deinit(&fixture);
}

/* With the id that the message carries; its items all have that one. */
static void items_that_share_an_id_do_not_hide_each_other(void **state)
{
    struct tg_message message = text("[1,2]");
    struct fixture fixture;

    (void)state;
    message.id = TG_STR("7");
    fixture_init(&fixture, RULES(.split = P(""), .seen = TG_SEEN_ID));
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.events, 2);
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.events, 0);
    assert_int_equal(fixture.last.repeated, 2);
    fixture_deinit(&fixture);
}

static void error_events_are_never_repeated(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture,
                 RULES(.data = P("/a"), .seen = TG_SEEN_CONTENT, .on_misfit = TG_MISFIT_ERROR_EVENT));
    feed(&fixture, "x");
    feed(&fixture, "x");
    assert_int_equal(fixture.count, 2);
    assert_int_equal(fixture.last.repeated, 0);
    fixture_deinit(&fixture);
}

static void raw_content_is_let_through_once(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.data = P("/a"), .seen = TG_SEEN_CONTENT, .on_misfit = TG_MISFIT_RAW));
    feed(&fixture, "x");
    feed(&fixture, "x");
    assert_int_equal(fixture.count, 1);
    assert_int_equal(fixture.last.repeated, 1);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_JSON], 1);
    fixture_deinit(&fixture);
}

/* ---- an emit that refuses --------------------------------------------------------------------- */

static void a_refusal_ends_the_message(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P("")));
    fixture.take_most = 2;
    feed(&fixture, "[1,2,3,4]");
    assert_int_equal(fixture.last.events, 2);
    assert_int_equal(misfit_count(&fixture.last), 0);
    assert_recorded(&fixture, 1, "", "", "2");
    fixture.take_most = 0;
    feed(&fixture, "[5]");
    assert_recorded(&fixture, 2, "", "", "5");
    fixture_deinit(&fixture);
}

static void what_was_refused_is_not_seen(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .id = P("/i"), .data = P("/i"), .seen = TG_SEEN_ID));
    fixture.take_most = 1;
    feed(&fixture, "[{\"i\":1},{\"i\":2},{\"i\":3}]");
    assert_int_equal(fixture.count, 1);
    fixture.take_most = 0;
    feed(&fixture, "[{\"i\":1},{\"i\":2},{\"i\":3}]");
    assert_int_equal(fixture.last.repeated, 1);
    assert_int_equal(fixture.count, 3);
    assert_recorded(&fixture, 1, "", "2", "2");
    fixture_deinit(&fixture);
}

static void what_was_let_go_is_not_seen(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .id = P("/i"), .data = P("/i"), .seen = TG_SEEN_ID));
    fixture.let_go = 1;
    feed(&fixture, "[{\"i\":1},{\"i\":2}]");
    assert_int_equal(fixture.last.events, 1);
    assert_recorded(&fixture, 0, "", "2", "2");
    feed(&fixture, "[{\"i\":1},{\"i\":2}]");
    assert_int_equal(fixture.last.repeated, 1);
    assert_recorded(&fixture, 1, "", "1", "1");
    fixture_deinit(&fixture);
}

static void error_events_can_be_refused_too(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .data = P("/d"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    fixture.take_most = 1;
    feed(&fixture, "[{},{},{\"d\":1}]");
    assert_int_equal(fixture.last.events, 1);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_DATA], 2);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_let_through_once),
        cmocka_unit_test(without_an_id_nothing_is_seen_by_id),
        cmocka_unit_test(content_is_type_and_data),
        cmocka_unit_test(binary_is_seen_by_content),
        cmocka_unit_test(a_poll_brings_what_is_new),
        cmocka_unit_test(items_that_share_an_id_do_not_hide_each_other),
        cmocka_unit_test(error_events_are_never_repeated),
        cmocka_unit_test(raw_content_is_let_through_once),
        cmocka_unit_test(a_refusal_ends_the_message),
        cmocka_unit_test(what_was_refused_is_not_seen),
        cmocka_unit_test(what_was_let_go_is_not_seen),
        cmocka_unit_test(error_events_can_be_refused_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
