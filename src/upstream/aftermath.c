/* The aftermath of a link. */
#include "aftermath.h"

enum { UNAUTHORIZED = 401, FORBIDDEN = 403, PROXY_UNAUTHORIZED = 407 };

static bool has_code(const struct tg_config_codes *codes, unsigned code)
{
    for (size_t i = 0; i < codes->count; i++)
        if (codes->list[i] == (int64_t)code)
            return true;
    return false;
}

bool tg_aftermath_is_refusal(const struct tg_config_upstream *config, const struct tg_link_end *end)
{
    return end->status == UNAUTHORIZED || end->status == FORBIDDEN || end->status == PROXY_UNAUTHORIZED ||
           has_code(&config->close_later, end->close_code);
}

enum tg_wait tg_aftermath_wait(const struct tg_config_upstream *config, const struct tg_link_end *end)
{
    if (end->is_finished && end->has_messages)
        return TG_WAIT_RECYCLE;
    if (tg_aftermath_is_refusal(config, end))
        return TG_WAIT_LONGEST;
    if (has_code(&config->close_spread, end->close_code))
        return TG_WAIT_SPREAD;
    return TG_WAIT_USUAL;
}

/* The status where it is the reason: others are implied, or were good. */
struct tg_stream_condition tg_aftermath_outage(const struct tg_link_end *end)
{
    struct tg_stream_condition outage = { .state = TG_STREAM_DOWN, .reason = (uint8_t)end->reason };

    if (end->reason == TG_REASON_STATUS || end->reason == TG_REASON_HANDSHAKE)
        outage.status = (uint16_t)end->status;
    return outage;
}

static bool ends_in_order(const struct tg_config_stream *config, bool is_once)
{
    if (config->session.on_end == TG_ON_END_DEFAULT)
        return config->upstream.kind != TG_UPSTREAM_SSE || is_once;
    return config->session.on_end == TG_ON_END_END;
}

bool tg_aftermath_is_over(const struct tg_config_stream *config, const struct tg_link_end *end, bool is_once,
                          bool is_resumable)
{
    if (config->scope != TG_SCOPE_CLIENT)
        return false;
    if (config->upstream.kind == TG_UPSTREAM_WEBSOCKET)
        return end->close_code != 0 && has_code(&config->upstream.close_end, end->close_code);
    if (end->reason == TG_REASON_FINISHED)
        return true;
    return end->is_finished && (ends_in_order(config, is_once) || (is_once && !is_resumable));
}
