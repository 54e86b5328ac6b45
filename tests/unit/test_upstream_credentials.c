/* Unit tests: credentials that clients renew. */
#include "upstream/credentials.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "name: value" each, and a query. */
static struct tg_credentials *make(const char *query, const char *first, const char *second)
{
    const char *lines[] = { first, second };
    struct tg_pair headers[2];
    struct tg_opening opening = { .headers = headers, .query = tg_str_from(query) };

    for (size_t i = 0; i < 2 && lines[i]; i++) {
        const char *colon = strchr(lines[i], ':');
        headers[opening.header_count++] =
            (struct tg_pair){ { lines[i], (size_t)(colon - lines[i]) }, tg_str_from(colon + 2) };
    }
    return tg_credentials_new(&opening);
}

static void expect(const struct tg_credentials *credentials, const char *expected)
{
    struct tg_buffer text = { 0 };

    for (size_t i = 0; i < credentials->header_count; i++)
        tg_buffer_appendf(&text, "%.*s: %.*s|", (int)credentials->headers[i].name.length,
                          credentials->headers[i].name.data, (int)credentials->headers[i].value.length,
                          credentials->headers[i].value.data);
    tg_buffer_appendf(&text, "?%.*s", (int)credentials->query.length,
                      tg_text_or_empty(credentials->query.data));
    assert_string_equal(text.data, expected);
    tg_buffer_deinit(&text);
}

static void merges(struct tg_credentials *known, struct tg_credentials *newer, const char *expected)
{
    struct tg_credentials *merged = tg_credentials_merge(known, newer);

    if (expected)
        expect(merged, expected);
    else
        assert_null(merged);
    tg_credentials_free(known);
    tg_credentials_free(newer);
    tg_credentials_free(merged);
}

static void what_is_newer_stands_in_for_its_like(void **state)
{
    (void)state;
    merges(make("", "Authorization: a", NULL), make("", "authorization: b", NULL), "authorization: b|?");
    merges(make("a=1&token=x&b", NULL, NULL), make("token=y", NULL, NULL), "?a=1&b&token=y");
    merges(make("t=1", "A: 1", NULL), make("t=2", "A: 2", NULL), "A: 2|?t=2");
    merges(make("t=1&t=2", NULL, NULL), make("t=3", NULL, NULL), "?t=3");
    merges(make("", NULL, NULL), make("t=3", "A: 1", NULL), "A: 1|?t=3");
    merges(make("&&t=1&", NULL, NULL), make("&t=3&&", NULL, NULL), "?t=3");
}

static void what_the_newer_ones_lack_stays(void **state)
{
    (void)state;
    merges(make("t=1", "Authorization: a", "Cookie: c=1"), make("", "Cookie: c=2", NULL),
           "Authorization: a|Cookie: c=2|?t=1");
    merges(make("t=1", "Authorization: a", "Cookie: c=1"), make("", NULL, NULL), NULL);
}

static void the_same_is_nothing_new(void **state)
{
    (void)state;
    merges(make("t=1&u=2", "A: 1", "B: 2"), make("u=2&t=1", "b: 2", "a: 1"), NULL);
    merges(make("t=1", NULL, NULL), make("t=1&&", NULL, NULL), NULL);
}

static void the_newest_come_first(void **state)
{
    struct tg_renewal renewal;

    (void)state;
    tg_renewal_init(&renewal, make("", "A: old", NULL));
    expect(tg_renewal_peek(&renewal), "A: old|?");
    assert_true(tg_renewal_offer(&renewal, make("", "A: new", NULL)));
    expect(tg_renewal_peek(&renewal), "A: new|?");
    assert_false(tg_renewal_offer(&renewal, make("", "A: new", NULL)));
    assert_true(tg_renewal_offer(&renewal, make("", "A: newer", NULL)));
    expect(tg_renewal_peek(&renewal), "A: newer|?");
    tg_renewal_on_accepted(&renewal);
    assert_null(renewal.newest);
    expect(tg_renewal_peek(&renewal), "A: newer|?");
    tg_renewal_deinit(&renewal);
}

static void those_that_are_refused_take_turns_with_what_was_good(void **state)
{
    struct tg_renewal renewal;

    (void)state;
    tg_renewal_init(&renewal, make("", "A: old", NULL));
    assert_false(tg_renewal_on_refused(&renewal));
    tg_renewal_offer(&renewal, make("", "A: new", NULL));
    assert_true(tg_renewal_on_refused(&renewal));
    expect(tg_renewal_peek(&renewal), "A: old|?");
    tg_renewal_on_accepted(&renewal); /* the old ones: the newest may still be of use */
    expect(tg_renewal_peek(&renewal), "A: old|?");
    assert_false(tg_renewal_offer(&renewal, make("", "A: new", NULL)));
    expect(tg_renewal_peek(&renewal), "A: old|?");
    assert_true(tg_renewal_on_refused(&renewal));
    expect(tg_renewal_peek(&renewal), "A: new|?");
    tg_renewal_on_accepted(&renewal);
    assert_false(tg_renewal_on_refused(&renewal));
    tg_renewal_offer(&renewal, make("", "A: impossible", NULL));
    tg_renewal_drop_newest(&renewal);
    expect(tg_renewal_peek(&renewal), "A: new|?");
    tg_renewal_deinit(&renewal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_newer_stands_in_for_its_like),
        cmocka_unit_test(what_the_newer_ones_lack_stays),
        cmocka_unit_test(the_same_is_nothing_new),
        cmocka_unit_test(the_newest_come_first),
        cmocka_unit_test(those_that_are_refused_take_turns_with_what_was_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
