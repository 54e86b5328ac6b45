/* Links that are one long answer: text/event-stream, or JSON, line by line or framed otherwise.
 *
 *     request ─► head: is it what was asked for? ─► body ─► events, lines or texts ─► messages
 *                  └─► no: on_end with the status      └─► it ends: on_end
 *
 * How far an event stream has come is kept up to date in the progress, event by event. Lines have nothing of the kind:
 * what a backend says between two connections is lost, unless it repeats it. */
#include "content.h"
#include "json_framer.h"
#include "line_reader.h"
#include "link_http.h"
#include "retry_after.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOO_LARGE_HEAD = 431,     /* RFC 6585 section 5 */
    FIRST_LINE_MS = 5 * 1000, /* without a line end for so long, it may be framed otherwise */
};

struct lines_link {
    struct link_http base;
    struct tg_worker *worker;
    struct tg_timer *failure;    /* NULL but when there was no memory for the exchange */
    struct tg_timer *first_line; /* or NULL */
    bool is_sse;
    bool is_framed;     /* not by lines: `texts` */
    bool had_message;   /* in this block */
    bool has_messages;  /* in this answer */
    bool is_past_start; /* of lines: the first has come */
    union {
        struct tg_sse_parser sse;
        struct tg_line_reader lines;
        struct tg_json_framer texts;
    };
};

static void free_link(struct lines_link *link)
{
    link_http_deinit(&link->base);
    tg_timer_free(link->failure);
    tg_timer_free(link->first_line);
    if (link->is_sse)
        tg_sse_parser_deinit(&link->sse);
    else if (link->is_framed)
        tg_json_framer_deinit(&link->texts);
    else
        tg_line_reader_deinit(&link->lines);
    free(link);
}

/* The handler's calls are over. False: it has closed the link, which is gone now. */
static bool leave(struct lines_link *link)
{
    link->base.is_busy = false;
    if (!link->base.is_closed)
        return true;
    free_link(link);
    return false;
}

static void close_link(struct tg_link *base, unsigned code)
{
    struct lines_link *link = TG_CONTAINER_OF(base, struct lines_link, base.link);

    (void)code;
    link->base.is_closed = true;
    if (!link->base.is_busy)
        free_link(link);
}

static void hold(struct tg_link *base, bool is_held)
{
    link_hold(TG_CONTAINER_OF(base, struct link_http, link), is_held);
}

/* ---- messages --------------------------------------------------------------------------------- */

static void give(struct lines_link *link, const struct tg_message *message)
{
    link->had_message = link->has_messages = true;
    link->base.handler->on_message(link->base.arg, message);
}

/* Only what has been handed over counts. */
static void note_progress(struct lines_link *link)
{
    const struct tg_buffer *id = &link->sse.last_id;
    struct tg_buffer *known = &link->base.progress->last_event_id;

    link->base.progress->retry_ms = (uint64_t)link->sse.retry_ms;
    if (id->length == known->length && (id->length == 0 || memcmp(id->data, known->data, id->length) == 0))
        return;
    if (tg_buffer_reserve(known, id->length) < 0)
        return; /* the old one stays: rather twice than lost */
    tg_buffer_clear(known);
    tg_buffer_append(known, id->data, id->length);
}

static void on_event(void *arg, const struct tg_sse_event *event)
{
    struct lines_link *link = arg;
    const struct tg_message message = {
        .bytes = event->data.data,
        .length = event->data.length,
        .type = event->type,
        .id = event->has_own_id ? event->id : (struct tg_str){ "", 0 },
    };

    if (link->base.is_closed)
        return;
    give(link, &message);
    note_progress(link);
}

static void on_line(void *arg, struct tg_str line)
{
    struct lines_link *link = arg;

    if (!link->is_past_start)
        line = tg_content_without_mark(line);
    link->is_past_start = true;
    if (!link->base.is_closed && line.length > 0)
        give(link, &(struct tg_message){ .bytes = line.data, .length = line.length });
}

static void on_text(void *arg, struct tg_str text, bool is_cut)
{
    struct lines_link *link = arg;

    if (!link->base.is_closed)
        give(link, &(struct tg_message){
                       .bytes = text.data, .length = text.length, .is_json = true, .is_cut = is_cut });
}

static void on_no_line(void *arg)
{
    struct lines_link *link = arg;

    if (!link->lines.has_line_end)
        link->base.handler->on_no_line(link->base.arg);
}

static void on_dropped(void *arg, bool is_oversize)
{
    struct lines_link *link = arg;

    link->had_message = link->has_messages = true;
    if (!link->base.is_closed)
        link->base.handler->on_dropped(link->base.arg, is_oversize);
}

