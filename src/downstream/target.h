/* Request targets, paths and host names (RFC 9112 section 3.2, RFC 3986): pure checks, no allocation. */
#ifndef TIDEGATE_DOWNSTREAM_TARGET_H
#define TIDEGATE_DOWNSTREAM_TARGET_H

#include "tidegate/base.h"

struct tg_target {
    struct tg_str path;  /* as sent; "*" for the server as a whole (OPTIONS alone) */
    struct tg_str query; /* as sent, without "?" */
    bool is_absolute;    /* the target names a host, which counts in place of the Host header */
};

/* Takes origin-form, absolute-form with http or https, and, when `is_options`, "*". TG_ERR_INVALID for all
 * else, also when the path does not decode (see tg_path_decode). The views lie in `text`. */
enum tg_err tg_target_parse(struct tg_str text, bool is_options, struct tg_target *ret_target);

/* Percent-decodes a path. `out` has room for raw.length bytes, or is NULL to check only. TG_ERR_INVALID: a
 * bad escape, %00, or a segment that is "." or ".." once decoded (RFC 3986 section 3.3; a client has resolved
 * those). */
enum tg_err tg_path_decode(struct tg_str raw, char *out, size_t *ret_length);

/* uri-host [ ":" port ], with a host that is not empty (RFC 9110 sections 4.2.1 and 7.2). */
bool tg_host_is_valid(struct tg_str host);

#endif
