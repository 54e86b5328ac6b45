/* What follows from the end of a link. */
#include "upstream/aftermath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int64_t ending[] = { 1000, 4000 }, later[] = { 1008, 4401, 4403 }, spread[] = { 1012, 1013 };

static struct tg_config_stream session_of(enum tg_config_upstream_kind kind)
{
    return (struct tg_config_stream){
        .scope = TG_SCOPE_CLIENT,
        .upstream = { .kind = kind,
                      .close_end = { ending, TG_COUNT_OF(ending) },
                      .close_later = { later, TG_COUNT_OF(later) },
                      .close_spread = { spread, TG_COUNT_OF(spread) } },
    };
}

static const struct tg_link_end no_content = { .reason = TG_REASON_FINISHED,
                                               .is_finished = true,
                                               .status = 204 };
static const struct tg_link_end in_order = { .reason = TG_REASON_CLOSED,
                                             .is_finished = true,
                                             .has_messages = true };
static const struct tg_link_end empty = { .reason = TG_REASON_CLOSED, .is_finished = true };
static const struct tg_link_end cut = { .reason = TG_REASON_CLOSED };

static struct tg_link_end closed_with(unsigned code)
{
    return (struct tg_link_end){ .reason = TG_REASON_CLOSED, .close_code = code };
}

static enum tg_wait wait_after(const struct tg_link_end *end)
{
    const struct tg_config_stream config = session_of(TG_UPSTREAM_WEBSOCKET);

    return tg_aftermath_wait(&config.upstream, end);
}

static void what_was_asked_with_is_refused_by_status_or_by_the_configured_codes(void **state)
{
    const struct tg_config_stream config = session_of(TG_UPSTREAM_WEBSOCKET);
    const unsigned statuses[] = { 401, 403, 407 };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(later); i++) {
        const struct tg_link_end end = closed_with((unsigned)later[i]);
        assert_true(tg_aftermath_is_refusal(&config.upstream, &end));
    }
    for (size_t i = 0; i < TG_COUNT_OF(statuses); i++) {
        const struct tg_link_end end = { .reason = TG_REASON_STATUS, .status = statuses[i] };
        assert_true(tg_aftermath_is_refusal(&config.upstream, &end));
        assert_int_equal(wait_after(&end), TG_WAIT_LONGEST);
    }
    const struct tg_link_end others[] = { closed_with(0), closed_with(1001), { .status = 503 } };
    for (size_t i = 0; i < TG_COUNT_OF(others); i++)
        assert_false(tg_aftermath_is_refusal(&config.upstream, &others[i]));
}

static void close_codes_say_how_soon_to_come_back(void **state)
{
    static const struct {
        unsigned code;
        enum tg_wait wait;
    } cases[] = {
        { 0, TG_WAIT_USUAL },      { 1000, TG_WAIT_USUAL },   { 1001, TG_WAIT_USUAL },
        { 1011, TG_WAIT_USUAL },   { 1008, TG_WAIT_LONGEST }, { 4401, TG_WAIT_LONGEST },
        { 4403, TG_WAIT_LONGEST }, { 1012, TG_WAIT_SPREAD },  { 1013, TG_WAIT_SPREAD },
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        const struct tg_link_end end = closed_with(cases[i].code);
        assert_int_equal(wait_after(&end), cases[i].wait);
    }
}

static void refused_credentials_mean_not_soon(void **state)
{
    static const struct {
        unsigned status;
        enum tg_wait wait;
    } cases[] = {
        { 401, TG_WAIT_LONGEST }, { 403, TG_WAIT_LONGEST }, { 404, TG_WAIT_USUAL }, { 503, TG_WAIT_USUAL }
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        const struct tg_link_end http = { .reason = TG_REASON_STATUS, .status = cases[i].status };
        const struct tg_link_end upgrade = { .reason = TG_REASON_HANDSHAKE, .status = cases[i].status };
        assert_int_equal(wait_after(&http), cases[i].wait);
        assert_int_equal(wait_after(&upgrade), cases[i].wait);
    }
}

static void only_an_answer_that_brought_something_is_recycled(void **state)
{
    (void)state;
    assert_int_equal(wait_after(&in_order), TG_WAIT_RECYCLE);
    assert_int_equal(wait_after(&empty), TG_WAIT_USUAL);
    assert_int_equal(wait_after(&cut), TG_WAIT_USUAL);
    assert_int_equal(wait_after(&no_content), TG_WAIT_USUAL);
}

