/* The words of states. */
#include "tidegate/upstream.h"

static const char *const state_texts[] = {
    [TG_UPSTREAM_IDLE] = "idle",       [TG_UPSTREAM_CONNECTING] = "connecting", [TG_UPSTREAM_UP] = "up",
    [TG_UPSTREAM_WAITING] = "waiting", [TG_UPSTREAM_STOPPED] = "stopped",
};

const char *tg_upstream_state_text(enum tg_upstream_state state)
{
    return (unsigned)state < TG_COUNT_OF(state_texts) ? state_texts[state] : "unknown";
}
