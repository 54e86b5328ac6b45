/* The HTTP client towards backends: answers, good and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <zlib.h>

#include "http_fixture.h"
#include "http_names.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define BYTES(text) .answer = (text), .length = sizeof(text) - 1

const struct backend_route fixture_routes[] = {
    { "/length", .answer =
                     OK "Content-Type: text/plain; charset=utf-8\r\nETag: W/\"e 1\"\r\nRetry-After: 7\r\n"
                        "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Length: 5\r\n\r\nhello" },
    { "/chunked", .answer =
                      OK "Trailer: ETag\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n"
                         "ETag: \"late\"\r\n\r\n" },
    { "/close", .answer = OK "\r\nhello", .then = BACKEND_CLOSES },
    { "/http10", .answer = "HTTP/1.0 200 OK\r\n\r\nhello", .then = BACKEND_CLOSES },
    { "/empty", .answer = OK "Content-Length: 0\r\n\r\n" },
    { "/gzip",
      BYTES(OK "Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n"
               "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00"
               "\x00\x00") },
    { "/deflate", BYTES(OK "Content-Encoding: deflate\r\nContent-Length: 13\r\n\r\n"
                           "\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15") },
    { "/304", .answer = "HTTP/1.1 304 Not Modified\r\nETag: \"e1\"\r\nContent-Length: 5\r\n\r\n" },
    { "/204", .answer = "HTTP/1.1 204 No Content\r\n\r\n" },
    { "/503", .answer = "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 4\r\n\r\nbusy" },
    { "/early", .answer =
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: text/wrong\r\n"
                    "ETag: \"early\"\r\n\r\n" OK "Content-Length: 5\r\n\r\nhello" },
    { "/folded", .answer = OK "Content-Type: text/plain;\r\n charset=x\r\nContent-Length: 5\r\n\r\nhello" },

    { "/types",
      .answer =
          OK "Content-Type: text/html\r\nContent-Length: 5\r\ncontent-type: text/event-stream\r\n\r\nhello" },

    { "/nothing", .answer = "", .then = BACKEND_CLOSES },
    { "/cut-head", .answer = OK "Content-Le", .then = BACKEND_CLOSES },
    { "/cut", .answer = OK "Content-Length: 10\r\n\r\nhel", .then = BACKEND_CLOSES },
    { "/cut-chunks", .answer = CHUNKED "5\r\nhel", .then = BACKEND_CLOSES },
    { "/cut-end", .answer = CHUNKED "3\r\nhel\r\n", .then = BACKEND_CLOSES },
    { "/reset", .answer = OK "\r\nhel", .then = BACKEND_RESETS },
    { "/reset-at-once", .answer = "", .then = BACKEND_RESETS },
    { "/bad-chunk", .answer = CHUNKED "3\r\nhel\r\nxyz\r\n", .then = BACKEND_IS_SILENT },
    { "/not-http", .answer = "220 smtp.example ready\r\n", .then = BACKEND_IS_SILENT },
    { "/http09", .answer = "<html>hello</html>", .then = BACKEND_CLOSES },
    { "/no-colon", .answer = OK "this is no header\r\n\r\n", .then = BACKEND_IS_SILENT },
    { "/nul", BYTES(OK "X: a\0b\r\n\r\n"), .then = BACKEND_IS_SILENT },
    { "/switch", .answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello",
      .then = BACKEND_IS_SILENT },
    { "/bad-gzip", .answer = OK "Content-Encoding: gzip\r\nContent-Length: 18\r\n\r\nthis is not gzip!!" },
    { "/bad-coding", .answer = OK "Content-Encoding: rot13\r\nContent-Length: 5\r\n\r\nhello" },

    { "/silent", .answer = "", .then = BACKEND_IS_SILENT },
    { "/waits", .answer = "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-", .then = BACKEND_IS_SILENT },
    { "/slow", .answer = OK "Content-Length: 10\r\n\r\nhel", .then = BACKEND_IS_SILENT },
    { 0 },
};

static void ask(struct fixture *f, struct call *call, const char *path)
{
    init(f, call, path);
    call_run(call);
    assert_int_equal(call->ends, 1);
}

static void expect(struct fixture *f, const char *path, unsigned status, const char *body)
{
    struct call call;

    ask(f, &call, path);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_string_equal(call.detail, "");
    assert_int_equal(call.heads, 1);
    assert_int_equal(call.status, status);
    assert_string_equal(call_body(&call), body);
    call_deinit(&call);
}

static void expect_failure(struct fixture *f, const char *path, enum tg_upstream_reason reason,
                           const char *body)
{
    struct call call;

    ask(f, &call, path);
    if (call.reason != reason)
        print_message("%s: %s\n", path, call.detail);
    assert_int_equal(call.reason, reason);
    assert_true(call.detail[0] != '\0');
    assert_string_not_equal(call.detail, "No error");
    assert_string_equal(call_body(&call), body);
    call_deinit(&call);
}

static void bodies_come_without_their_codings(void **state)
{
    struct fixture *f = *state;

    expect(f, "/length", 200, "hello");
    expect(f, "/chunked", 200, "hello");
    expect(f, "/close", 200, "hello");
    expect(f, "/http10", 200, "hello");
    expect(f, "/gzip", 200, "hello");
    expect(f, "/deflate", 200, "hello");
    expect(f, "/folded", 200, "hello");
    expect(f, "/empty", 200, "");
}

static void answers_without_a_body_end_at_once(void **state)
{
    struct fixture *f = *state;

    expect(f, "/304", 304, "");
    expect(f, "/204", 204, "");
}

static void any_status_is_an_answer(void **state)
{
    struct fixture *f = *state;
    struct call call;

    expect(f, "/404", 404, "");
    ask(f, &call, "/503");
    assert_int_equal(call.status, 503);
    assert_int_equal(call.retry_after_ms, 2000);
    assert_string_equal(call_body(&call), "busy");
    call_deinit(&call);
}

static void the_head_is_handed_over(void **state)
{
    struct fixture *f = *state;
    struct call call;

    ask(f, &call, "/length");
    assert_string_equal(call.content_type, "text/plain; charset=utf-8");
    assert_string_equal(call.etag, "W/\"e 1\"");
    assert_string_equal(call.last_modified, "Sat, 21 Nov 2026 10:00:00 GMT");
    assert_int_equal(call.retry_after_ms, 7000);
    call_deinit(&call);

    ask(f, &call, "/types");
    assert_string_equal(call.content_type, "text/html, text/event-stream");
    call_deinit(&call);

    ask(f, &call, "/empty");
    assert_string_equal(call.content_type, "");
    assert_string_equal(call.etag, "");
    assert_int_equal(call.retry_after_ms, 0);
    call_deinit(&call);
}

static void neither_informational_answers_nor_trailers_count(void **state)
{
    struct fixture *f = *state;
    struct call call;

    ask(f, &call, "/early");
    assert_int_equal(call.heads, 1);
    assert_int_equal(call.status, 200);
    assert_string_equal(call.content_type, "");
    assert_string_equal(call.etag, "");
    assert_string_equal(call_body(&call), "hello");
    call_deinit(&call);

    ask(f, &call, "/chunked");
    assert_int_equal(call.heads, 1);
    assert_string_equal(call.etag, "");
    call_deinit(&call);
}

static void an_answer_that_breaks_off_was_closed(void **state)
{
    struct fixture *f = *state;

    expect_failure(f, "/nothing", TG_REASON_CLOSED, "");
    expect_failure(f, "/reset-at-once", TG_REASON_CLOSED, "");
    expect_failure(f, "/cut-head", TG_REASON_CLOSED, "");
    expect_failure(f, "/cut", TG_REASON_CLOSED, "hel");
    expect_failure(f, "/cut-chunks", TG_REASON_CLOSED, "hel");
    expect_failure(f, "/cut-end", TG_REASON_CLOSED, "hel");
    expect_failure(f, "/reset", TG_REASON_CLOSED, "hel");
}

static struct backend *resetting;

static void wait_for_reset(struct call *call)
{
    (void)call;
    backend_wait(resetting, &resetting->open, 0);
}

/* The descriptor is then readable and broken at once. */
static void what_lies_before_a_reset_is_read(void **state)
{
    struct fixture *f = *state;
    struct call call;
    struct tg_buffer answer = { 0 };

    tg_buffer_append_str(&answer, OK "\r\n");
    for (int i = 0; i < 12000; i++)
        tg_buffer_append_str(&answer, "0123456789");
    const struct backend_route large[] = { { "/large", answer.data, answer.length, BACKEND_RESETS }, { 0 } };
    f->backend.routes = large;
    resetting = &f->backend;
    init(f, &call, "/large");
    call.request.body_timeout_ms = CALL_PATIENCE_S / 2 * 1000;
    call.on_body = wait_for_reset;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_CLOSED);
    assert_true(call.body_bytes > 0);
    call_deinit(&call);
    tg_buffer_deinit(&answer);
}

