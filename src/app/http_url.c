/* Takes http and https URLs apart. */
#include "http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void tg_http_url_deinit(struct tg_http_url *url)
{
    free(url->host);
    free(url->authority);
    free(url->target);
    memset(url, 0, sizeof(*url));
}

static enum tg_err refuse(struct tg_buffer *ret_error, const char *text, const char *why)
{
    tg_buffer_appendf(ret_error, "\"%s\": %s", text, why);
    return TG_ERR_INVALID;
}

/* What would need encoding, or would end a request line. */
static bool has_forbidden_bytes(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return true;
    }
    return false;
}

static bool parse_port(const char *text, size_t length, char ret_port[6])
{
    if (length == 0 || length > 5 || strspn(text, "0123456789") < length)
        return false;
    int port = atoi(text);
    if (port < 1 || port > 65535)
        return false;
    snprintf(ret_port, 6, "%d", port);
    return true;
}

/* [host]:port, host:port or host; `rest` is its length. */
static bool parse_authority(const char *text, size_t length, struct tg_http_url *url)
{
    const char *host = text, *end = text + length;
    const char *host_end = memchr(text, ':', length);
    if (length > 0 && *text == '[') {
        host_end = memchr(text, ']', length);
        if (!host_end)
            return false;
        host++;
    } else if (!host_end) {
        host_end = end;
    }
    if (host_end == host)
        return false;
    const char *after = host_end < end && *host_end == ']' ? host_end + 1 : host_end;
    if (after < end && (*after != ':' || !parse_port(after + 1, (size_t)(end - after - 1), url->port)))
        return false;
    url->host = tg_strndup(host, (size_t)(host_end - host));
    bool is_own_port = strcmp(url->port, url->is_secure ? "443" : "80") == 0;
    url->authority = tg_strndup(text, (size_t)((is_own_port ? after : end) - text));
    return true;
}

enum tg_err tg_http_url_parse(const char *text, struct tg_http_url *ret_url, struct tg_buffer *ret_error)
{
    struct tg_http_url url = { 0 };
    const char *at = text;
    if (strncasecmp(at, "http://", 7) == 0) {
        at += 7;
    } else if (strncasecmp(at, "https://", 8) == 0) {
        at += 8;
        url.is_secure = true;
    } else {
        return refuse(ret_error, text, "expected a URL that begins with http:// or https://");
    }
    if (has_forbidden_bytes(at))
        return refuse(ret_error, text, "spaces and letters outside ASCII must be percent-encoded");
    size_t length = strcspn(at, "/?#");
    if (memchr(at, '@', length))
        return refuse(ret_error, text, "expected no user name; give --header 'Authorization: …' instead");

    snprintf(url.port, sizeof(url.port), "%s", url.is_secure ? "443" : "80");
    if (!parse_authority(at, length, &url))
        return refuse(ret_error, text, "expected a host, or host:port");
    at += length;
    struct tg_buffer target = { 0 };
    tg_buffer_appendf(&target, "%s%.*s", *at == '/' ? "" : "/", (int)strcspn(at, "#"), at);
    url.target = target.data;
    *ret_url = url;
    return TG_OK;
}
