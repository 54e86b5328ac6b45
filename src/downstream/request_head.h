/* The head of an HTTP/1.x request: a strict parser (RFC 9112, RFC 9110), pure and without allocation.
 *
 * Whatever two parties on the path could read in two ways is refused, so that no request can be smuggled. The
 * verdict depends on the bytes alone, not on the pieces in which they arrive: a line is judged when it is
 * complete, or when it is over its limit; lines are judged in order. */
#ifndef TIDEGATE_DOWNSTREAM_REQUEST_HEAD_H
#define TIDEGATE_DOWNSTREAM_REQUEST_HEAD_H

#include "target.h"

enum tg_method { TG_METHOD_GET, TG_METHOD_HEAD, TG_METHOD_OPTIONS, TG_METHOD_POST, TG_METHOD_OTHER };

struct tg_request_head { /* all views lie in the parsed bytes */
    size_t length;       /* of the head, with the empty line */
    enum tg_method method;
    struct tg_str method_name;
    struct tg_target target;
    struct tg_str fields; /* all field lines, for tg_fields_next */
    int minor_version;
    bool keeps_alive; /* by version and Connection (RFC 9112 section 9.3) */
    bool is_chunked;  /* Transfer-Encoding: chunked */
    bool has_length;  /* Content-Length */
    uint64_t content_length;
    bool expects_continue;
    bool has_unknown_expectation;
    bool wants_event_stream; /* Accept names text/event-stream */
    bool has_cookies;
    struct tg_str host; /* as sent; empty where HTTP/1.0 has none */
    struct tg_str last_event_id;
    struct tg_str origin;
    struct tg_str fetch_site;        /* Sec-Fetch-Site: what the browser says about where the page is from */
    struct tg_str preflight_method;  /* Access-Control-Request-Method */
    struct tg_str preflight_headers; /* Access-Control-Request-Headers */
};

struct tg_head_limits {
    size_t url_bytes;    /* over it: 414 */
    size_t header_bytes; /* of request line and field lines together: over it 431 */
};

enum { TG_HEAD_MORE = 0, TG_HEAD_DONE = 200 };

/* TG_HEAD_MORE, TG_HEAD_DONE with *ret_head, or the status to refuse the request with: 400, 405, 414, 431,
 * 501, 505. After a refusal the connection must be closed. */
int tg_request_head_parse(const char *bytes, size_t length, const struct tg_head_limits *limits,
                          struct tg_request_head *ret_head);

/* RFC 9110 section 5.6.2. */
bool tg_is_token(const char *bytes, size_t length);

/* Without spaces and tabs at either end. */
struct tg_str tg_str_trim(struct tg_str text);

/* Takes the next member off a comma-separated list, without white space around it; false at its end. Empty
 * members are passed over (RFC 9110 section 5.6.1). */
bool tg_list_next(struct tg_str *list, struct tg_str *ret_member);

#endif
