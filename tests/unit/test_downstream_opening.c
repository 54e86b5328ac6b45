/* Unit tests: what a request says about its stream: fields, cookies, identity, last id, keys, what goes along. */
#include "downstream/fields.h"
#include "downstream/key.h"
#include "downstream/opening.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A parsed request; its bytes are a literal. */
static struct tg_request_head parse(const char *text)
{
    const struct tg_head_limits limits = { .url_bytes = 1000, .header_bytes = 4000 };
    struct tg_request_head head;
    assert_int_equal(tg_request_head_parse(text, strlen(text), &limits, &head), TG_HEAD_DONE);
    return head;
}

#define REQUEST(target, fields) parse("GET " target " HTTP/1.1\r\nHost: h\r\n" fields "\r\n")

static void expect_str(struct tg_str text, const char *expected)
{
    if (!tg_str_equals(text, tg_str_from(expected)))
        fail_msg("expected %s, got %.*s", expected, (int)text.length, text.data);
}

/* ---- fields ------------------------------------------------------------------------------------------- */

static void all_fields_are_there_in_their_order(void **state)
{
    (void)state;
    struct tg_request_head head = REQUEST("/", "A:1\r\nb: \t x:y \r\nC:\r\n");
    struct tg_str name, value, fields = head.fields;
    static const char *const expected[] = { "Host", "h", "A", "1", "b", "x:y", "C", "" };
    for (size_t i = 0; i < TG_COUNT_OF(expected); i += 2) {
        assert_true(tg_fields_next(&fields, &name, &value));
        expect_str(name, expected[i]);
        expect_str(value, expected[i + 1]);
    }
    assert_false(tg_fields_next(&fields, &name, &value));
}

static void no_fields_are_none(void **state)
{
    (void)state;
    struct tg_request_head head = parse("GET / HTTP/1.0\r\n\r\n");
    struct tg_str name, value;
    assert_int_equal(head.fields.length, 0);
    assert_false(tg_fields_next(&head.fields, &name, &value));
}

static void expect_joined(struct tg_str fields, const char *name, const char *expected)
{
    struct tg_buffer out = { 0 };
    enum tg_err err = tg_fields_join(fields, name, &out);
    assert_int_equal(err, expected ? TG_OK : TG_ERR_NOT_FOUND);
    assert_string_equal(tg_text_or_empty(out.data), tg_text_or_empty(expected));
    tg_buffer_deinit(&out);
}

static void fields_of_a_name_are_joined(void **state)
{
    (void)state;
    struct tg_request_head head =
        REQUEST("/", "X-A: 1\r\ncookie: a=1\r\nx-a: 2, 3\r\nX-AB: no\r\nEmpty:\r\nCookie: b=2; c=3\r\n");
    expect_joined(head.fields, "x-A", "1, 2, 3");
    expect_joined(head.fields, "Cookie", "a=1; b=2; c=3");
    expect_joined(head.fields, "empty", "");
    expect_joined(head.fields, "x", NULL);
    expect_joined(head.fields, "Last-Event-ID", NULL);
}

static void expect_cookie(const char *request, const char *name, const char *expected)
{
    struct tg_request_head head = parse(request);
    struct tg_str value = { NULL, 0 };
    assert_int_equal(tg_fields_cookie(head.fields, name, &value), expected != NULL);
    expect_str(value, tg_text_or_empty(expected));
}

static void the_first_cookie_of_a_name_counts(void **state)
{
    (void)state;
#define COOKIES(text) "GET / HTTP/1.1\r\nHost: h\r\n" text "\r\n"
    expect_cookie(COOKIES("Cookie: a=1; sid=x; sid=y\r\n"), "sid", "x");
    expect_cookie(COOKIES("Cookie: a=1\r\nCookie: sid=x\r\ncookie: sid=y\r\n"), "sid", "x");
    expect_cookie(COOKIES("Cookie: sid=a=b==\r\n"), "sid", "a=b==");
    expect_cookie(COOKIES("Cookie: sid=\"q\" ;x=1\r\n"), "sid", "\"q\"");
    expect_cookie(COOKIES("Cookie: sid=;sid=x\r\n"), "sid", "");
    expect_cookie(COOKIES("Cookie: ;;sid ;sid=1\r\n"), "sid", "1");
    expect_cookie(COOKIES("Cookie: SID=1; xsid=2; sidx=3\r\n"), "sid", NULL);
    expect_cookie(COOKIES("Cookie: a=sid=1\r\nX-Cookie: sid=1\r\n"), "sid", NULL);
    expect_cookie(COOKIES("Cookie:\r\n"), "sid", NULL);
}

