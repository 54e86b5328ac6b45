/* `tidegate listen`: an EventSource for the terminal.
 *
 *   connect ─► 200 event stream: a line for each event ─► it ends: wait `retry`, connect with the last id
 *           ├► 204: finished, exit 0
 *           ├► 429 and 5xx, or no connection: wait longer each time (not before the first success: exit 1)
 *           └► anything else: exit 1
 *
 * SIGINT and SIGTERM end it at once with exit 0; a line that is being written is finished first. */
#include "commands.h"
#include "http_client.h"
#include "listen_line.h"
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_MS = 2000, RETRY_MAX_MS = 30 * 1000, TIMEOUT_S = 20 };
enum { EVENT_MAX_MIB = 64 };

struct listener {
    const struct tg_listen_options *options;
    struct tg_http_url url;
    struct tg_sse_parser parser;
    struct tg_buffer line;
    bool had_success;
    unsigned failures; /* in a row */
};

/* ---- signals ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t is_writing, is_ending;

static void on_signal(int number)
{
    (void)number;
    if (!is_writing)
        _exit(TG_EXIT_OK);
    is_ending = 1;
}

static void write_line(const struct tg_buffer *line)
{
    is_writing = 1;
    for (size_t at = 0; at < line->length;) {
        ssize_t written = write(STDOUT_FILENO, line->data + at, line->length - at);
        if (written < 0 && errno != EINTR)
            _exit(errno == EPIPE ? TG_EXIT_OK : TG_EXIT_FAILURE); /* who reads us has seen enough */
        at += written > 0 ? (size_t)written : 0;
    }
    is_writing = 0;
    if (is_ending)
        _exit(TG_EXIT_OK);
}

/* ---- one connection ---------------------------------------------------------------------------- */

static size_t terminal_columns(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
        return 0;
    return size.ws_col;
}

static void on_event(void *arg, const struct tg_sse_event *event)
{
    struct listener *listener = arg;
    tg_buffer_clear(&listener->line);
    if (listener->options->writes_json)
        tg_listen_json_append(&listener->line, event, tg_clock_wall_ms());
    else
        tg_listen_line_append(&listener->line, event, tg_clock_wall_ms(), terminal_columns());
    write_line(&listener->line);
}

static void on_oversize(void *arg)
{
    (void)arg;
    fprintf(stderr, "tidegate listen: an event of more than %d MiB was left out\n", EVENT_MAX_MIB);
}

static void append_headers(const struct listener *listener, struct tg_buffer *out)
{
    tg_buffer_append_str(out, "Accept: text/event-stream\r\nCache-Control: no-cache\r\n");
    const struct tg_buffer *id = &listener->parser.last_id;
    if (id->length > 0)
        tg_buffer_appendf(out, "Last-Event-ID: %s\r\n", id->data);
    for (size_t i = 0; i < listener->options->header_count; i++)
        tg_buffer_appendf(out, "%s\r\n", listener->options->headers[i]);
}

static void follow(struct listener *listener, struct tg_http_client *client)
{
    struct tg_buffer body = { 0 };
    enum tg_err err = TG_OK;
    while (!err) {
        tg_buffer_clear(&body);
        err = tg_http_client_read(client, &body);
        if (!err && body.length > 0)
            err = tg_sse_parser_feed(&listener->parser, body.data, body.length);
    }
    tg_buffer_deinit(&body);
    tg_sse_parser_restart(&listener->parser);
    fprintf(stderr, "tidegate listen: the connection ended (%s)\n", tg_err_text(err));
}

static bool may_try_again(const struct listener *listener, int status)
{
    return listener->had_success && (status == 0 || status == 429 || status >= 500);
}

/* One connection from beginning to end. False: this was the last one, for the reason in *ret_code. */
static bool connect_once(struct listener *listener, enum tg_exit *ret_code)
{
    struct tg_buffer headers = { 0 }, error = { 0 };
    append_headers(listener, &headers);
    struct tg_http_get get = { .url = &listener->url,
                               .header_lines = headers.data,
                               .is_insecure = listener->options->is_insecure,
                               .timeout_s = TIMEOUT_S };
    struct tg_http_client *client = NULL;
    struct tg_http_head head = { 0 };
    bool goes_on = true;
    if (tg_http_client_get(&get, &client, &head, &error) == TG_OK) {
        if (head.status == 204) {
            fputs("tidegate listen: finished (204)\n", stderr);
            *ret_code = TG_EXIT_OK;
            goes_on = false;
        } else if (head.status == 200 && head.is_event_stream) {
            listener->had_success = true;
            listener->failures = 0;
            follow(listener, client);
        } else if (head.status == 200) {
            tg_buffer_append_str(&error, "the answer is no event stream");
            goes_on = false;
        } else {
            tg_buffer_appendf(&error, "the answer's status is %d", head.status);
        }
    }
    if (error.length > 0) {
        fprintf(stderr, "tidegate listen: %s\n", error.data);
        *ret_code = TG_EXIT_FAILURE;
        listener->failures++;
        goes_on = goes_on && may_try_again(listener, head.status);
    }
    tg_http_client_close(client);
    tg_buffer_deinit(&headers);
    tg_buffer_deinit(&error);
    return goes_on;
}

static void wait_before_next(const struct listener *listener)
{
    uint64_t wait_ms = listener->parser.retry_ms > 0 ? (uint64_t)listener->parser.retry_ms : RETRY_MS;
    for (unsigned i = 1; i < listener->failures && wait_ms < RETRY_MAX_MS; i++)
        wait_ms = wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
    fprintf(stderr, "tidegate listen: reconnecting in %.1f s\n", (double)wait_ms / 1000);
    struct timespec wait = { .tv_sec = (time_t)(wait_ms / 1000),
                             .tv_nsec = (long)(wait_ms % 1000) * 1000000 };
    nanosleep(&wait, NULL);
}

enum tg_exit tg_listen_run(const struct tg_listen_options *options)
{
    struct listener listener = { .options = options };
    listener.parser = (struct tg_sse_parser){ .on_event = on_event,
                                              .on_oversize = on_oversize,
                                              .arg = &listener,
                                              .max_bytes = (size_t)EVENT_MAX_MIB << 20 };
    struct tg_buffer error = { 0 };
    if (tg_http_url_parse(options->url, &listener.url, &error)) {
        fprintf(stderr, "tidegate listen: %s\n", error.data);
        tg_buffer_deinit(&error);
        return TG_EXIT_CONFIG;
    }
    if (options->last_event_id) {
        tg_buffer_append_str(&listener.parser.last_id, options->last_event_id);
        tg_sse_parser_restart(&listener.parser);
    }
    tg_signals_ignore();
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    enum tg_exit code = TG_EXIT_OK;
    while (connect_once(&listener, &code))
        wait_before_next(&listener);
    tg_sse_parser_deinit(&listener.parser);
    tg_buffer_deinit(&listener.line);
    tg_http_url_deinit(&listener.url);
    return code;
}