static void what_is_no_proper_http_is_a_breach(void **state)
{
    struct fixture *f = *state;

    expect_failure(f, "/bad-chunk", TG_REASON_PROTOCOL, "hel");
    expect_failure(f, "/not-http", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/http09", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/no-colon", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/nul", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/switch", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/bad-gzip", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/bad-coding", TG_REASON_PROTOCOL, "");
}

static void a_head_without_end_is_a_breach(void **state)
{
    struct fixture *f = *state;
    struct tg_buffer many = { 0 }, early = { 0 }, longest = { 0 };

    tg_buffer_append_str(&many, OK);
    tg_buffer_append_str(&longest, OK "X: ");
    for (int i = 0; i < 4000; i++) {
        tg_buffer_appendf(&many, "X-%d: 0123456789012345678901234567890123456789\r\n", i);
        tg_buffer_append_str(&early, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
        tg_buffer_append_str(&longest, "01234567890123456789012345678901234567890123456789");
    }
    const struct backend_route endless[] = {
        { "/many", many.data, many.length, BACKEND_IS_SILENT },
        { "/early", early.data, early.length, BACKEND_IS_SILENT },
        { "/longest", longest.data, longest.length, BACKEND_IS_SILENT },
        { 0 },
    };
    f->backend.routes = endless;
    expect_failure(f, "/many", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/early", TG_REASON_PROTOCOL, "");
    expect_failure(f, "/longest", TG_REASON_PROTOCOL, "");
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
    tg_buffer_deinit(&many);
    tg_buffer_deinit(&early);
    tg_buffer_deinit(&longest);
}

static void expect_timeout(struct fixture *f, const char *path, uint64_t head_ms, uint64_t body_ms,
                           unsigned heads)
{
    struct call call;

    init(f, &call, path);
    call.request.head_timeout_ms = head_ms;
    call.request.body_timeout_ms = body_ms;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_TIMEOUT);
    assert_int_equal(call.heads, heads);
    assert_true(call.detail[0] != '\0');
    call_deinit(&call);
    assert_true(backend_wait(&f->backend, &f->backend.open, 0));
}

static void a_head_that_does_not_come_times_out(void **state)
{
    struct fixture *f = *state;

    expect_timeout(f, "/silent", 200, 0, 0);
    expect_timeout(f, "/waits", 200, 0, 0);
}

static void a_body_that_does_not_end_times_out(void **state)
{
    struct fixture *f = *state;

    expect_timeout(f, "/slow", CALL_PATIENCE_S * 1000, 200, 1);
}

static void a_body_may_take_longer_than_the_head(void **state)
{
    struct fixture *f = *state;
    struct call call, longer;

    init(f, &call, "/slow");
    call.request.head_timeout_ms = 3000;
    call_start(&call);
    await(&call.got_body);
    init(f, &longer, "/silent");
    longer.request.head_timeout_ms = 3300;
    call_run(&longer);
    assert_int_equal(longer.reason, TG_REASON_TIMEOUT);
    assert_int_equal(call.ends, 0);
    call_cancel(&call);
    await(&call.done);
    call_deinit(&call);
    call_deinit(&longer);
}

static void a_port_that_refuses_is_told(void **state)
{
    struct fixture *f = *state;
    struct call call;
    uint16_t port = 0;
    int fd = backend_bind(false, &port);

    assert_true(fd >= 0);
    call_init(&call, &f->caller, "127.0.0.1", port, "/?token=secret");
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_CONNECT);
    assert_true(call.detail[0] != '\0');
    assert_null(strstr(call.detail, "secret"));
    call_deinit(&call);
    close(fd);
}

