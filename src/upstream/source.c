/* What upstreams of a configured stream share, and the sum of their figures. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---------------------------------------------------------------------------------------- */

static void free_share(struct tg_share *share)
{
    if (!share)
        return;
    tg_translator_free(share->translator);
    tg_until_free(share->until);
    tg_fresh_queue_deinit(&share->fresh);
    free(share);
}

static enum tg_err new_share(const struct tg_source *source, struct tg_share **ret_share,
                             struct tg_buffer *ret_error)
{
    const struct tg_config_stream *config = source->config;
    struct tg_share *share = tg_alloc(sizeof(*share));
    enum tg_err err = tg_translator_new(&config->translate, &share->translator, ret_error);

    if (err == TG_OK)
        tg_translator_reserve(share->translator, source->names);
    if (err == TG_OK && source->kind == TG_SOURCE_ROUTED)
        err = tg_translator_route(share->translator, &config->route, config->parameters,
                                  config->parameter_count, ret_error);
    if (err == TG_OK && config->until)
        err = tg_until_new(config->until, &share->until, ret_error);
    if (err < 0) {
        free_share(share);
        return err;
    }
    share->fresh.fresh = source->fresh;
    atomic_store_explicit(&share->counters.state_since_ms, tg_clock_now_ms(), memory_order_relaxed);
    *ret_share = share;
    return TG_OK;
}

static enum tg_err prepare_tls(struct tg_source *source, struct tg_buffer *ret_error)
{
    const struct tg_config_upstream *config = &source->config->upstream;

    if (config->kind == TG_UPSTREAM_WEBSOCKET)
        return tg_tls_client_new(&config->tls, &source->tls, ret_error);
    return tg_tls_client_check(&config->tls, ret_error);
}

enum tg_err tg_source_new(enum tg_source_kind kind, const struct tg_config_stream *config,
                          const struct tg_config_sse *names, size_t worker_count, size_t worker_index,
                          struct tg_source **ret_source, struct tg_buffer *ret_error)
{
    struct tg_source *source = tg_alloc(sizeof(*source));

    *source =
        (struct tg_source){ .kind = kind, .config = config, .names = names, .share_count = worker_count };
    source->shares = tg_alloc(worker_count * sizeof(*source->shares));
    enum tg_err err = prepare_tls(source, ret_error);
    if (err == TG_OK)
        source->fresh = tg_fresh_new(config);
    for (size_t i = 0; i < worker_count && err == TG_OK; i++)
        if (kind == TG_SOURCE_FAMILY || i == worker_index)
            err = new_share(source, &source->shares[i], ret_error);
    if (err < 0) {
        tg_source_free(source);
        return err;
    }
    *ret_source = source;
    return TG_OK;
}

void tg_source_pass_gates(struct tg_source *source, struct tg_gates *gates, uint64_t number)
{
    for (size_t i = 0; i < source->share_count; i++)
        if (source->shares[i])
            source->shares[i]->caller = (struct tg_caller){
                .gate = tg_gates_get(gates, i),
                .stream = number,
                .delayed = &source->shares[i]->counters.delayed,
                .waiting = &source->shares[i]->counters.waiting,
            };
}

void tg_source_announce(const struct tg_source *source)
{
    const struct tg_config_upstream *config = &source->config->upstream;

    /* The scheme may be a parameter. */
    const char *text = tg_text_or_empty(config->url.text);
    bool may_be_secure = config->url.is_secure || memchr(text, '{', strcspn(text, ":"));

    if (!config->tls.verify && may_be_secure)
        tg_log(TG_LOG_WARNING, "upstream", "unverified_tls", TG_F_STR("stream", source->config->name),
               TG_F_STR("host", config->url.host));
}

void tg_source_free(struct tg_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->share_count; i++)
        free_share(source->shares[i]);
    free(source->shares);
    tg_fresh_free(source->fresh);
    tg_tls_client_free(source->tls);
    free(source);
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* One thread writes: no need for an atomic addition. */
void tg_figure_add(_Atomic uint64_t *counter, uint64_t count)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + count, memory_order_relaxed);
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_counters(struct tg_upstream_stats *stats, const struct tg_counters *counters)
{
    stats->connects += load(&counters->connects);
    stats->attempts += load(&counters->attempts);
    stats->delayed += load(&counters->delayed);
    stats->waiting += load(&counters->waiting);
    stats->messages += load(&counters->messages);
    stats->message_bytes += load(&counters->message_bytes);
    stats->untyped += load(&counters->untyped);
    stats->filtered += load(&counters->filtered);
    stats->repeated += load(&counters->repeated);
    stats->refused += load(&counters->refused);
    stats->held += load(&counters->held);
    stats->cursor_missing += load(&counters->cursor_missing);
    stats->recycling += load(&counters->recycling);
    for (size_t i = 0; i < TG_UPSTREAM_STATE_COUNT; i++)
        stats->states[i] += load(&counters->states[i]);
    for (size_t i = 0; i < TG_REASON_COUNT; i++)
        stats->failures[i] += load(&counters->failures[i]);
    for (size_t i = 0; i < TG_ENDING_COUNT; i++)
        stats->endings[i] += load(&counters->endings[i]);
    for (size_t i = 0; i < TG_MISFIT_COUNT; i++)
        stats->misfits[i] += load(&counters->misfits[i]);
    if (stats->state_since_ms < load(&counters->state_since_ms))
        stats->state_since_ms = load(&counters->state_since_ms);
}

const char *tg_ending_text(enum tg_ending ending)
{
    return ending == TG_ENDING_COMPLETE ? "complete" : "failed";
}

/* The best that any of them is in. */
static enum tg_upstream_state sum_up(const uint64_t *states)
{
    static const enum tg_upstream_state order[] = { TG_UPSTREAM_UP, TG_UPSTREAM_CONNECTING,
                                                    TG_UPSTREAM_WAITING, TG_UPSTREAM_STOPPED };

    for (size_t i = 0; i < TG_COUNT_OF(order); i++)
        if (states[order[i]] > 0)
            return order[i];
    return TG_UPSTREAM_IDLE;
}

void tg_source_get_stats(const struct tg_source *source, struct tg_upstream_stats *ret_stats)
{
    const struct tg_config_upstream *config = &source->config->upstream;
    struct tg_upstream_stats stats = { .stream_name = source->config->name };

    _Static_assert(TG_COUNT_OF(stats.misfits) >= TG_MISFIT_COUNT, "room for each misfit");
    for (size_t i = 0; i < source->share_count; i++)
        if (source->shares[i])
            add_counters(&stats, &source->shares[i]->counters);
    stats.state = sum_up(stats.states);
    bool comes_on_demand = config->connect == TG_CONNECT_ON_DEMAND || source->kind == TG_SOURCE_FAMILY;
    /* None is left that could come up again. */
    bool has_ended = stats.state == TG_UPSTREAM_STOPPED &&
                     stats.endings[TG_ENDING_COMPLETE] + stats.endings[TG_ENDING_FAILED] > 0;
    stats.required = config->required && !has_ended && !(comes_on_demand && stats.state == TG_UPSTREAM_IDLE);
    *ret_stats = stats;
}
