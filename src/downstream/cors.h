/* Cross-origin access (WHATWG Fetch section 3.2): which headers a response carries, and which pages may act. Pure. */
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

/* A request that does something, such as a POST. Browsers send it for any page, with the user's cookies, without asking:
 * CORS only keeps the answer from the page. True for clients that are no browsers, for pages of the own origin, and for
 * those that `cors` (or NULL) lists, with cookies only where `credentials` says so. */
bool tg_cors_allows_action(const struct tg_config_cors *cors, const struct tg_request_head *head);

#endif