static void a_name_that_does_not_exist_is_told(void **state)
{
    struct fixture *f = *state;
    struct call call;

    call_init(&call, &f->caller, "gone.test", f->backend.port, "/?token=secret");
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_DNS);
    assert_true(call.detail[0] != '\0');
    assert_null(strstr(call.detail, "secret"));
    call_deinit(&call);
}

/* 32 MiB of zeros, which gzip makes about 32 KB of. */
static void a_large_body_comes_in_pieces(void **state)
{
    enum { LARGE = 32 * 1024 * 1024 };
    struct fixture *f = *state;
    struct call call;
    struct tg_buffer answer = { 0 };
    char *zeros = tg_alloc(LARGE), *packed = tg_alloc(LARGE);
    z_stream z = { .next_in = (unsigned char *)zeros,
                   .avail_in = LARGE,
                   .next_out = (unsigned char *)packed,
                   .avail_out = LARGE };

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    tg_buffer_appendf(&answer, OK "Content-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n", z.total_out);
    tg_buffer_append(&answer, packed, z.total_out);
    deflateEnd(&z);
    free(zeros);
    free(packed);
    const struct backend_route large[] = { { "/large", answer.data, answer.length, BACKEND_GOES_ON }, { 0 } };
    f->backend.routes = large;
    init(f, &call, "/large");
    call.keeps_body = false;
    call_run(&call);
    assert_int_equal(call.reason, TG_REASON_NONE);
    assert_int_equal(call.body_bytes, LARGE);
    assert_true(call.largest_piece <= 64 * 1024);
    call_deinit(&call);
    tg_buffer_deinit(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bodies_come_without_their_codings),
        TEST(answers_without_a_body_end_at_once),
        TEST(any_status_is_an_answer),
        TEST(the_head_is_handed_over),
        TEST(neither_informational_answers_nor_trailers_count),
        TEST(an_answer_that_breaks_off_was_closed),
        TEST(what_lies_before_a_reset_is_read),
        TEST(what_is_no_proper_http_is_a_breach),
        TEST(a_head_without_end_is_a_breach),
        TEST(a_head_that_does_not_come_times_out),
        TEST(a_body_that_does_not_end_times_out),
        TEST(a_body_may_take_longer_than_the_head),
        TEST(a_port_that_refuses_is_told),
        TEST(a_name_that_does_not_exist_is_told),
        TEST(a_large_body_comes_in_pieces),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
