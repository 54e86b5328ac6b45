/* Which kind of link a configuration asks for. */
#include "link.h"

struct tg_link *tg_link_new(const struct tg_link_options *options)
{
    switch ((enum tg_config_upstream_kind)options->config->kind) {
    case TG_UPSTREAM_SSE:
    case TG_UPSTREAM_NDJSON:
        return tg_link_new_lines(options);
    case TG_UPSTREAM_POLL:
        return tg_link_new_poll(options);
    case TG_UPSTREAM_WEBSOCKET:
        break;
    }
    return tg_link_new_websocket(options);
}

void tg_link_hold(struct tg_link *link, bool is_held)
{
    link->ops->hold(link, is_held);
}

void tg_link_close(struct tg_link *link, unsigned code)
{
    link->ops->close(link, code);
}
