/* One upstream: how its connections end, in the log.
 *
 * The backend wrote the reason of its close, some of the detail and, where a redirect led, host and path. The query of a
 * path is never shown; that of a session is shown as it is configured, with its "{name}", since the values are the
 * client's. What else is known to be secret is masked, wherever it stands. */
#include "upstream_internal.h"

#include "aftermath.h"
#include "secrets.h"

#include <string.h>

enum {
    HOST_SHOWN_BYTES = TG_TARGET_HOST_MAX,
    PATH_SHOWN_BYTES = 200,
    DETAIL_SHOWN_BYTES = 200,
    BODY_BYTES = 64 * 1024, /* of what a client posted, the first are looked for */
};

struct place {
    struct tg_buffer host, path, detail, close_reason;
    uint16_t port;
};

static struct tg_str without_query(const char *path)
{
    return (struct tg_str){ path, strcspn(path, "?") };
}

/* Not where a redirect has led. */
static bool is_configured(const struct tg_upstream *up, const struct tg_target *target)
{
    return target->port == up->target.port && strcmp(target->host, up->target.host) == 0 &&
           tg_str_equals(without_query(target->path), without_query(up->target.path));
}

static void collect_secrets(const struct tg_upstream *up, const struct tg_target *target,
                            struct tg_secrets *secrets)
{
    const struct tg_config_upstream *config = up->config;

    tg_secrets_add_known(secrets, up->source->config->secrets, up->target.host);
    if (up->generation)
        tg_secrets_add_known(secrets, tg_generation_config(up->generation)->secrets, up->target.host);
    if (up->source->config->scope == TG_SCOPE_CLIENT)
        upstream_add_parameters(up, secrets);
    tg_secrets_add_upstream(secrets, config);
    tg_secrets_add_query(secrets, up->target.path);
    tg_secrets_add_query(secrets, target->path);
    for (size_t i = 0; up->is_once && i < config->on_open_count; i++)
        tg_secrets_add(secrets,
                       (struct tg_str){ config->on_open[i].bytes, config->on_open[i].length < BODY_BYTES
                                                                      ? config->on_open[i].length
                                                                      : BODY_BYTES });
    if (up->is_once && config->body.length > 0)
        tg_secrets_add(secrets, (struct tg_str){ config->body.bytes, config->body.length < BODY_BYTES
                                                                         ? config->body.length
                                                                         : BODY_BYTES });
}

static void describe(const struct tg_upstream *up, const struct tg_link_end *end, struct place *ret_place)
{
    const struct tg_target *target = end->target ? end->target : &up->target;
    bool is_known = is_configured(up, target);
    bool is_of_client = up->source->config->scope == TG_SCOPE_CLIENT;
    const char *path = is_known && is_of_client ? up->source->config->upstream.url.path : target->path;
    struct tg_secrets secrets = { 0 };

    *ret_place = (struct place){ .port = target->port };
    collect_secrets(up, target, &secrets);
    tg_mask(&ret_place->host, tg_str_from(target->host), is_known ? NULL : &secrets, HOST_SHOWN_BYTES);
    tg_mask(&ret_place->path, without_query(path), &secrets, PATH_SHOWN_BYTES);
    tg_mask(&ret_place->detail, tg_str_from(end->detail), &secrets, DETAIL_SHOWN_BYTES);
    tg_mask(&ret_place->close_reason, end->close_reason, &secrets, DETAIL_SHOWN_BYTES);
    tg_secrets_deinit(&secrets);
}

static void forget(struct place *place)
{
    tg_buffer_deinit(&place->host);
    tg_buffer_deinit(&place->path);
    tg_buffer_deinit(&place->detail);
    tg_buffer_deinit(&place->close_reason);
}

void upstream_log_failure(struct tg_upstream *up, const struct tg_link_end *end, bool was_up,
                          uint64_t delay_ms)
{
    uint32_t suppressed;
    struct place place;

    if (!tg_log_limit_allows(&up->share->failure_limit, 1, tg_clock_now_ms(), &suppressed))
        return;
    describe(up, end, &place);
    /* One that ends as it is meant to is nothing to worry about. */
    bool is_recycled = tg_aftermath_wait(up->config, end) == TG_WAIT_RECYCLE;
    tg_log(is_recycled ? upstream_log_level(up) : TG_LOG_WARNING, "upstream",
           was_up ? "disconnected" : "attempt_failed", TG_F_STR("stream", upstream_name(up)),
           TG_F_STR("reason", tg_upstream_reason_text(end->reason)), TG_F_STR("host", place.host.data),
           TG_F_INT("port", place.port), TG_F_STR("path", place.path.data),
           TG_F_STR_IF("detail", place.detail.data), TG_F_INT_IF("status", end->status),
           TG_F_INT_IF("close_code", end->close_code), TG_F_STR_IF("close_reason", place.close_reason.data),
           TG_F_INT("retry_ms", delay_ms), TG_F_INT_IF("suppressed", suppressed));
    forget(&place);
}

void upstream_log_finish(struct tg_upstream *up, const struct tg_link_end *end)
{
    struct place place;

    if (!tg_log_is_enabled(upstream_log_level(up)))
        return;
    describe(up, end, &place);
    tg_log(upstream_log_level(up), "upstream", "finished", TG_F_STR("stream", upstream_name(up)),
           TG_F_STR("reason", tg_upstream_reason_text(end->reason)), TG_F_STR("host", place.host.data),
           TG_F_INT("port", place.port), TG_F_STR("path", place.path.data),
           TG_F_STR_IF("detail", place.detail.data), TG_F_INT_IF("status", end->status),
           TG_F_INT_IF("close_code", end->close_code), TG_F_STR_IF("close_reason", place.close_reason.data));
    forget(&place);
}
