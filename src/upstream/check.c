/* What an upstream's configuration must be beyond its own grammar, for it to become a request. */
#include "check.h"

#include "poll_cursor.h"
#include "target.h"

#include <string.h>
#include <strings.h>

enum { REQUEST_BYTES = 24 * 1024 }; /* of headers; few servers take more */

static bool is_token(const char *text)
{
    static const char special[] = "!#$%&'*+-.^_`|~";

    if (*text == '\0')
        return false;
    for (const char *p = text; *p; p++) {
        bool is_letter_or_digit =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!is_letter_or_digit && !strchr(special, *p))
            return false;
    }
    return true;
}

static bool is_header_value(const char *text)
{
    for (const char *p = text; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(name, *names) == 0)
            return true;
    return false;
}

/* Headers that belong to the handshake or to the request itself. */
static bool is_reserved(const char *name, int64_t kind)
{
    static const char *const of_all[] = {
        "host", "connection", "upgrade", "content-length", "transfer-encoding", "expect",
        "te",   "trailer",    NULL
    };
    static const char *const of_http[] = { "accept-encoding",   "last-event-id", "if-none-match",
                                           "if-modified-since", "range",         NULL };

    if (is_one_of(name, of_all))
        return true;
    if (kind != TG_UPSTREAM_WEBSOCKET)
        return is_one_of(name, of_http);
    return strcasecmp(name, "origin") == 0 ||
           strncasecmp(name, "sec-websocket-", strlen("sec-websocket-")) == 0;
}

static enum tg_err complain(struct tg_buffer *ret_error, const char *text)
{
    tg_buffer_appendf(ret_error, "%s\n", text);
    return TG_ERR_INVALID;
}

static size_t text_length(const char *text)
{
    return text ? strlen(text) : 0;
}

/* That a cursor, of whatever value, has its place in the body. */
static enum tg_err check_cursor(const struct tg_config_upstream *config, struct tg_buffer *ret_error)
{
    struct tg_buffer tried = { 0 };
    struct tg_str body = { tg_text_or_empty(config->body.bytes), config->body.length };

    if (!config->cursor.from || !config->cursor.body)
        return TG_OK;
    enum tg_err err = tg_poll_cursor_add_to_body(&tried, body, config->cursor.body, TG_STR("x"), false);
    tg_buffer_deinit(&tried);
    return err < 0 ? complain(ret_error, "cursor.body: there is no such place in the body") : TG_OK;
}

enum tg_err tg_upstream_check(const struct tg_config_upstream *config, struct tg_buffer *ret_error)
{
    size_t length = text_length(config->origin) + text_length(config->bearer) +
                    2 * (text_length(config->basic_user) + text_length(config->basic_password));

    for (const struct tg_config_header *h = config->headers; h && h->name; h++) {
        length += strlen(h->name) + strlen(h->value) + strlen(": \r\n");
        if (!is_token(h->name) || !is_header_value(h->value)) {
            tg_buffer_appendf(ret_error, "headers: \"%s\" is not a valid header\n", h->name);
            return TG_ERR_INVALID;
        }
        if (is_reserved(h->name, config->kind)) {
            tg_buffer_appendf(ret_error, "headers: \"%s\" is set by the %s itself\n", h->name,
                              config->kind == TG_UPSTREAM_WEBSOCKET ? "handshake" : "request");
            return TG_ERR_INVALID;
        }
    }
    for (char **word = config->subprotocols; word && *word; word++) {
        length += strlen(*word) + 2;
        if (!is_token(*word))
            return complain(ret_error, "subprotocols: only letters, digits and !#$%&'*+-.^_`|~ may be used");
    }
    if (config->origin && !is_header_value(config->origin))
        return complain(ret_error, "origin: it holds control characters");
    if (config->bearer && !is_header_value(config->bearer))
        return complain(ret_error, "auth.bearer: it holds control characters");
    if (config->content_type && !is_header_value(config->content_type))
        return complain(ret_error, "content_type: it holds control characters");
    if (length > REQUEST_BYTES)
        return complain(ret_error, "headers: all together they are longer than 24 KiB");
    return check_cursor(config, ret_error);
}

enum tg_err tg_upstream_check_forwarded(char *const *names, int64_t kind, struct tg_buffer *ret_error)
{
    for (; names && *names; names++) {
        if (is_token(*names) && !is_reserved(*names, kind))
            continue;
        tg_buffer_appendf(ret_error, "forward_headers: \"%s\" cannot be passed on\n", *names);
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

enum tg_err tg_upstream_check_target(enum tg_err err, struct tg_buffer *ret_error)
{
    if (err == TG_ERR_TOO_LARGE)
        tg_buffer_appendf(ret_error, "url: the host may have %d bytes, path and query %d\n",
                          TG_TARGET_HOST_MAX, TG_TARGET_PATH_MAX);
    else if (err < 0)
        tg_buffer_append_str(ret_error, "url: host, path and query may hold printable ASCII only\n");
    return err < 0 ? TG_ERR_INVALID : TG_OK;
}