static void codings_other_than_identity_are_seen(void **state)
{
    (void)state;
    assert_false(tg_fields_has_coding(REQUEST("/", "").fields));
    assert_false(tg_fields_has_coding(REQUEST("/", "Content-Encoding: Identity\r\n").fields));
    assert_true(tg_fields_has_coding(REQUEST("/", "Content-Encoding: identity, gzip\r\n").fields));
    assert_true(
        tg_fields_has_coding(REQUEST("/", "content-encoding: identity\r\ncontent-encoding: br\r\n").fields));
}

/* ---- last id ------------------------------------------------------------------------------------------ */

static void the_header_wins_over_the_query(void **state)
{
    (void)state;
    char *names[] = { (char *)"lastEventId", (char *)"last_event_id", NULL };
    struct tg_buffer storage = { 0 };
    struct tg_request_head head = REQUEST("/?last_event_id=b%2D1", "Last-Event-ID: a-1\r\n");
    expect_str(tg_opening_last_id(&head, names, &storage), "a-1");
    head = REQUEST("/?last_event_id=b%2D1", "");
    expect_str(tg_opening_last_id(&head, names, &storage), "b-1");
    head = REQUEST("/?x=1", "");
    assert_int_equal(tg_opening_last_id(&head, names, &storage).length, 0);
    tg_buffer_deinit(&storage);
}

/* ---- identity ----------------------------------------------------------------------------------------- */

static void without_configuration_there_is_no_identity(void **state)
{
    (void)state;
    struct tg_config_session config = { 0 };
    struct tg_identity identity = { .is_set = true };
    struct tg_request_head head = REQUEST("/", "Cookie: sid=1\r\n");
    assert_int_equal(tg_opening_identify(&config, &head, &identity), TG_OK);
    assert_false(identity.is_set);
}

