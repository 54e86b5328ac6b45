/* Links that ask again and again: each answer that brings something new is a message.
 *
 *     ┌─► request ─► head ─► body ─► its end: is it news? ─► message ─► progress ─┐
 *     │     └─► no good status, no connection: on_end      └─► no: heard ─────────┤
 *     └───────────────────────────── wait ◄───────────────────────────────────────┘
 *
 * The first good answer opens the link. What the next request says (validators, cursor) is remembered only after the
 * message was handed over: who is cut off between the two gets it twice rather than never. */
#include "content.h"
#include "link_http.h"
#include "poll_cursor.h"
#include "poll_pace.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(TG_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "the digest is SHA-256");

static const char long_cursor[] = "a cursor that is too long for a query";

struct poll_link {
    struct link_http base;
    struct tg_worker *worker;
    struct tg_target target;
    struct tg_timer *next; /* the next request, or the end when there cannot be one */
    bool is_overdue;       /* that request, held back */
    uint64_t started_ms;   /* the request */
    bool has_connected;    /* at least once */
    bool reconnects;       /* the backend keeps no connection: each request waits for its turn to make one */
    struct tg_pass pass;

    /* the answer */
    enum tg_content content;
    bool has_message; /* its status allows for one */
    unsigned status;
    struct tg_buffer page_type; /* its Content-Type, when that says that it is a web page */
    bool is_oversize, is_out_of_memory;
    struct tg_buffer etag, last_modified;
    struct tg_buffer body;
};

static void forget_answer(struct poll_link *link)
{
    tg_buffer_deinit(&link->etag);
    tg_buffer_deinit(&link->last_modified);
    tg_buffer_deinit(&link->page_type);
    tg_buffer_deinit(&link->body);
    link->has_message = link->is_oversize = link->is_out_of_memory = false;
}

static void free_link(struct poll_link *link)
{
    link_http_deinit(&link->base);
    tg_pass_give_up(&link->pass);
    tg_timer_free(link->next);
    tg_target_deinit(&link->target);
    forget_answer(link);
    free(link);
}

static void close_link(struct tg_link *base, unsigned code)
{
    struct poll_link *link = TG_CONTAINER_OF(base, struct poll_link, base.link);

    (void)code;
    link->base.is_closed = true;
    if (!link->base.is_busy)
        free_link(link);
}

static void end(struct poll_link *link)
{
    link->base.handler->on_end(link->base.arg, &link->base.end);
    free_link(link);
}

/* ---- what an answer brings -------------------------------------------------------------------- */

static struct tg_str text_of(const struct poll_link *link)
{
    return tg_content_without_mark(tg_buffer_view(&link->body));
}

static void replace(struct tg_buffer *known, struct tg_buffer *taken)
{
    tg_buffer_deinit(known);
    *known = *taken;
    *taken = (struct tg_buffer){ 0 };
}

static bool fits_query(const struct poll_link *link, struct tg_str cursor)
{
    const char *query = link->base.config->cursor.query;
    struct tg_buffer path = { 0 };
    bool fits =
        !query || tg_poll_cursor_add_to_path(&path, link->target.path, query, cursor) != TG_ERR_TOO_LARGE;

    tg_buffer_deinit(&path);
    return fits;
}

/* Moves the cursor on. True: the next request is another one. A cursor with which there could be none is not taken: so
 * the backend is asked again, from where it was. */
static bool move_cursor(struct poll_link *link)
{
    struct tg_progress *progress = link->base.progress;
    const struct tg_config_cursor *config = &link->base.config->cursor;
    struct tg_buffer cursor = { 0 };
    bool is_number = false;

    progress->cursor_finds = NULL;
    if (!config->from ||
        tg_poll_cursor_read(config, text_of(link), &cursor, &is_number, &progress->cursor_finds) < 0)
        return false;
    if (!fits_query(link, tg_buffer_view(&cursor))) {
        link_set_verdict(&link->base, TG_REASON_PROTOCOL, long_cursor);
        tg_buffer_deinit(&cursor);
        return false;
    }
    bool is_same = tg_str_equals(tg_buffer_view(&cursor), tg_buffer_view(&progress->cursor)) &&
                   is_number == progress->is_cursor_number;
    if (is_same) {
        tg_buffer_deinit(&cursor);
    } else {
        replace(&progress->cursor, &cursor);
        progress->is_cursor_number = is_number;
    }
    return !is_same;
}

static void tell_of_cursor(struct poll_link *link)
{
    const char *finds = link->base.progress->cursor_finds;

    if (finds && !link->base.is_closed)
        link->base.handler->on_cursor_missing(link->base.arg, finds);
}

/* Validators are those of one request: another one has none yet. */
static void note_validators(struct poll_link *link, bool is_other_request)
{
    struct tg_progress *progress = link->base.progress;

    if (is_other_request) {
        tg_buffer_deinit(&link->etag);
        tg_buffer_deinit(&link->last_modified);
    }
    replace(&progress->etag, &link->etag);
    replace(&progress->last_modified, &link->last_modified);
}

