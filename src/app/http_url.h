/* http and https URLs in their parts. Pure. */
#ifndef TIDEGATE_APP_HTTP_URL_H
#define TIDEGATE_APP_HTTP_URL_H

#include "tidegate/base.h"

struct tg_http_url {
    bool is_secure;
    char *host;      /* IPv6 without brackets */
    char *authority; /* for the Host header: as given, the port where it is not the scheme's own */
    char port[6];
    char *target; /* path and query, without the fragment */
};

/* TG_ERR_INVALID: *ret_error says why. User names in URLs are refused. */
enum tg_err tg_http_url_parse(const char *text, struct tg_http_url *ret_url, struct tg_buffer *ret_error);
void tg_http_url_deinit(struct tg_http_url *url);

#endif
