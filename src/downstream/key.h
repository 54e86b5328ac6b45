/* The key of a member of a family, made of the values of a path's parameters. Pure. */
#ifndef TIDEGATE_DOWNSTREAM_KEY_H
#define TIDEGATE_DOWNSTREAM_KEY_H

#include "tidegate/base.h"

/* Appends to `out`. A single value is the key as it is. Several are joined by "/", with "%2F" and "%25" for "/" and
 * "%" in them, so that different values make different keys. */
enum tg_err tg_key_join(const struct tg_str *values, size_t count, struct tg_buffer *out);

#endif
