/* The Retry-After header, RFC 9110 section 10.2.3: seconds, or one of the three forms of an HTTP date. Pure.
 */
#ifndef TIDEGATE_UPSTREAM_RETRY_AFTER_H
#define TIDEGATE_UPSTREAM_RETRY_AFTER_H

#include "tidegate/base.h"

#define TG_RETRY_AFTER_MAX_MS (3600 * 1000) /* longer ones count as this */

/* TG_ERR_INVALID: neither form. A date in the past gives 0. */
enum tg_err tg_retry_after_parse(const char *text, uint64_t wall_ms, uint64_t *ret_delay_ms);

#endif
