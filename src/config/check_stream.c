/* Checks across the options of one stream: what its scope allows, and what follows from it. */
#include "check.h"

enum { SESSION_LINGER_MS = 60000 };

/* ---- what a scope allows ------------------------------------------------------------------------------ */

static void allow_only(struct tg_document *document, const struct tg_path *object, const char *key,
                       bool is_allowed, const char *where)
{
    struct tg_path given = TG_PATH_KEY(object, key);
    if (!is_allowed && tg_document_find(document, &given))
        tg_document_error_at_key(document, &given, "only for %s", where);
}

static void check_keys(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_stream *stream)
{
    struct tg_path upstream = TG_PATH_KEY(path, "upstream"), translate = TG_PATH_KEY(path, "translate");
    struct tg_path id = TG_PATH_KEY(&translate, "id"), close_codes = TG_PATH_KEY(&upstream, "close_codes");
    bool is_shared = stream->scope == TG_SCOPE_SHARED, is_client = stream->scope == TG_SCOPE_CLIENT;
    bool has_route = is_shared && tg_document_has(document, path, "route");
    allow_only(document, path, "parameters", !is_shared || has_route,
               "scope \"keyed\" or \"client\", or beside \"route\"");
    allow_only(document, path, "max_keys", stream->scope == TG_SCOPE_KEYED || has_route,
               "scope \"keyed\", or beside \"route\"");
    allow_only(document, path, "max_sessions", is_client, "scope \"client\"");
    allow_only(
        document, path, "session", is_client,
        "scope \"client\": what one client shows, and what the backend answers to it, is for no other");
    allow_only(document, path, "route", is_shared, "scope \"shared\"");
    allow_only(document, &upstream, "connect", is_shared, "scope \"shared\": others connect on demand");
    allow_only(document, &close_codes, "end", is_client, "scope \"client\": other streams do not end");
    if (is_client && tg_document_find(document, &id))
        tg_document_error_at_key(document, &id, "not for scope \"client\", whose ids are Tidegate's own");
}

/* ---- parameters --------------------------------------------------------------------------------------- */

static void check_parameters(struct tg_document *document, const struct tg_path *path,
                             const struct tg_config_stream *stream)
{
    struct tg_path parameters = TG_PATH_KEY(path, "parameters"), scope = TG_PATH_KEY(path, "scope");
    struct tg_path route = TG_PATH_KEY(path, "route");
    for (size_t i = 0; i < stream->parameter_count; i++) {
        struct tg_path parameter = TG_PATH_KEY(&parameters, stream->parameters[i].name);
        if (tg_document_has(document, &parameter, "pattern") &&
            tg_document_has(document, &parameter, "one_of"))
            tg_document_error(document, &parameter, "expected only one of \"pattern\" and \"one_of\"");
    }
    if (stream->parameter_count > 0 || tg_document_has_error(document, &parameters))
        return;
    if (stream->scope == TG_SCOPE_KEYED)
        tg_document_error(document, &scope, "expected \"parameters\" beside it");
    else if (stream->scope == TG_SCOPE_SHARED && tg_document_find(document, &route))
        tg_document_error(document, &route, "expected \"parameters\" beside it");
}

/* ---- the stream --------------------------------------------------------------------------------------- */

static void fill_in(const struct tg_document *document, const struct tg_path *path,
                    struct tg_config_stream *stream)
{
    struct tg_path upstream = TG_PATH_KEY(path, "upstream"), session = TG_PATH_KEY(path, "session");
    if (stream->scope == TG_SCOPE_CLIENT && !tg_document_has(document, &upstream, "linger"))
        stream->upstream.linger_ms = stream->session.is_plain ? 0 : SESSION_LINGER_MS;
    if (stream->scope != TG_SCOPE_SHARED && !tg_document_has(document, &upstream, "required"))
        stream->upstream.required = false;
    if (!stream->session.identity_cookie && !stream->session.identity_header &&
        !tg_document_has(document, &session, "renew"))
        stream->session.is_renewed = false;
    stream->session.is_opened_by_get = stream->session.open != TG_OPEN_POST;
    stream->session.is_opened_by_post = stream->session.open != TG_OPEN_GET;
}

void tg_config_check_stream(struct tg_document *document, const struct tg_path *path,
                            const struct tg_config_sse *sse, struct tg_config_stream *stream)
{
    struct tg_path scope = TG_PATH_KEY(path, "scope"), upstream = TG_PATH_KEY(path, "upstream"),
                   translate = TG_PATH_KEY(path, "translate");
    fill_in(document, path, stream);
    if (!tg_document_has_error(document, &scope)) {
        check_keys(document, path, stream);
        check_parameters(document, path, stream);
        tg_config_check_keys(document, path, stream);
        tg_config_check_placeholders(document, &upstream, stream);
        tg_config_check_messages(document, path, stream);
        if (stream->scope == TG_SCOPE_CLIENT)
            tg_config_check_session(document, path, stream);
    }
    tg_config_check_request(document, &upstream, stream);
    tg_config_check_upstream(document, &upstream, &stream->upstream);
    tg_config_check_close_codes(document, &upstream, &stream->upstream);
    tg_config_check_translate(document, &translate, sse, stream);
}
