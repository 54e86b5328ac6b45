/* Loaders of what depends on the upstream's kind: its URL and its headers. */
#include "grammar.h"
#include "load.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

/* In scopes keyed and client, names in braces are parameters: such URLs are parsed when these are known. */
static bool has_parameters(const struct tg_document *document, const struct tg_path *path, const char *text)
{
    struct tg_path scope = TG_PATH_KEY(path->up->up, "scope");
    const char *word = json_string_value(tg_document_find(document, &scope));
    return word && strcmp(word, "shared") != 0 && strpbrk(text, "{}");
}

void tg_load_url(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                 json_t *value, void *base)
{
    struct tg_config_url *url = (struct tg_config_url *)(void *)((char *)base + option->offset);
    const char *expected;
    const char *text = tg_load_text(document, path, option, NULL, value);
    if (text && has_parameters(document, path, text))
        url->text = tg_strdup(text);
    else if (text && tg_url_parse(text, tg_load_kind_beside(document, path), url, &expected))
        tg_document_error(document, path, "expected %s", expected);
}

/* ---- headers ------------------------------------------------------------------------------------------ */

enum { WEBSOCKET = 1, HTTP = 2, ALL = WEBSOCKET | HTTP };

/* What the handshake or the request sets itself, and where to set it instead, if anywhere. A name that ends
 * with "-" is a prefix. */
static const struct reserved_header {
    struct tg_str name;
    unsigned kinds;
    const char *instead; /* NULL: whatever sets it */
} reserved_headers[] = {
    { TG_STR("Host"), ALL, "the URL's host is sent" },
    { TG_STR("Connection"), ALL, NULL },
    { TG_STR("Upgrade"), ALL, NULL },
    { TG_STR("Content-Length"), ALL, NULL },
    { TG_STR("Transfer-Encoding"), ALL, NULL },
    { TG_STR("Expect"), ALL, "it changes how requests are sent" },
    { TG_STR("TE"), ALL, "it changes how requests are sent" },
    { TG_STR("Trailer"), ALL, "it changes how requests are sent" },
    { TG_STR("Origin"), WEBSOCKET, "use \"origin\"" },
    { TG_STR("Sec-WebSocket-Protocol"), WEBSOCKET, "use \"subprotocols\"" },
    { TG_STR("Sec-WebSocket-"), WEBSOCKET, NULL },
    { TG_STR("Accept-Encoding"), HTTP, NULL },
    { TG_STR("Last-Event-ID"), HTTP, NULL },
    { TG_STR("If-None-Match"), HTTP, NULL },
    { TG_STR("If-Modified-Since"), HTTP, NULL },
    { TG_STR("Range"), HTTP, "answers are asked for whole" },
};

/* NULL: nothing speaks against it. Of a kind that is not known, only what none may have is told. */
static const char *why_not_to_set(struct tg_str name, int64_t kind)
{
    unsigned kinds = kind == TG_URL_ANY_KIND ? 0 : kind == TG_UPSTREAM_WEBSOCKET ? WEBSOCKET : HTTP;
    for (size_t i = 0; i < TG_COUNT_OF(reserved_headers); i++) {
        const struct reserved_header *known = &reserved_headers[i];
        struct tg_str compared = name;
        if (known->kinds != ALL && !(known->kinds & kinds))
            continue;
        if (known->name.data[known->name.length - 1] == '-' && compared.length > known->name.length)
            compared.length = known->name.length;
        if (!tg_str_equals_nocase(known->name, compared))
            continue;
        if (known->instead)
            return known->instead;
        return kinds == WEBSOCKET ? "the handshake sets it" : "the request sets it";
    }
    return NULL;
}

static bool has_header(const struct tg_config_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (tg_str_equals_nocase(tg_str_from(headers[i].name), tg_str_from(name)))
            return true;
    }
    return false;
}

void tg_load_headers(struct tg_document *document, const struct tg_path *path, const struct tg_option *option,
                     json_t *value, void *base)
{
    if (!json_is_object(value)) {
        tg_load_report(document, path, option, true);
        return;
    }
    if (!tg_load_check_count(document, path, option, json_object_size(value)))
        return;
    struct tg_config_header *headers = tg_alloc((json_object_size(value) + 1) * sizeof(headers[0]));
    int64_t kind = tg_load_kind_beside(document, path);
    size_t count = 0;
    const char *name;
    json_t *inner_value;
    json_object_foreach(value, name, inner_value)
    {
        struct tg_path inner = TG_PATH_KEY(path, name);
        const char *instead = why_not_to_set(tg_str_from(name), kind);
        const char *text = NULL;
        if (!tg_grammar_token.is_valid(name))
            tg_document_error_at_key(document, &inner, "expected a header name: %s",
                                     tg_grammar_token.expected);
        else if (instead)
            tg_document_error_at_key(document, &inner, "this header cannot be set: %s", instead);
        else if (has_header(headers, count, name))
            tg_document_error_at_key(document, &inner, "this header is set twice");
        else
            text = tg_load_text(document, &inner, option, option->grammar, inner_value);
        if (!text)
            continue;
        headers[count].name = tg_strdup(name);
        headers[count++].value = tg_strdup(text);
    }
    struct tg_config_header **field = (struct tg_config_header **)(void *)((char *)base + option->offset);
    tg_headers_free(*field);
    *field = headers;
}