static void on_oversize(void *arg)
{
    on_dropped(arg, true);
}

/* ---- the exchange ----------------------------------------------------------------------------- */

/* Of an event stream an answer without a type may be one, and so may a plain text: many a server never says more. */
static bool is_accepted(const struct lines_link *link, struct tg_str type)
{
    static const char *const event_streams[] = { "text/event-stream", "text/plain", NULL };

    if (link_accepts_type(&link->base, type))
        return true;
    if (!link->is_sse)
        return !tg_content_is_page(type);
    return !tg_content_has_type(type) || tg_content_is_any(type, event_streams);
}

/* Whether the body will hold messages; else the verdict is set. */
static bool is_welcome(struct lines_link *link, const struct tg_http_answer *answer)
{
    bool is_good = link->is_sse ? answer->status == 200 : answer->status / 100 == 2 && answer->status != 205;

    if (answer->status == 204) {
        link_set_verdict(&link->base, TG_REASON_FINISHED, "");
        link->base.end.is_finished = true;
        link->base.end.status = answer->status;
        link->base.end.retry_after_ms = (uint64_t)link->base.config->reconnect_max_ms;
        return false;
    }
    if (!is_good) {
        if (answer->status == TOO_LARGE_HEAD) /* it may be the id, and would be again and again */
            tg_buffer_clear(&link->base.progress->last_event_id);
        link_refuse_status(&link->base, answer);
        return false;
    }
    if (is_accepted(link, answer->content_type))
        return true;
    link_refuse_type(&link->base, answer->status, answer->content_type,
                     link->is_sse ? "an event stream" : "JSON");
    return false;
}

static int64_t framing_of(const struct lines_link *link, struct tg_str type)
{
    static const char *const sequences[] = { "application/json-seq", NULL };
    int64_t framing = link->base.config->framing;

    if (framing != TG_FRAMING_AUTO)
        return framing;
    return tg_content_is_any(type, sequences) ? TG_FRAMING_JSON_SEQ : TG_FRAMING_LINES;
}

/* Only now it is known how the body is framed. */
static void init_framer(struct lines_link *link, int64_t framing)
{
    if (link->is_sse || framing == TG_FRAMING_LINES)
        return;
    tg_line_reader_deinit(&link->lines);
    link->is_framed = true;
    link->texts = (struct tg_json_framer){ .on_text = on_text,
                                           .on_dropped = on_dropped,
                                           .arg = link,
                                           .max_bytes = (size_t)link->base.config->max_message_bytes,
                                           .framing = (enum tg_config_framing)framing };
}

static bool on_head(void *arg, const struct tg_http_answer *answer)
{
    struct lines_link *link = arg;

    if (!is_welcome(link, answer))
        return false;
    init_framer(link, framing_of(link, answer->content_type));
    link->base.is_busy = true;
    link_tell_open(&link->base);
    return leave(link);
}

/* Lines are a guess here: when there is not one line end for a while, that is told, once. */
static void watch_first_line(struct lines_link *link)
{
    if (link->first_line || link->lines.has_line_end || link->base.config->framing != TG_FRAMING_AUTO)
        return;
    link->first_line = tg_timer_new(link->worker, on_no_line, link);
    tg_timer_start(link->first_line, FIRST_LINE_MS);
}

static enum tg_err feed(struct lines_link *link, const char *bytes, size_t length)
{
    enum tg_err err = TG_OK;

    if (link->is_sse) {
        err = tg_sse_parser_feed(&link->sse, bytes, length);
        if (!link->base.is_closed)
            note_progress(link);
        if (err < 0) {
            on_dropped(link, false);
            link_set_verdict(&link->base, TG_REASON_CLOSED, "no memory for an event");
        }
    } else if (link->is_framed) {
        err = tg_json_framer_feed(&link->texts, bytes, length);
        if (err < 0)
            link_set_verdict(&link->base, TG_REASON_PROTOCOL,
                             "its JSON is broken, and nobody can tell where it goes on");
    } else {
        tg_line_reader_feed(&link->lines, bytes, length);
        if (!link->base.is_closed)
            watch_first_line(link);
    }
    return err;
}

static bool on_body(void *arg, const char *bytes, size_t length)
{
    struct lines_link *link = arg;

    link->base.is_busy = true;
    link->had_message = false;
    enum tg_err err = feed(link, bytes, length);
    if (!link->had_message && !link->base.is_closed)
        link->base.handler->on_heard(link->base.arg);
    return leave(link) && err == TG_OK;
}

