/* The common part of the links over HTTP. */
#include "link_http.h"

#include "content.h"

#include <assert.h>

enum { DETAIL_BYTES = 100 }; /* of what the backend wrote, in the log */

void link_http_init(struct link_http *link, const struct tg_link_options *options,
                    const struct tg_link_ops *ops)
{
    *link = (struct link_http){
        .link = { .ops = ops },
        .http = options->http,
        .config = options->config,
        .progress = options->progress,
        .caller = options->caller,
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

void link_hold(struct link_http *link, bool is_held)
{
    link->is_held = is_held;
    if (link->exchange)
        tg_http_hold(link->exchange, is_held);
}

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

bool link_accepts_type(const struct link_http *link, struct tg_str content_type)
{
    return tg_content_is_any(content_type, (const char *const *)link->config->accept_types);
}

void link_refuse_type(struct link_http *link, unsigned status, struct tg_str content_type,
                      const char *expected)
{
    bool is_page = tg_content_is_page(content_type);
    int shown = content_type.length < DETAIL_BYTES ? (int)content_type.length : DETAIL_BYTES;

    tg_buffer_clear(&link->detail);
    tg_buffer_appendf(&link->detail, "content type %.*s is %snot %s; accept_type can allow it", shown,
                      content_type.data, is_page ? "a web page, " : "", expected);
    link_set_verdict(link, TG_REASON_STATUS, tg_text_or_empty(link->detail.data));
    link->end.status = status;
}
