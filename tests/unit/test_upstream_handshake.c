/* The opening handshake: the request by the letter, and answers, wherever they are cut. */
#include "upstream/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The example of RFC 6455 section 1.3. */
static const unsigned char nonce[] = "the sample nonce";
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define GOOD SWITCHING UPGRADE ACCEPT

static char *offered[] = { (char *)"quotes.v1", (char *)"b", NULL };

/* ---- the request ------------------------------------------------------------------------------- */

static char *written(const struct tg_config_upstream *config, bool is_foreign)
{
    struct tg_target target = { .host = (char *)"legacy.internal",
                                .port = 9000,
                                .path = (char *)"/feed?a=b" };
    const struct tg_handshake_request request = {
        .target = &target, .config = config, .is_foreign = is_foreign, .nonce = nonce
    };
    struct tg_buffer out = { 0 };

    assert_int_equal(tg_handshake_write(&out, &request), TG_OK);
    return out.data;
}

#define START                                                                                                \
    "GET /feed?a=b HTTP/1.1\r\nHost: legacy.internal:9000\r\nUpgrade: websocket\r\nConnection: "             \
    "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void the_request_is_what_the_rfc_wants(void **state)
{
    char *text = written(&(struct tg_config_upstream){ 0 }, false);

    (void)state;
    assert_string_equal(text, START "\r\n");
    free(text);
}

static void the_request_carries_what_is_configured(void **state)
{
    struct tg_config_header headers[] = { { (char *)"X-One", (char *)"1" },
                                          { (char *)"Cookie", (char *)"c" },
                                          { NULL, NULL } };
    struct tg_config_upstream config = {
        .subprotocols = offered,
        .headers = headers,
        .origin = (char *)"https://app.example",
        .basic_user = (char *)"u",
        .basic_password = (char *)"p:w",
    };
    char *text = written(&config, false);

    (void)state;
    assert_string_equal(text, START "Sec-WebSocket-Protocol: quotes.v1, b\r\nOrigin: https://app.example\r\n"
                                    "X-One: 1\r\nCookie: c\r\nAuthorization: Basic dTpwOnc=\r\n\r\n");
    free(text);
    config.basic_user = NULL;
    config.bearer = (char *)"tok";
    text = written(&config, false);
    assert_non_null(strstr(text, "\r\nAuthorization: Bearer tok\r\n\r\n"));
    free(text);
    text = written(&config, true);
    assert_string_equal(text,
                        START "Sec-WebSocket-Protocol: quotes.v1, b\r\nOrigin: https://app.example\r\n\r\n");
    free(text);
}

static void the_longest_host_fits(void **state)
{
    char name[TG_TARGET_HOST_MAX + 1] = { 0 };
    struct tg_target target = { .host = name, .port = 65535, .path = (char *)"/" };
    const struct tg_config_upstream config = { 0 };
    const struct tg_handshake_request request = { .target = &target, .config = &config, .nonce = nonce };
    struct tg_buffer out = { 0 };
    char expected[sizeof(name) + 32];

    (void)state;
    memset(name, 'h', sizeof(name) - 1);
    snprintf(expected, sizeof(expected), "Host: %s:65535\r\n", name);
    assert_int_equal(tg_handshake_write(&out, &request), TG_OK);
    assert_non_null(strstr(out.data, expected));
    tg_buffer_deinit(&out);
}

/* ---- the answer -------------------------------------------------------------------------------- */

/* Reads in blocks that are copies of their own; what is left unread goes to *ret_left. */
static enum tg_handshake_state read_in_steps(struct tg_handshake *handshake, const char *bytes, size_t length,
                                             size_t first, size_t step, size_t *ret_left)
{
    enum tg_handshake_state state = TG_HANDSHAKE_MORE;
    size_t at = 0, size = first;

    while (at < length && state == TG_HANDSHAKE_MORE) {
        if (size > length - at)
            size = length - at;
        char *copy = malloc(size);
        struct tg_str block = { copy, size };
        memcpy(copy, bytes + at, size);
        state = tg_handshake_read(handshake, &block);
        at += size - block.length;
        free(copy);
        size = step;
    }
    *ret_left = length - at;
    return state;
}

static void same(const char *a, const char *b)
{
    if (a && b)
        assert_string_equal(a, b);
    else
        assert_true(a == b);
}

/* The outcome is the same wherever the bytes are cut. */
static struct tg_handshake answer(char *const *subprotocols, const char *bytes, size_t length,
                                  enum tg_handshake_state expected, size_t left)
{
    struct tg_handshake whole, cut;
    size_t got_left;

