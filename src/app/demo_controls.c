/* The demo's routes: the page, its orders (POST), its status (GET). */
#include "demo_controls.h"

#include "app_private.h"

#include <inttypes.h>
#include <string.h>

/* ---- orders ------------------------------------------------------------------------------------ */

uint64_t tg_demo_query_number(struct tg_str query, const char *name, uint64_t fallback, uint64_t most)
{
    size_t name_length = strlen(name);
    for (size_t at = 0; at < query.length;) {
        const char *part = query.data + at;
        const char *ampersand = memchr(part, '&', query.length - at);
        size_t length = ampersand ? (size_t)(ampersand - part) : query.length - at;
        at += length + 1;
        if (length <= name_length || memcmp(part, name, name_length) != 0 || part[name_length] != '=')
            continue;
        uint64_t number = 0;
        for (size_t i = name_length + 1; i < length; i++) {
            if (part[i] < '0' || part[i] > '9' || number > most)
                return fallback;
            number = number * 10 + (uint64_t)(part[i] - '0');
        }
        return number >= 1 && number <= most ? number : fallback;
    }
    return fallback;
}

static bool is_order(const struct tg_http_request *request, struct tg_http_response *response)
{
    bool is_post = tg_str_equals(request->method, TG_STR("POST"));
    response->content_type = "application/json";
    response->status = is_post ? 200 : 405;
    tg_buffer_append_str(&response->body, is_post ? "{\"done\":true}\n" : "{\"error\":\"POST it\"}\n");
    return is_post;
}

static void on_drop(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    struct tg_demo *demo = arg;
    if (is_order(request, response))
        tg_demo_backend_drop(demo->backend);
}

static void on_stall(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    struct tg_demo *demo = arg;
    if (is_order(request, response))
        tg_demo_backend_stall(demo->backend, 1000 * tg_demo_query_number(request->query, "seconds", 10, 120));
}

static void on_refuse(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    struct tg_demo *demo = arg;
    if (is_order(request, response))
        tg_demo_backend_refuse(demo->backend,
                               1000 * tg_demo_query_number(request->query, "seconds", 10, 120));
}

static void on_burst(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    struct tg_demo *demo = arg;
    if (is_order(request, response))
        tg_demo_backend_burst(demo->backend, tg_demo_query_number(request->query, "count", 1000, 2000));
}

/* ---- status ------------------------------------------------------------------------------------ */

static void append_number(struct tg_buffer *out, const char *name, uint64_t value)
{
    tg_buffer_appendf(out, ",\"%s\":%" PRIu64, name, value);
}

static void append_stream(const struct tg_demo *demo, struct tg_buffer *out)
{
    const struct tg_stream *stream = demo->app->streams[0];
    struct tg_stream_stats stats;
    tg_stream_get_stats(stream, &stats);
    tg_buffer_appendf(out, "\"stream\":{\"epoch\":\"%s\"", tg_stream_epoch(stream));
    append_number(out, "last_seq", stats.last_seq);
    append_number(out, "retained_events", stats.retained_events);
    append_number(out, "retain_events", (uint64_t)demo->app->config->streams[0].retain.events);
    append_number(out, "memory_bytes", stats.memory_bytes);
    append_number(out, "subscribers", stats.subscribers);
    tg_buffer_append_str(out, "}");
}

static void append_upstream(const struct tg_demo *demo, struct tg_buffer *out)
{
    struct tg_upstream_stats stats;
    tg_upstream_set_get_stats(demo->app->upstreams, 0, &stats);
    tg_buffer_appendf(out, "\"upstream\":{\"state\":\"%s\"", tg_upstream_state_text(stats.state));
    append_number(out, "state_ms", tg_clock_now_ms() - stats.state_since_ms);
    append_number(out, "connects", stats.connects);
    append_number(out, "messages", stats.messages);
    tg_buffer_append_str(out, "}");
}

static void append_backend(const struct tg_demo *demo, struct tg_buffer *out)
{
    struct tg_demo_backend_stats stats;
    tg_demo_backend_get_stats(demo->backend, &stats);
    tg_buffer_appendf(out, "\"backend\":{\"quotes\":%" PRIu64, stats.quotes);
    append_number(out, "sessions", stats.sessions);
    append_number(out, "stalled_ms", stats.stalled_ms);
    append_number(out, "refusing_ms", stats.refusing_ms);
    tg_buffer_append_str(out, "}");
}

static void on_status(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    (void)request;
    response->content_type = "application/json";
    tg_buffer_append_str(&response->body, "{");
    append_stream(arg, &response->body);
    tg_buffer_append_str(&response->body, ",");
    append_upstream(arg, &response->body);
    tg_buffer_append_str(&response->body, ",");
    append_backend(arg, &response->body);
    tg_buffer_append_str(&response->body, "}\n");
}

/* ---- routes ------------------------------------------------------------------------------------ */

static const struct {
    const char *path, *file;
} pages[] = {
    { "/", "index.html" },       { "/style.css", "style.css" },     { "/demo.js", "demo.js" },
    { "/gauge.js", "gauge.js" }, { "/favicon.svg", "favicon.svg" },
};

static const struct {
    const char *path;
    tg_http_handler_fn *handler;
    bool allows_post;
} handlers[] = {
    { "/demo/status", on_status, false }, { "/demo/drop", on_drop, true },
    { "/demo/stall", on_stall, true },    { "/demo/refuse", on_refuse, true },
    { "/demo/burst", on_burst, true },
};

size_t tg_demo_make_routes(struct tg_demo *demo, struct tg_route ret_routes[TG_DEMO_ROUTES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < TG_COUNT_OF(pages); i++)
        ret_routes[count++] = (struct tg_route){ .path = pages[i].path,
                                                 .kind = TG_ROUTE_CONTENT,
                                                 .content = tg_web_file(pages[i].file),
                                                 .content_type = tg_app_content_type(pages[i].file) };
    ret_routes[count++] = (struct tg_route){ .path = "/demo/config.json",
                                             .kind = TG_ROUTE_CONTENT,
                                             .content = { demo->config_text.data, demo->config_text.length },
                                             .content_type = "application/json" };
    for (size_t i = 0; i < TG_COUNT_OF(handlers); i++)
        ret_routes[count++] = (struct tg_route){ .path = handlers[i].path,
                                                 .kind = TG_ROUTE_HANDLER,
                                                 .handler = handlers[i].handler,
                                                 .handler_arg = demo,
                                                 .allows_post = handlers[i].allows_post };
    return count;
}
