/* Targets: where to connect to, and where a redirect leads from there. Pure. */
#ifndef TIDEGATE_UPSTREAM_TARGET_H
#define TIDEGATE_UPSTREAM_TARGET_H

#include "tidegate/config.h"

enum {
    TG_TARGET_HOST_MAX = 255, /* bytes; what DNS has room for */
    TG_TARGET_PATH_MAX = TG_URL_PATH_MAX_BYTES,
};

struct tg_target { /* zeroed: empty */
    bool is_secure;
    char *host; /* IPv6 without brackets, lower case */
    uint16_t port;
    char *path; /* with the query; begins with "/" */
};

/* TG_ERR_TOO_LARGE: host or path is over the limits. */
enum tg_err tg_target_init(struct tg_target *target, const struct tg_config_url *url);
void tg_target_deinit(struct tg_target *target);
void tg_target_copy(struct tg_target *target, const struct tg_target *other); /* over what is empty */

/* Follows a Location (RFC 9110 section 10.2.2) from `base`: ws, wss, http and https, absolute or relative.
 * TG_ERR_INVALID: not a URL we could go to. TG_ERR_TLS: it would leave TLS. TG_ERR_TOO_LARGE: over the
 * limits. */
enum tg_err tg_target_follow(const struct tg_target *base, const char *location,
                             struct tg_target *ret_target);

/* Whether an answer with this status leads elsewhere by its Location (RFC 9110 section 15.4). */
bool tg_status_is_redirect(unsigned status);

/* Whether what is secret for `a` may be sent to `b`: the same host and port; from a default port without TLS
 * to the default port with TLS is fine too. */
bool tg_target_is_same_site(const struct tg_target *a, const struct tg_target *b);

/* How many segments of a path, up to its "?", are "." or ".." to some backend: encoded dots and slashes count, and "\\"
 * for "/". */
size_t tg_target_count_dots(const char *path);

bool tg_host_is_address(const char *host); /* an IPv4 or IPv6 address, not a name */

/* The value of the Host header: IPv6 in brackets, no default port. Bytes of room: TG_TARGET_HOST_MAX + 10. */
void tg_target_write_host(const struct tg_target *target, char *ret_text, size_t size);

#endif