    tg_handshake_init(&whole, nonce, subprotocols);
    assert_int_equal(read_in_steps(&whole, bytes, length, length, length, &got_left), expected);
    if (expected != TG_HANDSHAKE_BROKEN)
        assert_int_equal(got_left, left);
    for (size_t first = 1; first <= length; first++) {
        tg_handshake_init(&cut, nonce, subprotocols);
        size_t step = first == length ? 1 : length; /* the last time byte by byte */
        assert_int_equal(read_in_steps(&cut, bytes, length, first == length ? 1 : first, step, &got_left),
                         expected);
        if (expected != TG_HANDSHAKE_BROKEN)
            assert_int_equal(got_left, left);
        assert_int_equal(cut.status, whole.status);
        same(cut.location, whole.location);
        same(cut.retry_after, whole.retry_after);
        same(cut.error, whole.error);
        tg_handshake_deinit(&cut);
    }
    return whole;
}

static void opens(char *const *subprotocols, const char *text, size_t left)
{
    struct tg_handshake handshake = answer(subprotocols, text, strlen(text), TG_HANDSHAKE_OPEN, left);

    tg_handshake_deinit(&handshake);
}

static void breaks(char *const *subprotocols, const char *bytes, size_t length, const char *error)
{
    struct tg_handshake handshake = answer(subprotocols, bytes, length, TG_HANDSHAKE_BROKEN, 0);

    assert_string_equal(handshake.error, error);
    tg_handshake_deinit(&handshake);
}

static void refuses(const char *text, const char *error)
{
    breaks(NULL, text, strlen(text), error);
}

static void a_good_answer_opens(void **state)
{
    (void)state;
    opens(NULL, GOOD "\r\n", 0);
    opens(NULL, GOOD "\r\nframes", 6);
    opens(NULL, GOOD "\r\n\r\n\r\n", 4);
    opens(NULL, "HTTP/1.1 101\r\n" UPGRADE ACCEPT "\r\n", 0);
    opens(NULL, "HTTP/1.1 101 \r\n" UPGRADE ACCEPT "\r\n", 0);
    opens(NULL,
          SWITCHING "upgrade:h2c , WebSocket\t\r\nCONNECTION: \t keep-alive,UPGRADE\r\n" ACCEPT
                    "Date: today\r\nX-Empty:\r\n\r\n",
          0);
    opens(NULL,
          SWITCHING
          "Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: close\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
          0);
    opens(offered, GOOD "\r\n", 0);
    opens(offered, GOOD "Sec-WebSocket-Protocol: b\r\n\r\n", 0);
    opens(NULL, GOOD "X-Latin: \xe4\xff\r\n\r\n", 0);
}

static void informational_answers_are_skipped(void **state)
{
    (void)state;
    opens(NULL,
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nUpgrade: x\r\nLocation: /a\r\n\r\n" GOOD
          "\r\nf",
          1);
    struct tg_handshake handshake =
        answer(NULL, "HTTP/1.1 103 X\r\nLocation: /a\r\nRetry-After: 1\r\n\r\nHTTP/1.1 403 No\r\n\r\n",
               strlen("HTTP/1.1 103 X\r\nLocation: /a\r\nRetry-After: 1\r\n\r\nHTTP/1.1 403 No\r\n\r\n"),
               TG_HANDSHAKE_OTHER, 0);
    assert_int_equal(handshake.status, 403);
    assert_null(handshake.location);
    assert_null(handshake.retry_after);
    tg_handshake_deinit(&handshake);
}

