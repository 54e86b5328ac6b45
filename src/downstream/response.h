/* Response heads and short answers, as bytes. Pure. */
#ifndef TIDEGATE_DOWNSTREAM_RESPONSE_H
#define TIDEGATE_DOWNSTREAM_RESPONSE_H

#include "tidegate/base.h"

struct tg_response {
    int status;
    const char *content_type; /* NULL: no body */
    struct tg_str body;
    bool has_long_body;     /* the caller sends the body itself */
    bool is_head;           /* the body is counted but not sent */
    bool closes;            /* Connection: close */
    bool says_keep_alive;   /* HTTP/1.0 needs to be told */
    bool is_stored;         /* false: Cache-Control: no-store */
    const char *allow;      /* Allow, with 405 and OPTIONS; or NULL */
    uint64_t retry_after_s; /* Retry-After; 0: none */
    struct tg_str extra;    /* whole header lines */
};

/* `date` is an IMF-fixdate (RFC 9110 section 5.6.7). */
enum tg_err tg_response_append(struct tg_buffer *out, const struct tg_response *response, const char *date);

/* The head of an event stream; `is_chunked` for HTTP/1.1, else the body ends with the connection. */
enum tg_err tg_response_append_stream_head(struct tg_buffer *out, const char *date, bool is_chunked,
                                           bool closes, struct tg_str extra);

/* "Not Found"; "Unknown" for what this server does not send by itself. */
const char *tg_response_reason(int status);

enum { TG_DATE_SIZE = 32 };
void tg_response_format_date(uint64_t wall_ms, char ret_date[TG_DATE_SIZE]);

#endif
