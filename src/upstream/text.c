/* The words of states and reasons. */
#include "tidegate/upstream.h"

static const char *const state_texts[] = {
    [TG_UPSTREAM_IDLE] = "idle",       [TG_UPSTREAM_CONNECTING] = "connecting", [TG_UPSTREAM_UP] = "up",
    [TG_UPSTREAM_WAITING] = "waiting", [TG_UPSTREAM_STOPPED] = "stopped",
};

static const char *const reason_texts[TG_REASON_COUNT] = {
    [TG_REASON_NONE] = "none",           [TG_REASON_DNS] = "dns",
    [TG_REASON_CONNECT] = "connect",     [TG_REASON_TLS] = "tls",
    [TG_REASON_HANDSHAKE] = "handshake", [TG_REASON_REDIRECT] = "redirect",
    [TG_REASON_TIMEOUT] = "timeout",     [TG_REASON_CLOSED] = "closed",
    [TG_REASON_LIVENESS] = "liveness",   [TG_REASON_IDLE] = "idle",
    [TG_REASON_PROTOCOL] = "protocol",   [TG_REASON_STATUS] = "status",
    [TG_REASON_FINISHED] = "finished",   [TG_REASON_STOPPED] = "stopped",
};

const char *tg_upstream_state_text(enum tg_upstream_state state)
{
    return (unsigned)state < TG_COUNT_OF(state_texts) ? state_texts[state] : "unknown";
}

const char *tg_upstream_reason_text(enum tg_upstream_reason reason)
{
    return (unsigned)reason < TG_REASON_COUNT ? reason_texts[reason] : "unknown";
}
