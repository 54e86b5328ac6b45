/* A blocking HTTP client for one request without a body, over TCP, a Unix socket or TLS: what `listen` and `healthcheck` need. */
#ifndef TIDEGATE_APP_HTTP_CLIENT_H
#define TIDEGATE_APP_HTTP_CLIENT_H

#include "http_answer.h"
#include "http_url.h"

struct tg_http_client;

struct tg_http_get {
    const struct tg_http_url *url;
    const char *method;       /* NULL: GET */
    const char *unix_path;    /* connects there instead of to the URL's host; or NULL */
    const char *header_lines; /* each ends with CRLF; or NULL */
    bool is_insecure;         /* the server's certificate is not checked */
    unsigned timeout_s;       /* for each step up to the answer's head */
};

/* Connects, asks and reads the answer's head. On failure *ret_error says what happened. */
enum tg_err tg_http_client_get(const struct tg_http_get *get, struct tg_http_client **ret_client,
                               struct tg_http_head *ret_head, struct tg_buffer *ret_error);
/* Waits for more of the body and appends it. TG_ERR_CLOSED: it has ended as it should; TG_ERR_IO: it broke
 * off. */
enum tg_err tg_http_client_read(struct tg_http_client *client, struct tg_buffer *out);
void tg_http_client_close(struct tg_http_client *client);

#endif