static bool is_binary(const struct poll_link *link)
{
    if (link->content == TG_CONTENT_UNKNOWN)
        return !tg_utf8_is_valid(link->body.data, link->body.length);
    return link->content == TG_CONTENT_BINARY;
}

static void give_body(struct poll_link *link)
{
    struct tg_progress *progress = link->base.progress;
    unsigned char digest[TG_DIGEST_BYTES];

    SHA256((const unsigned char *)link->body.data, link->body.length, digest);
    if (progress->has_digest && memcmp(progress->digest, digest, sizeof(digest)) == 0) {
        note_validators(link, false);
        link->base.handler->on_heard(link->base.arg);
        tell_of_cursor(link);
        return;
    }
    bool has_text = !is_binary(link);
    struct tg_str bytes = has_text ? text_of(link) : tg_buffer_view(&link->body);
    const struct tg_message message = { .bytes = bytes.data, .length = bytes.length, .is_binary = !has_text };
    link->base.handler->on_message(link->base.arg, &message);
    memcpy(progress->digest, digest, sizeof(digest));
    progress->has_digest = true;
    note_validators(link, move_cursor(link));
    tell_of_cursor(link);
}

/* A login page, say, that a server sends instead of an error. JSON that is labelled as HTML is none. */
static bool is_page(const struct poll_link *link)
{
    return link->page_type.length > 0 && tg_content_looks_like_page(text_of(link));
}

/* A complete and good answer, or as much of it as was wanted. */
static void take_answer(struct poll_link *link)
{
    if (is_page(link)) {
        link_refuse_type(&link->base, link->status, tg_buffer_view(&link->page_type), "an answer to a poll");
        return;
    }
    link_tell_open(&link->base);
    if (link->base.is_closed)
        return;
    if (link->is_out_of_memory) {
        link->base.handler->on_dropped(link->base.arg, false);
    } else if (link->is_oversize) {
        note_validators(link, false); /* it need not come again */
        link->base.handler->on_dropped(link->base.arg, true);
    } else if (link->has_message && link->body.length > 0) {
        give_body(link);
    } else {
        link->base.handler->on_heard(link->base.arg);
    }
}

/* ---- the exchange ----------------------------------------------------------------------------- */

static bool on_head(void *arg, const struct tg_http_answer *answer)
{
    struct poll_link *link = arg;

    if (answer->status / 100 != 2 && answer->status != 304) {
        link_refuse_status(&link->base, answer);
        return false;
    }
    link->has_message = answer->status != 304 && answer->status != 204 && answer->status != 205;
    link->status = answer->status;
    link->content = tg_content_of(answer->content_type);
    if (tg_content_is_page(answer->content_type) && !link_accepts_type(&link->base, answer->content_type))
        tg_buffer_append(&link->page_type, answer->content_type.data, answer->content_type.length);
    tg_buffer_append(&link->etag, answer->etag.data, answer->etag.length);
    tg_buffer_append(&link->last_modified, answer->last_modified.data, answer->last_modified.length);
    return true;
}

static bool on_body(void *arg, const char *bytes, size_t length)
{
    struct poll_link *link = arg;
    size_t max_bytes = (size_t)link->base.config->max_message_bytes;

    link->is_oversize = length > max_bytes - link->body.length;
    if (!link->is_oversize)
        link->is_out_of_memory = tg_buffer_append(&link->body, bytes, length) < 0;
    if (!link->is_oversize && !link->is_out_of_memory)
        return true;
    tg_buffer_deinit(&link->body);
    return false;
}

static void on_redirect(void *arg, const char *host)
{
    struct poll_link *link = arg;

    link->base.handler->on_redirect(link->base.arg, host);
}

static void schedule(struct poll_link *link, bool is_too_much)
{
    uint64_t taken_ms = tg_worker_now_ms(link->worker) - link->started_ms;

    tg_timer_start(link->next, tg_poll_wait_ms(link->base.config, taken_ms, is_too_much, tg_random_below));
}

static void on_end(void *arg, const struct tg_http_end *http_end)
{
    struct poll_link *link = arg;

    link->base.exchange = NULL;
    link->reconnects = http_end->had_to_connect && link->has_connected;
    link->has_connected = link->has_connected || http_end->had_to_connect;
    if (!link->base.has_verdict && http_end->reason != TG_REASON_NONE)
        link_set_verdict(&link->base, http_end->reason, http_end->detail);
    link->base.end.target = http_end->target;
    if (link->base.has_verdict) {
        end(link);
        return;
    }
    link->base.is_busy = true;
    take_answer(link);
    link->base.is_busy = false;
    if (link->base.is_closed) {
        free_link(link);
        return;
    }
    if (link->base.has_verdict) {
        end(link);
        return;
    }
    bool is_too_much = link->is_oversize || link->is_out_of_memory;
    link->base.end.target = NULL; /* it goes with the exchange */
    forget_answer(link);
    schedule(link, is_too_much);
}

