/* What the links over HTTP have in common: the request that the configuration asks for, and how an answer ends them.
 *
 * The handler may close a link from within each of its calls. So around them a link is busy, and one that is closed
 * meanwhile is freed only when it is busy no more. */
#ifndef TIDEGATE_UPSTREAM_LINK_HTTP_H
#define TIDEGATE_UPSTREAM_LINK_HTTP_H

#include "link.h"

struct link_http { /* each of these links begins with one */
    struct tg_link link;
    struct tg_http_client *http;
    const struct tg_config_upstream *config;
    struct tg_progress *progress;
    const struct tg_caller *caller; /* or NULL */
    const struct tg_link_handler *handler;
    void *arg;
    struct tg_http_exchange *exchange; /* NULL: none under way */
    bool is_open;                      /* on_open has been told */
    bool is_busy, is_closed;
    bool is_held;
    bool has_verdict;       /* `end` says how it ends, whatever the exchange says */
    struct tg_link_end end; /* its detail: a constant, or in `detail` */
    struct tg_buffer detail;
};

void link_http_init(struct link_http *link, const struct tg_link_options *options,
                    const struct tg_link_ops *ops);
/* Frees what is in it, not the struct; calls the exchange off. */
void link_http_deinit(struct link_http *link);

/* Headers of a request beside those of the configuration. */
struct link_headers {
    struct tg_config_header list[5]; /* ends with a NULL name */
    size_t count;
};
/* Borrows both texts; nothing is added when the value is NULL or empty. */
void link_headers_add(struct link_headers *headers, const char *name, const char *value);

void link_hold(struct link_http *link, bool is_held);
void link_tell_open(struct link_http *link); /* once */
/* The end that it shall come to, when the exchange is over. */
void link_set_verdict(struct link_http *link, enum tg_upstream_reason reason, const char *detail);
void link_refuse_status(struct link_http *link, const struct tg_http_answer *answer);
/* The same for an answer of a type that is not accepted. `expected` is what should have come, "JSON" say. */
void link_refuse_type(struct link_http *link, unsigned status, struct tg_str content_type,
                      const char *expected);
bool link_accepts_type(const struct link_http *link, struct tg_str content_type); /* by `accept_type` */

#endif
