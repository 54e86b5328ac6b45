/* Checks of an upstream's configuration before it is used. Pure. */
#ifndef TIDEGATE_UPSTREAM_CHECK_H
#define TIDEGATE_UPSTREAM_CHECK_H

#include "tidegate/config.h"

/* Headers, subprotocols, origin, credentials and the place of a cursor. TG_ERR_INVALID with a line in *ret_error. */
enum tg_err tg_upstream_check(const struct tg_config_upstream *config, struct tg_buffer *ret_error);
/* Names of headers that are passed on from clients: none that belongs to the request itself. */
enum tg_err tg_upstream_check_forwarded(char *const *names, int64_t kind, struct tg_buffer *ret_error);
/* Turns what tg_target_init said into the same. */
enum tg_err tg_upstream_check_target(enum tg_err err, struct tg_buffer *ret_error);

#endif
