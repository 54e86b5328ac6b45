/* Checks across the options of a stream of scope client: what sessions forward, and how they are opened. */
#include "check.h"
#include "url.h"

#include <string.h>
#include <strings.h>

/* ---- headers ------------------------------------------------------------------------------------------ */

enum { WEBSOCKET = 1, HTTP = 2, ALL = WEBSOCKET | HTTP };

#define OF_THE_CONNECTION "it belongs to the client's connection"

/* What is between the client and Tidegate, or is made by Tidegate itself. A name that ends with "-" is a prefix. */
static const struct unforwarded_header {
    struct tg_str name;
    unsigned kinds;
    const char *why;
} unforwarded_headers[] = {
    { TG_STR("Host"), ALL, "the URL's host is sent" },
    { TG_STR("Connection"), ALL, OF_THE_CONNECTION },
    { TG_STR("Keep-Alive"), ALL, OF_THE_CONNECTION },
    { TG_STR("Proxy-"), ALL, OF_THE_CONNECTION },
    { TG_STR("TE"), ALL, OF_THE_CONNECTION },
    { TG_STR("Trailer"), ALL, OF_THE_CONNECTION },
    { TG_STR("Transfer-Encoding"), ALL, OF_THE_CONNECTION },
    { TG_STR("Upgrade"), ALL, OF_THE_CONNECTION },
    { TG_STR("Content-Length"), ALL, OF_THE_CONNECTION },
    { TG_STR("Expect"), ALL, OF_THE_CONNECTION },
    { TG_STR("Sec-WebSocket-"), ALL, OF_THE_CONNECTION },
    { TG_STR("Last-Event-ID"), ALL, "its ids are Tidegate's own" },
    { TG_STR("Origin"), WEBSOCKET, "use \"origin\" of the upstream" },
    { TG_STR("Accept-Encoding"), HTTP, "the request sets it" },
    { TG_STR("If-None-Match"), HTTP, "the request sets it" },
    { TG_STR("If-Modified-Since"), HTTP, "the request sets it" },
    { TG_STR("Range"), HTTP, "answers are asked for whole" },
};

/* NULL: nothing speaks against it. */
static const char *why_not_to_forward(struct tg_str name, unsigned kinds)
{
    for (size_t i = 0; i < TG_COUNT_OF(unforwarded_headers); i++) {
        const struct unforwarded_header *known = &unforwarded_headers[i];
        struct tg_str compared = name;
        if (known->kinds != ALL && !(known->kinds & kinds))
            continue;
        if (known->name.data[known->name.length - 1] == '-' && compared.length > known->name.length)
            compared.length = known->name.length;
        if (tg_str_equals_nocase(known->name, compared))
            return known->why;
    }
    return NULL;
}

/* The key of the upstream that sets this header already; NULL: none. */
static const char *find_rival(const struct tg_document *document, const struct tg_path *upstream,
                              const struct tg_config_upstream *config, const char *name)
{
    for (const struct tg_config_header *header = config->headers; header && header->name; header++) {
        if (strcasecmp(header->name, name) == 0)
            return "headers";
    }
    return strcasecmp(name, "Authorization") == 0 && tg_document_has(document, upstream, "auth") ? "auth"
                                                                                                 : NULL;
}

static bool is_before(char *const *names, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcasecmp(names[i], names[index]) == 0)
            return true;
    }
    return false;
}

static void check_forward_headers(struct tg_document *document, const struct tg_path *session,
                                  const struct tg_config_stream *stream)
{
    struct tg_path list = TG_PATH_KEY(session, "forward_headers");
    struct tg_path upstream = TG_PATH_KEY(session->up, "upstream"), kind = TG_PATH_KEY(&upstream, "kind");
    char **names = stream->session.forward_headers;
    /* Of a kind that is not known, only what none may have is told. */
    unsigned kinds = tg_document_has_error(document, &kind)           ? 0
                     : stream->upstream.kind == TG_UPSTREAM_WEBSOCKET ? WEBSOCKET
                                                                      : HTTP;
    if (tg_document_has_error(document, &list))
        return;
    for (size_t i = 0; names && names[i]; i++) {
        struct tg_path item = TG_PATH_INDEX(&list, i);
        const char *why = why_not_to_forward(tg_str_from(names[i]), kinds);
        const char *rival = find_rival(document, &upstream, &stream->upstream, names[i]);
        if (kinds == HTTP && stream->session.is_opened_by_post && strcasecmp(names[i], "Content-Type") == 0)
            why = "use \"content_type\" of the upstream";
        if (why)
            tg_document_error(document, &item, "this header cannot be forwarded: %s", why);
        else if (rival)
            tg_document_error(document, &item,
                              "this header cannot be forwarded: \"%s\" of the upstream sets it", rival);
        else if (is_before(names, i))
            tg_document_error(document, &item, "the same header twice");
    }
}

/* ---- query -------------------------------------------------------------------------------------------- */

/* Of two with the same name, some backends take the first and some the last. */
static void check_forward_query(struct tg_document *document, const struct tg_path *session,
                                const struct tg_config_stream *stream)
{
    struct tg_path list = TG_PATH_KEY(session, "forward_query");
    const char *url = stream->upstream.url.text, *cursor = stream->upstream.cursor.query;
    char **names = stream->session.forward_query;
    if (tg_document_has_error(document, &list))
        return;
    for (size_t i = 0; names && names[i]; i++) {
        struct tg_path item = TG_PATH_INDEX(&list, i);
        bool is_in_url = url && tg_url_has_query_name(url, names[i]);
        if (is_in_url || (cursor && strcasecmp(cursor, names[i]) == 0))
            tg_document_error(document, &item,
                              "this query parameter cannot be forwarded: \"%s\" of the upstream sets it",
                              is_in_url ? "url" : "cursor");
    }
}

