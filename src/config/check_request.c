/* Checks of what depends on an upstream's kind: which options it has; the request of the kinds over HTTP. */
#include "check.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void report_kind(struct tg_document *document, const struct tg_path *path,
                        const struct tg_option *option)
{
    struct tg_buffer kinds = { 0 };
    tg_option_append_kinds(option, &kinds);
    tg_document_error_at_key(document, path, "only for %s", kinds.data);
    tg_buffer_deinit(&kinds);
}

static void check_kind(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_upstream *upstream)
{
    struct tg_path kind = TG_PATH_KEY(path, "kind");
    if (tg_document_has_error(document, &kind))
        return;
    for (size_t i = 0; i < tg_options_upstream.option_count; i++) {
        const struct tg_option *option = &tg_options_upstream.options[i];
        struct tg_path given = TG_PATH_KEY(path, option->key);
        if (option->kinds && !(option->kinds & TG_KIND_BIT(upstream->kind)) &&
            tg_document_find(document, &given))
            report_kind(document, &given, option);
    }
}

/* The bodies that open sessions. */
static bool has_posted_body(const struct tg_config_stream *stream)
{
    return stream->scope == TG_SCOPE_CLIENT && stream->session.is_opened_by_post &&
           stream->upstream.kind != TG_UPSTREAM_WEBSOCKET;
}

static void check_body(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_stream *stream)
{
    const struct tg_config_upstream *upstream = &stream->upstream;
    struct tg_path body = TG_PATH_KEY(path, "body"), type = TG_PATH_KEY(path, "content_type");
    struct tg_path method = TG_PATH_KEY(path, "method"), headers = TG_PATH_KEY(path, "headers");
    bool has_own_body = tg_document_find(document, &body);
    bool has_body = has_own_body || has_posted_body(stream);
    if (upstream->kind == TG_UPSTREAM_WEBSOCKET)
        return;
    if (has_own_body && upstream->method != TG_CONFIG_POST && !tg_document_has_error(document, &method))
        tg_document_error(document, &body, "expected \"method\": \"POST\" beside it");
    if (!has_body && tg_document_find(document, &type))
        tg_document_error(document, &type, "expected \"body\" beside it");
    for (const struct tg_config_header *header = upstream->headers; has_body && header && header->name;
         header++) {
        struct tg_path header_path = TG_PATH_KEY(&headers, header->name);
        if (strcasecmp(header->name, "Content-Type") == 0)
            tg_document_error_at_key(document, &header_path,
                                     "this header cannot be set: use \"content_type\"");
    }
}

/* The member or item that the first token of a pointer names; NULL: none. */
static json_t *find_step(json_t *value, const char *pointer)
{
    struct tg_buffer key = { 0 };
    json_t *found = NULL;
    size_t length = strcspn(pointer + 1, "/"), index_length = strspn(pointer + 1, "0123456789");
    for (const char *at = pointer + 1; at < pointer + 1 + length; at++) {
        const char *character = *at != '~' ? at : *++at == '1' ? "/" : "~";
        tg_buffer_append(&key, character, 1);
    }
    if (json_is_object(value))
        found = json_object_get(value, tg_text_or_empty(key.data));
    else if (length > 0 && index_length == length && (length == 1 || pointer[1] != '0'))
        found = json_array_get(value, strtoull(pointer + 1, NULL, 10));
    tg_buffer_deinit(&key);
    return found;
}

/* What is missing on the way is made, but only in objects. */
static bool can_be_set(json_t *value, const char *pointer)
{
    while (*pointer) {
        json_t *next = find_step(value, pointer);
        if (!next)
            return json_is_object(value);
        value = next;
        pointer += 1 + strcspn(pointer + 1, "/");
    }
    return true;
}

static void check_cursor(struct tg_document *document, const struct tg_path *path,
                         const struct tg_config_upstream *upstream)
{
    struct tg_path cursor = TG_PATH_KEY(path, "cursor"), body = TG_PATH_KEY(path, "body");
    struct tg_path pointer = TG_PATH_KEY(&cursor, "body");
    json_t *given = tg_document_find(document, &cursor);
    if (upstream->kind != TG_UPSTREAM_POLL || !json_is_object(given))
        return;
    size_t ways = (json_object_get(given, "query") ? 1 : 0) + (json_object_get(given, "body") ? 1 : 0);
    if (ways != 1) {
        tg_document_error(document, &cursor, "expected either \"query\" or \"body\"");
        return;
    }
    json_t *object = tg_document_find(document, &body);
    if (!upstream->cursor.body || tg_document_has_error(document, &body))
        return;
    if (upstream->body.is_binary || !json_is_object(object))
        tg_document_error(document, &pointer, "expected a \"body\" that is a JSON object, beside \"cursor\"");
    else if (!can_be_set(object, upstream->cursor.body))
        tg_document_error(document, &pointer,
                          "expected a JSON pointer that leads through objects of \"body\"");
}

static const char *type_of_body(const struct tg_config_upstream *upstream, const json_t *body)
{
    if (upstream->body.is_binary)
        return "application/octet-stream";
    return json_is_string(body) ? "text/plain; charset=utf-8" : "application/json";
}

void tg_config_check_request(struct tg_document *document, const struct tg_path *path,
                             struct tg_config_stream *stream)
{
    struct tg_config_upstream *upstream = &stream->upstream;
    struct tg_path body = TG_PATH_KEY(path, "body");
    check_kind(document, path, upstream);
    check_body(document, path, stream);
    check_cursor(document, path, upstream);
    if (upstream->body.is_set && !upstream->content_type)
        upstream->content_type = tg_strdup(type_of_body(upstream, tg_document_find(document, &body)));
    /* There are no pings but a WebSocket's, whatever the default. */
    if (upstream->kind != TG_UPSTREAM_WEBSOCKET)
        upstream->ping_every_ms = 0;
}
