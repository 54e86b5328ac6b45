/* The URL of a backend in its parts. */
#ifndef TIDEGATE_CONFIG_URL_H
#define TIDEGATE_CONFIG_URL_H

#include "tidegate/config.h"

enum { TG_URL_ANY_KIND = -1 }; /* the kind is not known: any scheme will do */

/* `kind` is an enum tg_config_upstream_kind: ws and wss for websocket, http and https for the others.
 * TG_ERR_INVALID: *ret_expected says what was expected instead, to follow "expected ". The parts of
 * *ret_url belong to the caller. */
enum tg_err tg_url_parse(const char *text, int64_t kind, struct tg_config_url *ret_url,
                         const char **ret_expected);

void tg_url_deinit(struct tg_config_url *url);

/* Whether the query of a URL has a parameter of this name, in whatever case. */
bool tg_url_has_query_name(const char *url, const char *name);

/* What a URL for this kind looks like, to follow "expected ". */
const char *tg_url_expected(int64_t kind);

#endif