static void on_redirect(void *arg, const char *host)
{
    struct lines_link *link = arg;

    link->base.handler->on_redirect(link->base.arg, host);
}

static uint64_t wanted_retry_ms(const struct tg_progress *progress)
{
    return progress->retry_ms < TG_RETRY_AFTER_MAX_MS ? progress->retry_ms : TG_RETRY_AFTER_MAX_MS;
}

static void on_end(void *arg, const struct tg_http_end *end)
{
    struct lines_link *link = arg;
    struct link_http *base = &link->base;

    base->exchange = NULL;
    base->end.was_sent = end->was_sent;
    base->end.was_taken = end->was_taken;
    base->end.target = end->target;
    if (!base->has_verdict && end->reason == TG_REASON_NONE) {
        base->is_busy = true;
        if (link->is_framed)
            tg_json_framer_finish(&link->texts);
        else if (!link->is_sse)
            tg_line_reader_finish(&link->lines);
        if (!leave(link))
            return;
        link_set_verdict(base, TG_REASON_CLOSED, "the answer ended");
        base->end.is_finished = true;
        base->end.has_messages = link->has_messages;
    } else if (!base->has_verdict) {
        link_set_verdict(base, end->reason, end->detail);
    }
    if (base->end.retry_after_ms == 0)
        base->end.retry_after_ms = wanted_retry_ms(base->progress);
    base->handler->on_end(base->arg, &base->end);
    free_link(link);
}

static const struct tg_http_handler http_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_redirect = on_redirect,
    .on_end = on_end,
};

/* ---- life ------------------------------------------------------------------------------------- */

static void on_failure(void *arg)
{
    on_end(arg, &(struct tg_http_end){ .reason = TG_REASON_CONNECT, .detail = "no memory for a request" });
}

static void init_reader(struct lines_link *link)
{
    size_t max_bytes = (size_t)link->base.config->max_message_bytes;
    const struct tg_progress *progress = link->base.progress;

    if (!link->is_sse) {
        link->lines = (struct tg_line_reader){
            .on_line = on_line, .on_dropped = on_dropped, .arg = link, .max_bytes = max_bytes
        };
        return;
    }
    link->sse = (struct tg_sse_parser){ .on_event = on_event,
                                        .on_oversize = on_oversize,
                                        .arg = link,
                                        .max_bytes = max_bytes,
                                        .retry_ms = (int64_t)progress->retry_ms };
    tg_buffer_append(&link->sse.last_id, progress->last_event_id.data, progress->last_event_id.length);
}

static const char *wanted_type(const struct tg_config_upstream *config)
{
    if (config->kind == TG_UPSTREAM_SSE)
        return "text/event-stream";
    switch (config->framing) {
    case TG_FRAMING_JSON:
    case TG_FRAMING_ARRAY:
        return "application/json";
    case TG_FRAMING_JSON_SEQ:
        return "application/json-seq, application/json;q=0.9";
    default:
        return "application/x-ndjson, application/json;q=0.9";
    }
}

static void start_exchange(struct lines_link *link, const struct tg_link_options *options)
{
    const struct tg_config_upstream *config = options->config;
    struct link_headers headers = { 0 };

    link_headers_add(&headers, "Accept", wanted_type(config));
    link_headers_add(&headers, "Cache-Control", "no-cache");
    if (link->is_sse)
        link_headers_add(&headers, "Last-Event-ID", options->progress->last_event_id.data);
    const struct tg_http_request request = {
        .config = config,
        .target = options->target,
        .caller = options->caller,
        .headers = headers.list,
        .is_post = config->method == TG_CONFIG_POST,
        .is_once = options->is_once,
        .body = { config->body.bytes, config->body.length },
        .content_type = config->content_type,
        .head_timeout_ms = (uint64_t)config->connect_timeout_ms,
    };
    link->base.exchange = tg_http_start(options->http, &request, &http_handler, link);
    if (link->base.exchange)
        return;
    link->failure = tg_timer_new(options->worker, on_failure, link);
    tg_timer_start(link->failure, 0);
}

struct tg_link *tg_link_new_lines(const struct tg_link_options *options)
{
    static const struct tg_link_ops ops = { .close = close_link, .hold = hold };
    struct lines_link *link = tg_alloc(sizeof(*link));

    link_http_init(&link->base, options, &ops);
    link->worker = options->worker;
    link->is_sse = options->config->kind == TG_UPSTREAM_SSE;
    init_reader(link);
    start_exchange(link, options);
    return &link->base.link;
}
