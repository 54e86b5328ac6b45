/* Figures: the sum over workers, and the words that tell them apart. */
#include "counters.h"

static uint64_t value_of(const tg_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void tg_counters_sum(const struct tg_counters *counters, struct tg_server_stats *sum)
{
    sum->accepted += value_of(&counters->accepted);
    sum->connections += value_of(&counters->connections);
    sum->subscribers += value_of(&counters->subscribers);
    sum->subscribed += value_of(&counters->subscribed);
    for (size_t i = 0; i < TG_COUNT_OF(sum->closed); i++)
        sum->closed[i] += value_of(&counters->closed[i]);
    for (size_t i = 0; i < TG_COUNT_OF(sum->requests); i++)
        sum->requests[i] += value_of(&counters->requests[i]);
    for (size_t i = 0; i < TG_COUNT_OF(sum->sends); i++)
        sum->sends[i] += value_of(&counters->sends[i]);
    sum->bytes_out += value_of(&counters->bytes_out);
    sum->writes += value_of(&counters->writes);
    for (size_t i = 0; i < TG_COUNT_OF(sum->gaps); i++)
        sum->gaps[i] += value_of(&counters->gaps[i]);
    sum->heartbeats += value_of(&counters->heartbeats);
    sum->refused += value_of(&counters->refused);
    sum->handshakes += value_of(&counters->handshakes);
    sum->handshakes_delayed += value_of(&counters->handshakes_delayed);
    sum->handshakes_refused += value_of(&counters->handshakes_refused);
}

const char *tg_close_reason_text(enum tg_close_reason reason)
{
    static const char *const texts[TG_CLOSE_COUNT] = {
        [TG_CLOSE_CLIENT] = "client", [TG_CLOSE_STALL] = "stall",     [TG_CLOSE_DRAIN] = "drain",
        [TG_CLOSE_LIMIT] = "limit",   [TG_CLOSE_TIMEOUT] = "timeout", [TG_CLOSE_ERROR] = "error",
        [TG_CLOSE_DONE] = "done",
    };
    return reason < TG_CLOSE_COUNT ? texts[reason] : "unknown";
}

const char *tg_send_result_text(enum tg_send_result result)
{
    static const char *const texts[TG_SEND_RESULT_COUNT] = {
        [TG_SEND_WRITTEN] = "written", [TG_SEND_REFUSED] = "refused", [TG_SEND_CLOSED] = "closed",
        [TG_SEND_LIMITED] = "limited", [TG_SEND_FAILED] = "failed",
    };
    return result < TG_SEND_RESULT_COUNT ? texts[result] : "unknown";
}
