/* ws:, wss:, http: and https: URLs (RFC 6455 section 3, RFC 9110 section 4.2, RFC 3986), strict: what could
 * be read in two ways is refused. */
#include "url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct scheme {
    const char *text;
    bool is_secure, is_websocket;
} schemes[] = {
    { "ws://", false, true },
    { "wss://", true, true },
    { "http://", false, false },
    { "https://", true, false },
};

#define OVER_HTTP(kind) "a URL with \"http://\" or \"https://\" for kind \"" kind "\""
#define OVER_WEBSOCKET "a URL with \"ws://\" or \"wss://\" for kind \"websocket\""
#define HTTP_EXAMPLE ", such as \"https://legacy.internal:9000/feed\""
#define NOT_WEBSOCKET "; \"ws://\" and \"wss://\" are for kind \"websocket\""
static const char expected_host[] = "a URL with a host name, an IPv4 address, or an IPv6 address in brackets";

static bool is_hex(char c)
{
    return isxdigit((unsigned char)c) && (unsigned char)c < 0x80;
}

/* NULL when each character may stand in a URL, else what was expected. */
static const char *check_characters(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return "a URL without spaces and control characters";
        if ((unsigned char)*text >= 0x80)
            return "a URL of ASCII characters; write others percent-encoded, a host name in punycode";
        if (strchr("\"<>\\", *text))
            return "a URL without \", <, > and \\; write them percent-encoded";
        if (*text == '%' && (!is_hex(text[1]) || !is_hex(text[2])))
            return "two hexadecimal digits after each \"%\" of the URL";
        if (*text == '#')
            return "a URL without a fragment (\"#…\")";
    }
    return NULL;
}

static enum tg_err parse_port(const char *text, size_t length, int64_t *ret_port)
{
    int64_t port = 0;
    if (length == 0 || length > 5)
        return TG_ERR_INVALID;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return TG_ERR_INVALID;
        port = port * 10 + (text[i] - '0');
    }
    if (port < 1 || port > 65535)
        return TG_ERR_INVALID;
    *ret_port = port;
    return TG_OK;
}

static bool is_host(const char *host, bool is_in_brackets)
{
    struct in6_addr address;
    if (is_in_brackets)
        return inet_pton(AF_INET6, host, &address) == 1;
    size_t length = strlen(host);
    return length > 0 && length <= 253 && host[0] != '.' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length;
}

/* Host and port from the `length` characters between "//" and the path. */
static enum tg_err parse_authority(const char *text, size_t length, struct tg_config_url *url,
                                   const char **ret_expected)
{
    bool is_in_brackets = length > 0 && text[0] == '[';
    const char *host = is_in_brackets ? text + 1 : text;
    const char *end = text + length;
    const char *host_end = memchr(host, is_in_brackets ? ']' : ':', (size_t)(end - host));
    if (is_in_brackets && !host_end) {
        *ret_expected = expected_host;
        return TG_ERR_INVALID;
    }
    if (!host_end)
        host_end = end;
    /* Without brackets, the second colon says IPv6, not port. */
    if (!is_in_brackets && host_end < end && memchr(host_end + 1, ':', (size_t)(end - host_end - 1))) {
        *ret_expected = expected_host;
        return TG_ERR_INVALID;
    }
    const char *rest = host_end + (is_in_brackets ? 1 : 0);
    if (rest < end && (*rest != ':' || parse_port(rest + 1, (size_t)(end - rest - 1), &url->port))) {
        *ret_expected = "a URL with a port from 1 to 65535, or without one";
        return TG_ERR_INVALID;
    }
    url->host = tg_strndup(host, (size_t)(host_end - host));
    if (!is_host(url->host, is_in_brackets)) {
        *ret_expected = expected_host;
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

static void set_path(struct tg_config_url *url, const char *rest)
{
    size_t size = strlen(rest) + sizeof("/");
    url->path = tg_alloc(size);
    snprintf(url->path, size, "%s%s", *rest == '/' ? "" : "/", rest);
}

const char *tg_url_expected(int64_t kind)
{
    switch (kind) {
    case TG_UPSTREAM_SSE:
        return OVER_HTTP("sse") HTTP_EXAMPLE;
    case TG_UPSTREAM_NDJSON:
        return OVER_HTTP("ndjson") HTTP_EXAMPLE;
    case TG_UPSTREAM_POLL:
        return OVER_HTTP("poll") HTTP_EXAMPLE;
    case TG_UPSTREAM_WEBSOCKET:
        return OVER_WEBSOCKET ", such as \"wss://legacy.internal:9000/feed\"";
    default:
        return "a URL such as \"wss://legacy.internal:9000/feed\"";
    }
}

/* The scheme is one of another kind. */
static const char *expected_scheme(int64_t kind)
{
    switch (kind) {
    case TG_UPSTREAM_SSE:
        return OVER_HTTP("sse") NOT_WEBSOCKET;
    case TG_UPSTREAM_NDJSON:
        return OVER_HTTP("ndjson") NOT_WEBSOCKET;
    case TG_UPSTREAM_POLL:
        return OVER_HTTP("poll") NOT_WEBSOCKET;
    default:
        return OVER_WEBSOCKET
            "; \"http://\" and \"https://\" are for the kinds \"sse\", \"ndjson\" and \"poll\"";
    }
}

static const struct scheme *find_scheme(const char *text, int64_t kind)
{
    for (const struct scheme *scheme = schemes; scheme < schemes + TG_COUNT_OF(schemes); scheme++) {
        if (strncasecmp(text, scheme->text, strlen(scheme->text)) == 0 &&
            (kind == TG_URL_ANY_KIND || scheme->is_websocket == (kind == TG_UPSTREAM_WEBSOCKET)))
            return scheme;
    }
    return NULL;
}

enum tg_err tg_url_parse(const char *text, int64_t kind, struct tg_config_url *ret_url,
                         const char **ret_expected)
{
    struct tg_config_url url = { 0 };
    const char *expected = tg_url_expected(kind);
    const struct scheme *scheme = find_scheme(text, kind);
    if (!scheme && find_scheme(text, TG_URL_ANY_KIND))
        expected = expected_scheme(kind);
    if (!scheme)
        goto fail;
    expected = check_characters(text);
    if (expected)
        goto fail;

    url.is_secure = scheme->is_secure;
    const char *authority = text + strlen(scheme->text);
    size_t length = strcspn(authority, "/?");
    if (memchr(authority, '@', length)) {
        expected = "a URL without user and password; use \"auth\"";
        goto fail;
    }
    if (strlen(authority + length) + (authority[length] != '/') > TG_URL_PATH_MAX_BYTES) {
        expected = "a URL whose path and query have at most 8000 bytes together";
        goto fail;
    }
    url.port = url.is_secure ? 443 : 80;
    if (parse_authority(authority, length, &url, &expected))
        goto fail;
    url.text = tg_strdup(text);
    set_path(&url, authority + length);
    *ret_url = url;
    return TG_OK;

fail:
    free(url.host);
    *ret_expected = expected;
    return TG_ERR_INVALID;
}

void tg_url_deinit(struct tg_config_url *url)
{
    free(url->text);
    free(url->host);
    free(url->path);
    *url = (struct tg_config_url){ 0 };
}

bool tg_url_has_query_name(const char *url, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strchr(url, '?'); at; at = strpbrk(at + 1, "&;")) {
        bool is_end = strncasecmp(at + 1, name, length) == 0 && strchr("=&;", at[1 + length]);
        if (is_end)
            return true;
    }
    return false;
}
