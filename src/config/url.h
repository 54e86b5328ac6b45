/* The URL of a backend in its parts. */
#ifndef TIDEGATE_CONFIG_URL_H
#define TIDEGATE_CONFIG_URL_H

#include "tidegate/config.h"

/* TG_ERR_INVALID: *ret_expected says what was expected instead, to follow "expected ". The parts of
 * *ret_url belong to the caller. */
enum tg_err tg_url_parse(const char *text, struct tg_config_url *ret_url, const char **ret_expected);

#endif