/* ---- opening ------------------------------------------------------------------------------------------ */

static void check_identity(struct tg_document *document, const struct tg_path *session)
{
    struct tg_path identity = TG_PATH_KEY(session, "identity");
    if (json_is_object(tg_document_find(document, &identity)) &&
        tg_document_has(document, &identity, "cookie") == tg_document_has(document, &identity, "header"))
        tg_document_error(document, &identity, "expected either \"cookie\" or \"header\"");
}

static void check_renew(struct tg_document *document, const struct tg_path *session,
                        const struct tg_config_stream *stream)
{
    struct tg_path renew = TG_PATH_KEY(session, "renew");
    if (!stream->session.is_renewed || !tg_document_find(document, &renew))
        return;
    if (stream->session.is_plain)
        tg_document_error_at_key(document, &renew, "not with \"plain\", whose clients cannot come back");
    else if (!tg_document_has(document, session, "forward_headers") &&
             !tg_document_has(document, session, "forward_query"))
        tg_document_error(document, &renew, "expected \"forward_headers\" or \"forward_query\" beside it");
}

/* A body that opens a session is a message to a WebSocket, or the body of the one request. */
static void check_open(struct tg_document *document, const struct tg_path *session,
                       const struct tg_config_stream *stream)
{
    struct tg_path open = TG_PATH_KEY(session, "open"), upstream = TG_PATH_KEY(session->up, "upstream");
    struct tg_path kind = TG_PATH_KEY(&upstream, "kind"), method = TG_PATH_KEY(&upstream, "method");
    if (!stream->session.is_opened_by_post || stream->upstream.kind == TG_UPSTREAM_WEBSOCKET ||
        tg_document_has_error(document, &kind))
        return;
    if (stream->upstream.kind == TG_UPSTREAM_POLL)
        tg_document_error(document, &open, "expected \"get\", as the upstream is of kind \"poll\"");
    else if (tg_document_has(document, &upstream, "body"))
        tg_document_error(document, &open, "expected \"get\", as the upstream has a \"body\" of its own");
    else if (stream->upstream.method != TG_CONFIG_POST && !tg_document_has_error(document, &method))
        tg_document_error(document, &open, "expected \"get\", or \"method\": \"POST\" in the upstream");
}

/* Only those kinds have answers that end. */
static void check_on_end(struct tg_document *document, const struct tg_path *session,
                         const struct tg_config_stream *stream)
{
    struct tg_path on_end = TG_PATH_KEY(session, "on_end"), upstream = TG_PATH_KEY(session->up, "upstream");
    struct tg_path kind = TG_PATH_KEY(&upstream, "kind");
    if (stream->session.on_end == TG_ON_END_DEFAULT || tg_document_has_error(document, &kind))
        return;
    if (stream->upstream.kind == TG_UPSTREAM_WEBSOCKET)
        tg_document_error_at_key(document, &on_end,
                                 "only for kind \"sse\" or \"ndjson\": use \"close_codes\" of the upstream");
    else if (stream->upstream.kind == TG_UPSTREAM_POLL)
        tg_document_error_at_key(document, &on_end, "only for kind \"sse\" or \"ndjson\"");
}

/* A native EventSource comes back again and again, and would begin anew each time. */
static void check_plain(struct tg_document *document, const struct tg_path *session,
                        const struct tg_config_stream *stream)
{
    struct tg_path plain = TG_PATH_KEY(session, "plain"), open = TG_PATH_KEY(session, "open");
    if (stream->session.is_plain && stream->session.open != TG_OPEN_POST &&
        !tg_document_has_error(document, &open))
        tg_document_error(document, &plain, "expected \"open\": \"post\" beside it");
}

static void expect_post(struct tg_document *document, const struct tg_path *session, const char *key)
{
    struct tg_path given = TG_PATH_KEY(session, key);
    if (tg_document_find(document, &given))
        tg_document_error(document, &given, "expected \"open\": \"post\" or \"both\" beside it");
}

static void check_body(struct tg_document *document, const struct tg_path *session,
                       const struct tg_config_stream *stream)
{
    struct tg_path open = TG_PATH_KEY(session, "open"), message = TG_PATH_KEY(session, "message");
    struct tg_path parameters = TG_PATH_KEY(session->up, "parameters");
    struct tg_path parameter = TG_PATH_KEY(&parameters, "body");
    if (!stream->session.is_opened_by_post && !tg_document_has_error(document, &open)) {
        expect_post(document, session, "message");
        expect_post(document, session, "max_body");
        return;
    }
    if (stream->session.message && !strstr(stream->session.message, "{body}"))
        tg_document_error(document, &message, "expected \"{body}\" in it, where the posted body goes");
    if (stream->session.message && tg_document_find(document, &parameter))
        tg_document_error_at_key(document, &parameter,
                                 "expected another name: in \"message\", \"{body}\" is the posted body");
}

void tg_config_check_session(struct tg_document *document, const struct tg_path *path,
                             const struct tg_config_stream *stream)
{
    struct tg_path session = TG_PATH_KEY(path, "session");
    check_forward_headers(document, &session, stream);
    check_forward_query(document, &session, stream);
    check_identity(document, &session);
    check_renew(document, &session, stream);
    check_open(document, &session, stream);
    check_on_end(document, &session, stream);
    check_plain(document, &session, stream);
    check_body(document, &session, stream);
}