static void expect_digest(const struct tg_identity *identity, const char *hex)
{
    char text[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", identity->digest[i]);
    assert_true(identity->is_set);
    assert_string_equal(text, hex);
}

static void identity_is_the_digest_of_what_is_configured(void **state)
{
    (void)state;
    struct tg_config_session config = { .identity_cookie = (char *)"sid" };
    struct tg_identity identity;
    struct tg_request_head head = REQUEST("/", "Cookie: a=b; sid=abc\r\n");
    assert_int_equal(tg_opening_identify(&config, &head, &identity), TG_OK);
    expect_digest(&identity, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    config = (struct tg_config_session){ .identity_header = (char *)"x-user" };
    head = REQUEST("/", "X-User: abc\r\n");
    assert_int_equal(tg_opening_identify(&config, &head, &identity), TG_OK);
    expect_digest(&identity, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void who_lacks_it_or_has_nothing_in_it_is_nobody(void **state)
{
    (void)state;
    struct tg_config_session cookie = { .identity_cookie = (char *)"sid" },
                             header = { .identity_header = (char *)"X-User" };
    struct tg_identity identity;
    struct tg_request_head head = REQUEST("/", "Cookie: a=b\r\nX-Use: 1\r\n");
    assert_int_equal(tg_opening_identify(&cookie, &head, &identity), TG_ERR_NOT_FOUND);
    assert_int_equal(tg_opening_identify(&header, &head, &identity), TG_ERR_NOT_FOUND);
    head = REQUEST("/", "Cookie: sid=\r\nX-User: \r\n");
    assert_int_equal(tg_opening_identify(&cookie, &head, &identity), TG_ERR_NOT_FOUND);
    assert_int_equal(tg_opening_identify(&header, &head, &identity), TG_ERR_NOT_FOUND);
}

/* A proxy that adds the header to what the client has sent, or takes one of the two: nobody knows whose it is. */
static void an_identity_header_that_comes_twice_is_refused(void **state)
{
    (void)state;
    struct tg_config_session config = { .identity_header = (char *)"X-User" };
    struct tg_identity identity;
    struct tg_request_head head = REQUEST("/", "X-User: a\r\nA: b\r\nx-user: b\r\n");
    assert_int_equal(tg_opening_identify(&config, &head, &identity), TG_ERR_INVALID);
    head = REQUEST("/", "X-User: a\r\nX-User: a\r\n");
    assert_int_equal(tg_opening_identify(&config, &head, &identity), TG_ERR_INVALID);
    head = REQUEST("/", "X-User:\r\nX-User: a\r\n");
    assert_int_equal(tg_opening_identify(&config, &head, &identity), TG_ERR_INVALID);
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static void expect_key(const struct tg_str *values, size_t count, const char *expected)
{
    struct tg_buffer out = { 0 };
    assert_int_equal(tg_key_join(values, count, &out), TG_OK);
    assert_string_equal(tg_text_or_empty(out.data), expected);
    tg_buffer_deinit(&out);
}

static void a_single_value_is_the_key(void **state)
{
    (void)state;
    struct tg_str value = TG_STR("a/b%c");
    expect_key(&value, 1, "a/b%c");
}

static void different_values_make_different_keys(void **state)
{
    (void)state;
    const struct tg_str pairs[][2] = {
        { TG_STR("a"), TG_STR("b") },     { TG_STR("a/b"), TG_STR("c") }, { TG_STR("a"), TG_STR("b/c") },
        { TG_STR("a%2Fb"), TG_STR("c") }, { TG_STR("a%"), TG_STR("b") },
    };
    const char *const keys[] = { "a/b", "a%2Fb/c", "a/b%2Fc", "a%252Fb/c", "a%25/b" };
    for (size_t i = 0; i < TG_COUNT_OF(pairs); i++)
        expect_key(pairs[i], 2, keys[i]);
}

/* ---- openings ----------------------------------------------------------------------------------------- */

static struct tg_config_parameter parameters[] = { { .name = (char *)"room" }, { .name = (char *)"lang" } };
static const struct tg_str values[TG_ROUTE_PARAMETERS_MAX] = { { "lobby", 5 }, { "de", 2 } };
static char *id_names[] = { (char *)"lastEventId", NULL };

#define FULL                                                                                                 \
    REQUEST("/x?a=1&lastEventId=7&b=2", "Cookie: s=1\r\nAuthorization: Bearer t\r\n"                         \
                                        "X-One: 1\r\nAccept-Language: de\r\nx-one: 2\r\nX-Empty:\r\n")

static void a_session_takes_along_what_is_configured(void **state)
{
    (void)state;
    char *headers[] = { (char *)"Accept-Language", (char *)"X-None", (char *)"X-One", (char *)"X-Empty",
                        NULL };
    char *query[] = { (char *)"*", NULL };
    struct tg_config_stream config = { .scope = TG_SCOPE_CLIENT,
                                       .parameters = parameters,
                                       .parameter_count = 2,
                                       .session = { .forward_headers = headers, .forward_query = query } };
    struct tg_request_head head = FULL;
    struct tg_opening_parts parts;
    assert_int_equal(tg_opening_init(&parts, &config, &head, values, id_names), TG_OK);
    const struct tg_opening *opening = &parts.opening;
    assert_int_equal(opening->parameter_count, 2);
    expect_str(opening->parameters[0].name, "room");
    expect_str(opening->parameters[0].value, "lobby");
    expect_str(opening->parameters[1].name, "lang");
    expect_str(opening->parameters[1].value, "de");
    assert_int_equal(opening->header_count, 3);
    expect_str(opening->headers[0].name, "Accept-Language");
    expect_str(opening->headers[0].value, "de");
    expect_str(opening->headers[1].name, "X-One");
    expect_str(opening->headers[1].value, "1, 2");
    expect_str(opening->headers[2].name, "X-Empty");
    expect_str(opening->headers[2].value, "");
    expect_str(opening->query, "a=1&b=2");
    assert_false(opening->has_body);
    tg_opening_deinit(&parts);
}

static void nothing_goes_along_unless_it_is_configured(void **state)
{
    (void)state;
    struct tg_config_stream config = { .scope = TG_SCOPE_CLIENT };
    struct tg_request_head head = FULL;
    struct tg_opening_parts parts;
    assert_int_equal(tg_opening_init(&parts, &config, &head, values, id_names), TG_OK);
    assert_int_equal(parts.opening.header_count, 0);
    assert_int_equal(parts.opening.query.length, 0);
    tg_opening_deinit(&parts);
}

static void what_is_shared_knows_nothing_of_a_client(void **state)
{
    (void)state;
    char *headers[] = { (char *)"Cookie", NULL };
    char *query[] = { (char *)"*", NULL };
    struct tg_config_stream config = { .scope = TG_SCOPE_KEYED,
                                       .parameters = parameters,
                                       .parameter_count = 1,
                                       .session = { .forward_headers = headers, .forward_query = query } };
    struct tg_request_head head = FULL;
    struct tg_opening_parts parts;
    assert_int_equal(tg_opening_init(&parts, &config, &head, values, id_names), TG_OK);
    assert_int_equal(parts.opening.parameter_count, 1);
    assert_int_equal(parts.opening.header_count, 0);
    assert_int_equal(parts.opening.query.length, 0);
    tg_opening_deinit(&parts);
}

/* ---- renewing ----------------------------------------------------------------------------------------- */

static void expect_renewal(bool is_message, const char *expected)
{
    static char *const headers[] = { (char *)"Authorization", (char *)"Accept-Language",
                                     (char *)"content-type", (char *)"Cookie", NULL };
    static char *const query[] = { (char *)"token", NULL };
    const struct tg_config_stream config = {
        .scope = TG_SCOPE_CLIENT,
        .session = { .forward_headers = (char **)headers, .forward_query = (char **)query },
    };
    struct tg_request_head head =
        REQUEST("/e?a=1&token=t", "Accept-Language: de\r\nAuthorization: Bearer x\r\n"
                                  "Content-Type: a/b\r\nX-Other: 1\r\n");
    struct tg_opening_parts parts;
    struct tg_buffer text = { 0 };
    assert_int_equal(tg_opening_init_renewal(&parts, &config, &head, is_message, NULL), TG_OK);
    for (size_t i = 0; i < parts.opening.header_count; i++)
        tg_buffer_appendf(&text, "%.*s: %.*s|", (int)parts.opening.headers[i].name.length,
                          parts.opening.headers[i].name.data, (int)parts.opening.headers[i].value.length,
                          parts.opening.headers[i].value.data);
    tg_buffer_appendf(&text, "?%.*s", (int)parts.opening.query.length,
                      tg_text_or_empty(parts.opening.query.data));
    assert_string_equal(text.data, expected);
    tg_buffer_deinit(&text);
    tg_opening_deinit(&parts);
}

static void what_is_renewed_is_what_is_forwarded(void **state)
{
    (void)state;
    expect_renewal(false, "Authorization: Bearer x|Accept-Language: de|content-type: a/b|?token=t");
    expect_renewal(true, "Authorization: Bearer x|?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_there_in_their_order),
        cmocka_unit_test(no_fields_are_none),
        cmocka_unit_test(fields_of_a_name_are_joined),
        cmocka_unit_test(the_first_cookie_of_a_name_counts),
        cmocka_unit_test(codings_other_than_identity_are_seen),
        cmocka_unit_test(the_header_wins_over_the_query),
        cmocka_unit_test(without_configuration_there_is_no_identity),
        cmocka_unit_test(identity_is_the_digest_of_what_is_configured),
        cmocka_unit_test(who_lacks_it_or_has_nothing_in_it_is_nobody),
        cmocka_unit_test(an_identity_header_that_comes_twice_is_refused),
        cmocka_unit_test(a_single_value_is_the_key),
        cmocka_unit_test(different_values_make_different_keys),
        cmocka_unit_test(a_session_takes_along_what_is_configured),
        cmocka_unit_test(nothing_goes_along_unless_it_is_configured),
        cmocka_unit_test(what_is_shared_knows_nothing_of_a_client),
        cmocka_unit_test(what_is_renewed_is_what_is_forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
