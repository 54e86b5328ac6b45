/* Targets and redirects. */
#include "target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint16_t default_port(bool is_secure)
{
    return is_secure ? 443 : 80;
}

/* A request line must not get spaces, controls or a fragment; what is not ASCII belongs percent-encoded. */
static bool is_path(const char *path)
{
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '#')
            return false;
    return true;
}

static bool is_host(const char *host)
{
    if (tg_host_is_address(host))
        return true;
    for (const char *p = host; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.' && *p != '_')
            return false;
    return *host != '\0';
}

/* Takes host and path. */
static enum tg_err fill(struct tg_target *target, bool is_secure, char *host, uint16_t port, char *path)
{
    enum tg_err err = TG_OK;

    for (char *p = host; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (!is_host(host) || !is_path(path))
        err = TG_ERR_INVALID;
    else if (strlen(host) > TG_TARGET_HOST_MAX || strlen(path) > TG_TARGET_PATH_MAX)
        err = TG_ERR_TOO_LARGE;
    if (err < 0) {
        free(host);
        free(path);
        return err;
    }
    *target = (struct tg_target){ .is_secure = is_secure, .host = host, .port = port, .path = path };
    return TG_OK;
}

enum tg_err tg_target_init(struct tg_target *target, const struct tg_config_url *url)
{
    return fill(target, url->is_secure, tg_strdup(url->host), (uint16_t)url->port, tg_strdup(url->path));
}

void tg_target_deinit(struct tg_target *target)
{
    free(target->host);
    free(target->path);
    *target = (struct tg_target){ 0 };
}

void tg_target_copy(struct tg_target *target, const struct tg_target *other)
{
    *target = *other;
    target->host = tg_strdup(other->host);
    target->path = tg_strdup(other->path);
}

bool tg_host_is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

void tg_target_write_host(const struct tg_target *target, char *ret_text, size_t size)
{
    bool has_brackets = strchr(target->host, ':') != NULL;
    const char *open = has_brackets ? "[" : "";
    const char *close = has_brackets ? "]" : "";

    if (target->port == default_port(target->is_secure))
        snprintf(ret_text, size, "%s%s%s", open, target->host, close);
    else
        snprintf(ret_text, size, "%s%s%s:%u", open, target->host, close, target->port);
}

bool tg_target_is_same_site(const struct tg_target *a, const struct tg_target *b)
{
    if (strcmp(a->host, b->host) != 0 || (a->is_secure && !b->is_secure))
        return false;
    return a->port == b->port || (!a->is_secure && b->is_secure && a->port == 80 && b->port == 443);
}

/* ---- redirects -------------------------------------------------------------------------------- */

/* RFC 3986 section 5.2.4, on the path before any "?"; the result is never longer than the input. */
static void remove_dots(char *path)
{
    char *query = strchr(path, '?');
    char *rest = query ? tg_strdup(query) : NULL;
    if (query)
        *query = '\0';

    char *out = path;
    const char *in = path;
    while (*in == '/') {
        size_t length = 1 + strcspn(in + 1, "/");
        bool is_last = in[length] == '\0';
        if (length == 2 && in[1] == '.') {
            if (is_last)
                *out++ = '/';
        } else if (length == 3 && in[1] == '.' && in[2] == '.') {
            while (out > path && *--out != '/')
                ;
            if (is_last)
                *out++ = '/';
        } else {
            memmove(out, in, length);
            out += length;
        }
        in += length;
    }
    *out = '\0';
    if (rest)
        strcpy(out, rest);
    free(rest);
}

static enum tg_err parse_port(const char *text, size_t length, uint16_t *ret_port)
{
    unsigned port = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || port > 65535)
            return TG_ERR_INVALID;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (port == 0 || port > 65535)
        return TG_ERR_INVALID;
    *ret_port = (uint16_t)port;
    return TG_OK;
}

/* "//host[:port][/path][?query]"; user names are refused. */
static enum tg_err follow_authority(bool is_secure, const char *text, struct tg_target *ret_target)
{
    const char *authority = text + 2;
    size_t length = strcspn(authority, "/?");
    const char *host = authority;
    size_t host_length;
    uint16_t port = default_port(is_secure);

    if (memchr(authority, '@', length))
        return TG_ERR_INVALID;
    if (*authority == '[') {
        const char *close = memchr(authority, ']', length);
        if (!close)
            return TG_ERR_INVALID;
        host++;
        host_length = (size_t)(close - host);
        if (!memchr(host, ':', host_length))
            return TG_ERR_INVALID;
        if (close + 1 < authority + length && close[1] != ':')
            return TG_ERR_INVALID;
    } else {
        const char *colon = memchr(authority, ':', length);
        host_length = colon ? (size_t)(colon - authority) : length;
    }
    const char *after = host + host_length + (*authority == '[');
    size_t port_length = (size_t)(authority + length - after);
    if (port_length > 1 && parse_port(after + 1, port_length - 1, &port) < 0)
        return TG_ERR_INVALID;

    const char *path = authority + length;
    size_t path_length = strcspn(path, "#");
    char *copy = tg_alloc(path_length + 2);
    snprintf(copy, path_length + 2, "%s%.*s", *path == '/' ? "" : "/", (int)path_length, path);
    remove_dots(copy);
    return fill(ret_target, is_secure, tg_strndup(host, host_length), port, copy);
}

static enum tg_err follow_relative(const struct tg_target *base, const char *text,
                                   struct tg_target *ret_target)
{
    size_t length = strcspn(text, "#");
    size_t kept = 0; /* of the base's path */

    if (length == 0)
        kept = strlen(base->path);
    else if (*text == '?')
        kept = strcspn(base->path, "?");
    else if (*text != '/')
        for (size_t i = 0; i < strcspn(base->path, "?"); i++)
            if (base->path[i] == '/')
                kept = i + 1;

    char *path = tg_alloc(kept + length + 1);
    memcpy(path, base->path, kept);
    memcpy(path + kept, text, length);
    remove_dots(path);
    return fill(ret_target, base->is_secure, tg_strdup(base->host), base->port, path);
}

enum tg_err tg_target_follow(const struct tg_target *base, const char *location, struct tg_target *ret_target)
{
    static const struct {
        const char *name;
        bool is_secure;
    } schemes[] = { { "ws:", false }, { "wss:", true }, { "http:", false }, { "https:", true } };

    if (strlen(location) > 2 * TG_TARGET_PATH_MAX)
        return TG_ERR_TOO_LARGE;
    for (size_t i = 0; i < TG_COUNT_OF(schemes); i++) {
        size_t length = strlen(schemes[i].name);
        if (strncasecmp(location, schemes[i].name, length) != 0)
            continue;
        if (base->is_secure && !schemes[i].is_secure)
            return TG_ERR_TLS;
        if (strncmp(location + length, "//", 2) != 0)
            return TG_ERR_INVALID;
        return follow_authority(schemes[i].is_secure, location + length, ret_target);
    }
    if (strncmp(location, "//", 2) == 0)
        return follow_authority(base->is_secure, location, ret_target);
    if (memchr(location, ':', strcspn(location, "/?#")))
        return TG_ERR_INVALID; /* another scheme */
    return follow_relative(base, location, ret_target);
}

bool tg_status_is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* ---- dot segments ------------------------------------------------------------------------------- */

/* The character that backends may see there: also those that are encoded, and "\\" for "/". */
static char take_character(const char **at)
{
    char c = **at;

    if (c == '%' && at[0][1] == '2' && (at[0][2] == 'e' || at[0][2] == 'E'))
        c = '.';
    else if (c == '%' && at[0][1] == '2' && (at[0][2] == 'f' || at[0][2] == 'F'))
        c = '/';
    else if (c == '%' && at[0][1] == '5' && (at[0][2] == 'c' || at[0][2] == 'C'))
        c = '/';
    *at += c == **at ? 1 : 3;
    return c == '\\' ? '/' : c;
}

size_t tg_target_count_dots(const char *path)
{
    const char *end = path + strcspn(path, "?");
    size_t count = 0, dots = 0, length = 0;

    while (path < end) {
        char c = take_character(&path);
        bool is_end = c == '/' || path == end;
        length += c != '/';
        dots += c == '.';
        if (!is_end)
            continue;
        count += length == dots && (dots == 1 || dots == 2);
        length = dots = 0;
    }
    return count;
}
