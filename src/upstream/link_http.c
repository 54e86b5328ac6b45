/* The common part of the links over HTTP. */
#include "link_http.h"

#include <assert.h>

void link_http_init(struct link_http *link, const struct tg_link_options *options,
                    const struct tg_link_ops *ops)
{
    *link = (struct link_http){
        .link = { .ops = ops },
        .http = options->http,
        .config = options->config,
        .progress = options->progress,
        .handler = options->handler,
        .arg = options->arg,
        .end = { .detail = "" },
    };
}

void link_http_deinit(struct link_http *link)
{
    if (link->exchange)
        tg_http_cancel(link->exchange);
    tg_buffer_deinit(&link->detail);
}

/* ---- the request ------------------------------------------------------------------------------ */

void link_headers_add(struct link_headers *headers, const char *name, const char *value)
{
    assert(headers->count + 1 < TG_COUNT_OF(headers->list));
    if (value && *value)
        headers->list[headers->count++] = (struct tg_config_header){ (char *)name, (char *)value };
}

/* ---- the answer ------------------------------------------------------------------------------- */

void link_tell_open(struct link_http *link)
{
    if (link->is_open)
        return;
    link->is_open = true;
    link->handler->on_open(link->arg);
}

void link_set_verdict(struct link_http *link, enum tg_upstream_reason reason, const char *detail)
{
    link->has_verdict = true;
    link->end.reason = reason;
    link->end.detail = detail;
}

void link_refuse_status(struct link_http *link, const struct tg_http_answer *answer)
{
    link_set_verdict(link, TG_REASON_STATUS, "");
    link->end.status = answer->status;
    link->end.retry_after_ms = answer->retry_after_ms;
}
