/* Sessions: members of a family that only their own client can find again. */
#include "family_fixture.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_DIGITS = 32 };

static const struct tg_event event = { .data = { "x", 1 } };
static const unsigned char alice[32] = "alice", bob[32] = "bob", zeros[32];

static int set_up(void **state)
{
    static struct fixture f;

    begin(&f, "chat", 10);
    *state = &f;
    return 0;
}

static struct tg_stream *open_session(struct fixture *f, const unsigned char *identity)
{
    struct tg_stream *stream = NULL;

    assert_int_equal(tg_family_open_session(f->family, identity, &nothing, &stream), TG_OK);
    return stream;
}

static enum tg_err resume(struct fixture *f, const char *id, const unsigned char *identity,
                          struct tg_stream **ret_stream)
{
    return tg_family_resume(f->family, tg_str_from(id), identity, ret_stream);
}

/* An id that such a session gives its events. */
static const char *id_of(const struct tg_stream *stream)
{
    static char id[TG_ID_MAX + 1];

    snprintf(id, sizeof id, "%s-1", tg_stream_epoch(stream));
    return id;
}

static void assert_not_found(struct fixture *f, const char *id, const unsigned char *identity)
{
    struct tg_stream *stream = NULL;

    assert_int_equal(resume(f, id, identity, &stream), TG_ERR_NOT_FOUND);
    assert_null(stream);
}

static void a_session_has_a_token_for_an_epoch(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *one = open_session(f, alice), *two = open_session(f, alice);
    const char *token = tg_stream_epoch(one);
    assert_int_equal(strlen(token), TOKEN_DIGITS);
    assert_int_equal(strspn(token, "0123456789abcdef"), TOKEN_DIGITS);
    assert_string_not_equal(token, tg_stream_epoch(two));
    tg_family_leave(f->family, one);
    tg_family_leave(f->family, two);
}

static void the_token_is_not_in_the_name(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = open_session(f, alice);
    assert_string_equal(tg_stream_name(stream), "chat");
    tg_family_leave(f->family, stream);
}

static void its_client_finds_it_again(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *again, *stream = open_session(f, alice);
    tg_family_leave(f->family, stream);
    assert_int_equal(resume(f, id_of(stream), alice, &again), TG_OK);
    assert_ptr_equal(again, stream);
    assert_int_equal(f->opened, 1);
    tg_family_sweep(f->family, tg_clock_now_ms() + 2 * LINGER_MS); /* it is in use again */
    assert_int_equal(f->closed, 0);
    tg_family_leave(f->family, again);
}

static void the_id_leads_to_the_events_after_it(void **state)
{
    struct fixture *f = *state;
    struct tg_gap gap;
    struct tg_stream *stream = open_session(f, NULL);
    tg_stream_append(stream, &event, 1);
    tg_stream_append(stream, &event, 1);
    struct tg_reader *reader = tg_reader_new(stream, NULL, NULL);
    const char *id = id_of(stream);
    struct tg_cursor cursor = tg_reader_seek_id(reader, id, strlen(id), false, &gap);
    assert_int_equal(gap.reason, TG_GAP_NONE);
    assert_int_equal(cursor.position, tg_reader_end(reader) / 2);
    tg_reader_free(reader);
    tg_family_leave(f->family, stream);
}

static void an_id_of_another_session_is_one_of_another_epoch(void **state)
{
    struct fixture *f = *state;
    struct tg_gap gap;
    struct tg_stream *one = open_session(f, NULL), *two = open_session(f, NULL);
    struct tg_reader *reader = tg_reader_new(one, NULL, NULL);
    const char *id = id_of(two);
    tg_reader_seek_id(reader, id, strlen(id), false, &gap);
    assert_int_equal(gap.reason, TG_GAP_EPOCH);
    tg_reader_seek_id(reader, "abcdefgh23-4", 12, false, &gap);
    assert_int_equal(gap.reason, TG_GAP_UNKNOWN);
    tg_reader_free(reader);
    tg_family_leave(f->family, one);
    tg_family_leave(f->family, two);
}

static void nobody_else_finds_it(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = open_session(f, alice);
    assert_not_found(f, id_of(stream), bob);
    assert_not_found(f, id_of(stream), NULL);
    assert_not_found(f, id_of(stream), zeros);
    tg_family_leave(f->family, stream);
}

static void a_session_without_an_identity_belongs_to_who_has_none(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *again, *stream = open_session(f, NULL);
    assert_not_found(f, id_of(stream), alice);
    assert_not_found(f, id_of(stream), zeros);
    assert_int_equal(resume(f, id_of(stream), NULL, &again), TG_OK);
    tg_family_leave(f->family, again);
    tg_family_leave(f->family, stream);
}