static void an_upgrade_must_be_the_one_that_was_asked_for(void **state)
{
    (void)state;
    refuses(SWITCHING "Connection: Upgrade\r\n" ACCEPT "\r\n", "Upgrade: not to websocket");
    refuses(SWITCHING "Upgrade: websocketx, x websocket\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
            "Upgrade: not to websocket");
    refuses(SWITCHING "Upgrade: websocket\r\n" ACCEPT "\r\n", "Connection: not upgrade");
    refuses(SWITCHING "Upgrade: websocket\r\nConnection: keep-alive\r\n" ACCEPT "\r\n",
            "Connection: not upgrade");
    refuses(SWITCHING UPGRADE "\r\n", "Sec-WebSocket-Accept: missing");
    refuses(SWITCHING UPGRADE ACCEPT ACCEPT "\r\n", "Sec-WebSocket-Accept: more than one");
    refuses(SWITCHING UPGRADE "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "Sec-WebSocket-Accept: wrong");
    refuses(SWITCHING UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=,\r\n\r\n",
            "Sec-WebSocket-Accept: wrong");
    refuses(SWITCHING UPGRADE "Sec-WebSocket-Accept:\r\n\r\n", "Sec-WebSocket-Accept: wrong");
    refuses(GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            "Sec-WebSocket-Extensions: none was offered");
    refuses(GOOD "Sec-WebSocket-Protocol: b\r\n\r\n", "Sec-WebSocket-Protocol: not offered");
    refuses("HTTP/1.0 101 X\r\n" UPGRADE ACCEPT "\r\n", "an upgrade by HTTP/1.0");
}

static void a_subprotocol_must_be_one_of_ours(void **state)
{
    static const char *const bad[] = { "c", "quo", "B", "b, quotes.v1", "" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        char text[512];
        snprintf(text, sizeof(text), GOOD "Sec-WebSocket-Protocol: %s\r\n\r\n", bad[i]);
        breaks(offered, text, strlen(text), "Sec-WebSocket-Protocol: not offered");
    }
    const char twice[] = GOOD "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Protocol: b\r\n\r\n";
    breaks(offered, twice, strlen(twice), "Sec-WebSocket-Protocol: more than one");
}

static void the_head_is_http_by_the_letter(void **state)
{
    (void)state;
    refuses("HTTP/2 101 X\r\n", "not an HTTP/1.1 status line");
    refuses("http/1.1 101 X\r\n", "not an HTTP/1.1 status line");
    refuses("SSH-2.0-x\r\n", "not an HTTP/1.1 status line");
    refuses("\r\n" GOOD "\r\n", "not an HTTP/1.1 status line");
    refuses("HTTP/1.1  101 X\r\n", "not an HTTP/1.1 status line");
    refuses("HTTP/1.1 1010 X\r\n", "not an HTTP/1.1 status line");
    refuses("HTTP/1.1 099 X\r\n", "not an HTTP/1.1 status line");
    refuses("HTTP/1.1 10a X\r\n", "not an HTTP/1.1 status line");
    refuses("HTTP/1.1\r\n", "not an HTTP/1.1 status line");
    refuses("HTTP/1.\r\n", "not an HTTP/1.1 status line");
    refuses(SWITCHING "Upgrade: websocket\n", "a line that does not end in CRLF");
    refuses(SWITCHING "Upgrade: web\rsocket\r\n", "a line that does not end in CRLF");
    refuses(SWITCHING "X: a\x01\r\n", "a control character");
    refuses(SWITCHING "X: a\x7f\r\n", "a control character");
    breaks(NULL, "HTTP/1.1 101 \0", 14, "a control character");
    refuses(SWITCHING "X: a\r\n b\r\n", "a header line that goes on in the next");
    refuses(SWITCHING "\tX: a\r\n", "a header line that goes on in the next");
    refuses(SWITCHING "X : a\r\n", "a header line without a name");
    refuses(SWITCHING ": a\r\n", "a header line without a name");
    refuses(SWITCHING "Xa\r\n", "a header line without a name");
    refuses(SWITCHING "X\xc3\xa4: a\r\n", "a header line without a name");
}

static void a_head_has_a_limit(void **state)
{
    struct tg_handshake handshake;
    const char line[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
    const char start[] = "HTTP/1.1 100 X\r\n\r\n" SWITCHING;
    struct tg_buffer text = { 0 };
    size_t left;

    (void)state;
    tg_buffer_append_str(&text, start);
    while (text.length <= TG_HANDSHAKE_HEAD_MAX)
        tg_buffer_append_str(&text, line);
    tg_handshake_init(&handshake, nonce, NULL);
    assert_int_equal(read_in_steps(&handshake, text.data, TG_HANDSHAKE_HEAD_MAX, 1000, 1000, &left),
                     TG_HANDSHAKE_MORE);
    assert_int_equal(read_in_steps(&handshake, "x", 1, 1, 1, &left), TG_HANDSHAKE_BROKEN);
    assert_string_equal(handshake.error, "a head of more than 16 KiB");
    tg_handshake_deinit(&handshake);
    tg_buffer_deinit(&text);
}

static struct tg_handshake other(const char *text, size_t left)
{
    return answer(NULL, text, strlen(text), TG_HANDSHAKE_OTHER, left);
}

static void other_answers_are_told(void **state)
{
    struct tg_handshake handshake = other(
        "HTTP/1.1 503 Later\r\nRetry-After:  7 \r\nRetry-After: 9\r\nSec-WebSocket-Extensions: x\r\n\r\nbody",
        4);

    (void)state;
    assert_int_equal(handshake.status, 503);
    assert_string_equal(handshake.retry_after, "7");
    tg_handshake_deinit(&handshake);
    handshake = other("HTTP/1.0 302 Found\r\nlocation: /next?a=b\r\n\r\n", 0);
    assert_int_equal(handshake.status, 302);
    assert_string_equal(handshake.location, "/next?a=b");
    assert_false(handshake.is_location_doubtful);
    tg_handshake_deinit(&handshake);
    handshake = other("HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n", 0);
    assert_true(handshake.is_location_doubtful);
    tg_handshake_deinit(&handshake);
    handshake = other("HTTP/1.1 200 OK\r\n\r\n", 0);
    assert_null(handshake.location);
    tg_handshake_deinit(&handshake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_what_the_rfc_wants),
        cmocka_unit_test(the_request_carries_what_is_configured),
        cmocka_unit_test(the_longest_host_fits),
        cmocka_unit_test(a_good_answer_opens),
        cmocka_unit_test(informational_answers_are_skipped),
        cmocka_unit_test(an_upgrade_must_be_the_one_that_was_asked_for),
        cmocka_unit_test(a_subprotocol_must_be_one_of_ours),
        cmocka_unit_test(the_head_is_http_by_the_letter),
        cmocka_unit_test(a_head_has_a_limit),
        cmocka_unit_test(other_answers_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