static const struct tg_http_handler http_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_redirect = on_redirect,
    .on_end = on_end,
};

/* ---- the request ------------------------------------------------------------------------------ */

/* Writes the path and the body with the cursor, as far as it is put there. */
static enum tg_err write_cursor(const struct poll_link *link, struct tg_buffer *path, struct tg_buffer *body)
{
    const struct tg_config_upstream *config = link->base.config;
    const struct tg_progress *progress = link->base.progress;
    bool is_initial = progress->cursor.length == 0;
    struct tg_str cursor =
        is_initial ? tg_str_from(config->cursor.initial) : tg_buffer_view(&progress->cursor);

    if (!config->cursor.from || cursor.length == 0)
        return TG_OK;
    if (config->cursor.query)
        return tg_poll_cursor_add_to_path(path, link->target.path, config->cursor.query, cursor);
    if (config->cursor.body)
        return tg_poll_cursor_add_to_body(body, (struct tg_str){ config->body.bytes, config->body.length },
                                          config->cursor.body, cursor,
                                          !is_initial && progress->is_cursor_number);
    return TG_OK;
}

/* Path and body are empty: as configured. */
static void start_exchange(struct poll_link *link, const struct tg_buffer *path, const struct tg_buffer *body)
{
    const struct tg_config_upstream *config = link->base.config;
    const struct tg_progress *progress = link->base.progress;
    struct link_headers headers = { 0 };
    struct tg_target target = link->target;
    bool is_post = config->method == TG_CONFIG_POST;

    if (path->length > 0)
        target.path = path->data;
    if (!is_post) { /* a POST with validators means something else, RFC 9110 section 13.1 */
        link_headers_add(&headers, "If-None-Match", progress->etag.data);
        link_headers_add(&headers, "If-Modified-Since", progress->last_modified.data);
    }
    const struct tg_http_request request = {
        .config = config,
        .target = &target,
        .caller = link->base.caller,
        .headers = headers.list,
        .is_post = is_post,
        .body = body->length > 0 ? tg_buffer_view(body)
                                 : (struct tg_str){ config->body.bytes, config->body.length },
        .content_type = config->content_type,
        .head_timeout_ms = tg_poll_timeout_ms(config),
        .body_timeout_ms = tg_poll_timeout_ms(config),
    };
    link->base.exchange = tg_http_start(link->base.http, &request, &http_handler, link);
}

static void ask(struct poll_link *link)
{
    struct tg_buffer path = { 0 }, body = { 0 };
    enum tg_err err = write_cursor(link, &path, &body);

    link->started_ms = tg_worker_now_ms(link->worker);
    if (err == TG_OK)
        start_exchange(link, &path, &body);
    if (err == TG_ERR_TOO_LARGE)
        link_set_verdict(&link->base, TG_REASON_PROTOCOL, long_cursor);
    else if (!link->base.exchange)
        link_set_verdict(&link->base, TG_REASON_CONNECT, "no memory for a request");
    if (link->base.has_verdict)
        tg_timer_start(link->next, 0);
    tg_buffer_deinit(&path);
    tg_buffer_deinit(&body);
}

static void ask_with(struct tg_link *base, const struct tg_config_upstream *config,
                     const struct tg_target *target)
{
    struct poll_link *link = TG_CONTAINER_OF(base, struct poll_link, base.link);

    link->base.config = config;
    tg_target_deinit(&link->target);
    tg_target_copy(&link->target, target);
    ask(link);
}

static void on_due(void *arg)
{
    struct poll_link *link = arg;

    if (link->base.handler->on_due)
        link->base.handler->on_due(link->base.arg);
    else
        ask(link);
}

static void on_next(void *arg)
{
    struct poll_link *link = arg;

    if (link->base.has_verdict)
        end(link);
    else if (link->base.is_held)
        link->is_overdue = true;
    else if (!link->reconnects ||
             tg_pass_ask(&link->pass, link->base.caller, link->target.host, link->target.port, on_due, link))
        on_due(link);
}

/* An answer is a message: to hold back means not to ask. */
static void hold(struct tg_link *base, bool is_held)
{
    struct poll_link *link = TG_CONTAINER_OF(base, struct poll_link, base.link);

    link->base.is_held = is_held;
    if (is_held || !link->is_overdue)
        return;
    link->is_overdue = false;
    tg_timer_start(link->next, 0);
}

struct tg_link *tg_link_new_poll(const struct tg_link_options *options)
{
    static const struct tg_link_ops ops = { .close = close_link, .hold = hold, .ask = ask_with };
    struct poll_link *link = tg_alloc(sizeof(*link));

    link_http_init(&link->base, options, &ops);
    link->worker = options->worker;
    tg_target_copy(&link->target, options->target);
    link->next = tg_timer_new(options->worker, on_next, link);
    ask(link);
    return &link->base.link;
}
