/* Cross-origin access (WHATWG Fetch section 3.2): which headers a response carries. Pure. */
#ifndef TIDEGATE_DOWNSTREAM_CORS_H
#define TIDEGATE_DOWNSTREAM_CORS_H

#include "request_head.h"
#include "tidegate/config.h"

/* An OPTIONS request that asks for leave: it has Origin and Access-Control-Request-Method. */
bool tg_cors_is_preflight(const struct tg_request_head *head);

/* Appends the header lines of a response to this request; none when `cors` is NULL. `allow` is the value of
 * the Allow header, for preflights. */
enum tg_err tg_cors_append(struct tg_buffer *out, const struct tg_config_cors *cors,
                           const struct tg_request_head *head, const char *allow);

#endif