static void what_is_no_token_finds_nothing(void **state)
{
    struct fixture *f = *state;
    static const char *const strange[] = {
        "",       "-",    "-1", "0123456789abcdef0123456789abcdef-1", "0123456789abcdef0123456789abcdef",
        "chat-1", "chat",
    };
    char id[TG_ID_MAX + 1];
    struct tg_stream *stream = open_session(f, NULL);
    for (size_t i = 0; i < TG_COUNT_OF(strange); i++)
        assert_not_found(f, strange[i], NULL);
    assert_not_found(f, tg_stream_epoch(stream), NULL); /* without a seq */
    snprintf(id, sizeof id, "%s.1", tg_stream_epoch(stream));
    assert_not_found(f, id, NULL);
    snprintf(id, sizeof id, "%s-1", tg_stream_epoch(stream));
    id[TOKEN_DIGITS - 1] = id[TOKEN_DIGITS - 1] == '0' ? '1' : '0';
    assert_not_found(f, id, NULL);
    snprintf(id, sizeof id, "%s-1", tg_stream_epoch(stream) + 1);
    assert_not_found(f, id, NULL);
    tg_family_leave(f->family, stream);
}

static void a_session_that_has_ended_is_still_found(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *again, *stream = open_session(f, alice);
    tg_stream_end(stream, NULL, 1);
    tg_family_leave(f->family, stream);
    assert_int_equal(resume(f, id_of(stream), alice, &again), TG_OK);
    assert_true(tg_stream_has_ended(again));
    tg_family_leave(f->family, again);
}

static void after_linger_it_is_gone(void **state)
{
    struct fixture *f = *state;
    char id[TG_ID_MAX + 1];
    struct tg_stream *stream = open_session(f, alice);
    snprintf(id, sizeof id, "%s", id_of(stream));
    tg_family_leave(f->family, stream);
    tg_family_sweep(f->family, tg_clock_now_ms() + LINGER_MS);
    assert_int_equal(f->closed, 1);
    assert_not_found(f, id, alice);
}

static void a_session_that_cannot_be_opened_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct tg_stream *stream = NULL;
    struct tg_family_stats stats;

    f->answer = TG_ERR_TIMEOUT;
    assert_int_equal(tg_family_open_session(f->family, alice, &nothing, &stream), TG_ERR_TIMEOUT);
    assert_null(stream);
    tg_family_get_stats(f->family, &stats);
    assert_int_equal(stats.members, 0);
    end(f);
    assert_int_equal(f->closed, 0);
}

static void a_session_is_of_the_path_that_opened_it(void **state)
{
    struct fixture *f = *state;
    const struct tg_pair parameters[] = { { TG_STR("room"), TG_STR("tea") },
                                          { TG_STR("lang"), TG_STR("de") } };
    const struct tg_opening opening = { .parameters = parameters, .parameter_count = 2 };
    const struct tg_str same[] = { TG_STR("tea"), TG_STR("de") }, some[] = { TG_STR(""), TG_STR("de") };
    const struct tg_str none[] = { TG_STR(""), TG_STR("") }, longer[] = { TG_STR("teas"), TG_STR("de") };
    const struct tg_str other[] = { TG_STR("tea"), TG_STR("en") },
                        swapped[] = { TG_STR("de"), TG_STR("tea") };
    struct tg_stream *session;

    assert_int_equal(tg_family_open_session(f->family, NULL, &opening, &session), TG_OK);
    assert_true(tg_family_session_has(session, same));
    assert_true(tg_family_session_has(session, some));
    assert_true(tg_family_session_has(session, none));
    assert_false(tg_family_session_has(session, longer));
    assert_false(tg_family_session_has(session, other));
    assert_false(tg_family_session_has(session, swapped));
    tg_family_leave(f->family, session);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_session_has_a_token_for_an_epoch),
        TEST(the_token_is_not_in_the_name),
        TEST(its_client_finds_it_again),
        TEST(the_id_leads_to_the_events_after_it),
        TEST(an_id_of_another_session_is_one_of_another_epoch),
        TEST(nobody_else_finds_it),
        TEST(a_session_without_an_identity_belongs_to_who_has_none),
        TEST(what_is_no_token_finds_nothing),
        TEST(a_session_that_has_ended_is_still_found),
        TEST(after_linger_it_is_gone),
        TEST(a_session_that_cannot_be_opened_is_not_there),
        TEST(a_session_is_of_the_path_that_opened_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
