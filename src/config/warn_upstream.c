/* Warnings of one upstream: options that do nothing beside others. */
#include "options.h"
#include "url.h"
#include "warn.h"

#include <string.h>
#include <strings.h>

/* The scheme may be a parameter. */
static bool has_no_tls(const struct tg_config_url *url)
{
    return strncasecmp(url->text, "ws://", 5) == 0 || strncasecmp(url->text, "http://", 7) == 0;
}

static void warn_tls(struct tg_document *document, const struct tg_path *path,
                     const struct tg_config_upstream *upstream)
{
    struct tg_path tls = TG_PATH_KEY(path, "tls");
    bool is_websocket = upstream->kind == TG_UPSTREAM_WEBSOCKET;
    if (has_no_tls(&upstream->url) && json_object_size(tg_document_find(document, &tls)) > 0)
        tg_document_warn(document, &tls,
                         "of use after a redirect only: \"url\" begins with \"%s\"; with TLS it is \"%s\"",
                         is_websocket ? "ws://" : "http://", is_websocket ? "wss://" : "https://");
}

/* The longest wait between two requests. */
static int64_t poll_wait_ms(const struct tg_config_upstream *upstream)
{
    return upstream->every_ms + upstream->every_ms / 100 * upstream->jitter_percent;
}

static void warn_poll(struct tg_document *document, const struct tg_path *path,
                      const struct tg_config_upstream *upstream)
{
    struct tg_path idle = TG_PATH_KEY(path, "idle_timeout"), cursor = TG_PATH_KEY(path, "cursor"),
                   query = TG_PATH_KEY(&cursor, "query");
    if (upstream->kind != TG_UPSTREAM_POLL)
        return;
    if (!upstream->is_long && upstream->idle_timeout_ms > 0 &&
        upstream->idle_timeout_ms <= poll_wait_ms(upstream))
        tg_document_warn(
            document, &idle,
            "not longer than the wait between two polls (\"every\"), so each wait counts as an outage");
    if (upstream->cursor.query && tg_url_has_query_name(upstream->url.text, upstream->cursor.query))
        tg_document_warn(document, &query,
                         "\"url\" already has this query parameter, so the backend gets it twice; use "
                         "\"initial\" for the first value");
}

void tg_config_warn_upstream(struct tg_document *document, const struct tg_path *path,
                             const struct tg_config *config, const struct tg_config_stream *stream)
{
    const struct tg_config_upstream *upstream = &stream->upstream;
    struct tg_path upstream_path = TG_PATH_KEY(path, "upstream");
    struct tg_config_upstream defaults = { 0 };
    bool stays =
        stream->scope == TG_SCOPE_SHARED && !stream->route.by && upstream->connect == TG_CONNECT_ALWAYS;
    tg_options_set_defaults(&tg_options_upstream, &defaults);
    warn_tls(document, &upstream_path, upstream);
    warn_poll(document, &upstream_path, upstream);
    tg_config_warn_no_effect(document, &upstream_path, "linger",
                             stays && upstream->linger_ms != defaults.linger_ms,
                             "without \"connect\": \"on_demand\" the connection stays");
    tg_config_warn_no_effect(document, &upstream_path, "pong_timeout",
                             upstream->ping_every_ms == 0 &&
                                 upstream->pong_timeout_ms != defaults.pong_timeout_ms,
                             "\"ping_every\" is \"0\"");
    tg_config_warn_no_effect(document, &upstream_path, "required",
                             !config->admin.enabled && upstream->required,
                             "there is no /readyz while \"admin\" is disabled");
    tg_options_free(&tg_options_upstream, &defaults);
}