static void clients_are_told_the_reason_and_a_status_that_is_one(void **state)
{
    const struct tg_link_end refused = { .reason = TG_REASON_STATUS, .status = 401 };
    struct tg_stream_condition outage = tg_aftermath_outage(&refused);

    (void)state;
    assert_int_equal(outage.state, TG_STREAM_DOWN);
    assert_int_equal(outage.reason, TG_REASON_STATUS);
    assert_int_equal(outage.status, 401);
    assert_int_equal(tg_aftermath_outage(&no_content).status, 0);
    assert_int_equal(tg_aftermath_outage(&cut).reason, TG_REASON_CLOSED);
}

static bool is_over(struct tg_config_stream config, enum tg_config_on_end on_end,
                    const struct tg_link_end *end, bool is_once, bool is_resumable)
{
    config.session.on_end = on_end;
    return tg_aftermath_is_over(&config, end, is_once, is_resumable);
}

static void an_event_stream_opened_by_get_is_asked_again(void **state)
{
    const struct tg_config_stream sse = session_of(TG_UPSTREAM_SSE), ndjson = session_of(TG_UPSTREAM_NDJSON);

    (void)state;
    assert_false(is_over(sse, TG_ON_END_DEFAULT, &in_order, false, false));
    assert_false(is_over(sse, TG_ON_END_DEFAULT, &empty, false, false));
    assert_true(is_over(sse, TG_ON_END_DEFAULT, &in_order, true, true));
    assert_true(is_over(ndjson, TG_ON_END_DEFAULT, &in_order, false, false));
    assert_true(is_over(ndjson, TG_ON_END_DEFAULT, &in_order, true, false));
    assert_false(is_over(ndjson, TG_ON_END_DEFAULT, &cut, false, false));
}

static void on_end_decides_for_both(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct tg_config_stream config = session_of(i ? TG_UPSTREAM_SSE : TG_UPSTREAM_NDJSON);
        assert_true(is_over(config, TG_ON_END_END, &in_order, false, true));
        assert_false(is_over(config, TG_ON_END_RECONNECT, &in_order, false, false));
        assert_false(is_over(config, TG_ON_END_RECONNECT, &in_order, true, true));
        assert_true(is_over(config, TG_ON_END_RECONNECT, &in_order, true, false)); /* not posted twice */
        assert_true(is_over(config, TG_ON_END_RECONNECT, &no_content, false, true));
    }
}

static void close_codes_end_sessions(void **state)
{
    const struct tg_config_stream config = session_of(TG_UPSTREAM_WEBSOCKET);
    const unsigned codes[] = { 0, 1000, 1001, 1008, 4000 };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(codes); i++) {
        const struct tg_link_end end = closed_with(codes[i]);
        bool is_end = codes[i] == 1000 || codes[i] == 4000;
        assert_int_equal(is_over(config, TG_ON_END_DEFAULT, &end, false, false), is_end);
    }
}

static void what_is_shared_does_not_end(void **state)
{
    const struct tg_link_end normal = closed_with(1000);
    struct tg_config_stream config = session_of(TG_UPSTREAM_WEBSOCKET);

    (void)state;
    for (int i = 0; i < 2; i++) {
        config.scope = i ? TG_SCOPE_SHARED : TG_SCOPE_KEYED;
        config.upstream.kind = TG_UPSTREAM_WEBSOCKET;
        assert_false(is_over(config, TG_ON_END_DEFAULT, &normal, false, false));
        config.upstream.kind = TG_UPSTREAM_SSE;
        assert_false(is_over(config, TG_ON_END_DEFAULT, &no_content, false, false));
        assert_false(is_over(config, TG_ON_END_DEFAULT, &in_order, false, false));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_with_is_refused_by_status_or_by_the_configured_codes),
        cmocka_unit_test(close_codes_say_how_soon_to_come_back),
        cmocka_unit_test(refused_credentials_mean_not_soon),
        cmocka_unit_test(only_an_answer_that_brought_something_is_recycled),
        cmocka_unit_test(clients_are_told_the_reason_and_a_status_that_is_one),
        cmocka_unit_test(an_event_stream_opened_by_get_is_asked_again),
        cmocka_unit_test(on_end_decides_for_both),
        cmocka_unit_test(close_codes_end_sessions),
        cmocka_unit_test(what_is_shared_does_not_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
