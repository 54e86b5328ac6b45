/* Warnings of the whole file: listening, limits, routes, and which streams they lead to. */
#include "warn.h"

#include <stdlib.h>
#include <string.h>

void tg_config_warn_no_effect(struct tg_document *document, const struct tg_path *object, const char *key,
                              bool has_no_effect, const char *why)
{
    struct tg_path path = TG_PATH_KEY(object, key);
    if (has_no_effect && tg_document_find(document, &path))
        tg_document_warn(document, &path, "no effect: %s", why);
}

/* ---- limits, admin ------------------------------------------------------------------------------------ */

static void warn_limits(struct tg_document *document, const struct tg_config_limits *limits)
{
    struct tg_path path = TG_PATH_KEY(NULL, "limits");
    bool has_most = limits->connections > 0;
    tg_config_warn_no_effect(document, &path, "connections_per_address",
                             has_most && limits->connections_per_address > limits->connections,
                             "\"connections\" is lower");
    tg_config_warn_no_effect(document, &path, "pending_requests",
                             has_most && limits->pending_requests > limits->connections,
                             "\"connections\" is lower");
    tg_config_warn_no_effect(document, &path, "url", limits->url_bytes > limits->request_header_bytes,
                             "\"request_header\", which counts the URL, is lower");
}

static void warn_admin(struct tg_document *document, const struct tg_config_admin *admin)
{
    struct tg_path path = TG_PATH_KEY(NULL, "admin");
    static const char why[] = "\"enabled\" is false";
    tg_config_warn_no_effect(document, &path, "address", !admin->enabled, why);
    tg_config_warn_no_effect(document, &path, "port", !admin->enabled, why);
}

static void warn_sse(struct tg_document *document, const struct tg_config_sse *sse)
{
    static const char *const keys[] = { "gap_event", "upstream_event", "end_event" };
    const char *const types[] = { sse->gap_event, sse->upstream_event, sse->end_event };
    struct tg_path path = TG_PATH_KEY(NULL, "sse");
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++) {
        for (size_t j = 0; j < i; j++) {
            struct tg_path later =
                TG_PATH_KEY(&path, keys[tg_document_has(document, &path, keys[i]) ? i : j]);
            if (strcmp(types[i], types[j]) == 0)
                tg_document_warn(document, &later,
                                 "\"%s\" and \"%s\" have the same type: clients cannot tell them apart",
                                 keys[j], keys[i]);
        }
    }
}

/* ---- routes ------------------------------------------------------------------------------------------- */

static void warn_cors(struct tg_document *document, const struct tg_path *route,
                      const struct tg_config_cors *cors)
{
    struct tg_path path = TG_PATH_KEY(route, "cors"), origins = TG_PATH_KEY(&path, "origins");
    bool has_all = false, has_others = false;
    for (size_t i = 0; cors->origins && cors->origins[i]; i++) {
        bool is_all = strcmp(cors->origins[i], "*") == 0;
        has_all = has_all || is_all;
        has_others = has_others || !is_all;
    }
    if (has_all && has_others)
        tg_document_warn(document, &origins, "\"*\" allows every origin; the others have no effect");
}

static void warn_routes(struct tg_document *document, const struct tg_config *config)
{
    struct tg_path routes = TG_PATH_KEY(NULL, "routes"), streams = TG_PATH_KEY(NULL, "streams");
    bool *is_used = tg_alloc((config->stream_count + 1) * sizeof(bool));
    if (config->route_count == 0)
        tg_document_warn(document, &routes, "no routes: every request is answered with 404");
    for (size_t i = 0; i < config->route_count; i++) {
        const struct tg_config_route *route = &config->routes[i];
        struct tg_path path = TG_PATH_INDEX(&routes, i);
        if (route->stream || route->send)
            is_used[route->stream_index] = true;
        warn_cors(document, &path, &route->cors);
    }
    for (size_t i = 0; config->route_count > 0 && i < config->stream_count; i++) {
        struct tg_path stream = TG_PATH_KEY(&streams, config->streams[i].name);
        if (!is_used[i])
            tg_document_warn(document, &stream, "no route leads to this stream");
    }
    free(is_used);
}

/* ---- the whole file ----------------------------------------------------------------------------------- */

void tg_config_warn(struct tg_document *document, const struct tg_config *config)
{
    struct tg_path streams = TG_PATH_KEY(NULL, "streams");
    warn_limits(document, &config->limits);
    warn_admin(document, &config->admin);
    warn_sse(document, &config->sse);
    warn_routes(document, config);
    for (size_t i = 0; i < config->stream_count; i++) {
        struct tg_path stream = TG_PATH_KEY(&streams, config->streams[i].name);
        tg_config_warn_stream(document, &stream, config, &config->streams[i]);
    }
}
