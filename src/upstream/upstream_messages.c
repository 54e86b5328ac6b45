/* One upstream: what its link delivers. Messages go through the translator into the stream. */
#include "upstream_internal.h"

#include <stdlib.h>
#include <string.h>

/* Over HTTP each good answer says that who asked may. */
static void note_answer(struct tg_upstream *up)
{
    if (!upstream_is_websocket(up))
        upstream_note_accepted(up);
}

/* Those of members are many, and only told where all is to be told. */
static void log_open(struct tg_upstream *up)
{
    uint32_t suppressed = 0;

    if (up->own || tg_log_limit_allows(&up->share->open_limit, 1, tg_clock_now_ms(), &suppressed))
        tg_log(upstream_log_level(up), "upstream", "connected", TG_F_STR("stream", upstream_name(up)),
               TG_F_INT_IF("suppressed", suppressed));
}

static void on_open(void *arg)
{
    struct tg_upstream *up = arg;
    const struct tg_config_upstream *config = up->config;

    note_answer(up);
    tg_figure_add(&upstream_counters(up)->connects, 1);
    log_open(up);
    for (size_t i = 0; i < config->on_open_count; i++)
        up->link->ops->send(up->link, &config->on_open[i]);
    upstream_start_health(up);
    upstream_handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_OPENED });
    upstream_on_drained(up);
    if (up->is_held && up->link)
        tg_link_hold(up->link, true);
}

/* ---- messages --------------------------------------------------------------------------------- */

/* `cause`: of a misfit; NULL for others. */
static void log_message(struct tg_upstream *up, const char *event, const char *why,
                        const struct tg_misfit_cause *cause, size_t length)
{
    uint32_t suppressed;

    if (!tg_log_limit_allows(&up->share->message_limit, 1, tg_clock_now_ms(), &suppressed))
        return;
    char *rule = cause && cause->finds ? tg_strndup(cause->rule.data, cause->rule.length) : NULL;
    tg_log(TG_LOG_WARNING, "upstream", event, TG_F_STR("stream", upstream_name(up)), TG_F_STR("why", why),
           TG_F_STR_IF("rule", rule), TG_F_STR_IF("finds", cause ? cause->finds : NULL),
           TG_F_INT("bytes", length), TG_F_INT_IF("suppressed", suppressed));
    free(rule);
}

/* What tg_stream_append has against an event. */
static enum tg_misfit misfit_of(enum tg_err err)
{
    if (err == TG_ERR_TOO_LARGE)
        return TG_MISFIT_OVERSIZE;
    return err == TG_ERR_MEMORY ? TG_MISFIT_MEMORY : TG_MISFIT_EVENT;
}

static void lose_event(struct tg_upstream *up, enum tg_err err)
{
    enum tg_misfit misfit = misfit_of(err);

    up->emission.lost[misfit]++;
    upstream_lose(up, misfit == TG_MISFIT_OVERSIZE ? TG_GAP_OVERSIZE
                      : misfit == TG_MISFIT_MEMORY ? TG_GAP_MEMORY
                                                   : TG_GAP_ENCODING);
}

bool upstream_on_event(void *arg, const struct tg_event *event)
{
    struct tg_upstream *up = arg;
    enum tg_err err = upstream_append(up, event);

    up->has_events = up->has_events || err == TG_OK;
    if (err == TG_OK)
        return true;
    if (err == TG_ERR_CLOSED)
        return false;
    if (err == TG_ERR_LIMIT && up->routes)
        up->emission.refused++;
    else
        lose_event(up, err);
    tg_translator_let_go(up->share->translator); /* the message's other events may be taken */
    return true;
}

void upstream_on_lost(void *arg, enum tg_gap_reason reason)
{
    upstream_lose(arg, reason);
}

static void count_misfits(struct tg_upstream *up, const struct tg_translation *translation, size_t length)
{
    bool is_dropped = up->source->config->translate.on_misfit == TG_MISFIT_DROP;

    for (size_t i = TG_MISFIT_NONE + 1; i < TG_MISFIT_COUNT; i++)
        if (translation->misfits[i] > 0)
            tg_figure_add(&upstream_counters(up)->misfits[i], translation->misfits[i]);
    log_message(up, is_dropped ? "message_dropped" : "message_misfit",
                tg_misfit_text(translation->first_misfit), &translation->first_cause, length);
}

static void count_lost(struct tg_upstream *up, enum tg_misfit misfit, uint64_t count, size_t length)
{
    tg_figure_add(&upstream_counters(up)->misfits[misfit], count);
    log_message(up, "message_dropped", tg_misfit_text(misfit), NULL, length);
}

static void count_refused(struct tg_upstream *up, uint64_t count, size_t length)
{
    tg_figure_add(&upstream_counters(up)->refused, count);
    log_message(up, "event_refused", "too many keys", NULL, length);
}

/* Nothing else tells of a pointer that is wrong where it is no misfit to find nothing. */
static void watch_rules(struct tg_upstream *up, const struct tg_translation *translation)
{
    const struct tg_config_translate *rules = &up->source->config->translate;
    enum tg_dead_rule dead = tg_rule_watch_on_message(&up->share->rule_watch, translation);

    if (translation->untyped > 0)
        tg_figure_add(&upstream_counters(up)->untyped, translation->untyped);
    if (dead == TG_DEAD_EVENT)
        tg_log(TG_LOG_WARNING, "upstream", "rule_finds_nothing", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("option", "translate.event"), TG_F_STR("rule", rules->event),
               TG_F_INT("events", TG_WATCHED_EVENTS));
    else if (dead == TG_DEAD_WHEN)
        tg_log(TG_LOG_WARNING, "upstream", "rule_finds_nothing", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("option", "translate.when"), TG_F_INT("messages", TG_WATCHED_MESSAGES));
}

void upstream_on_translated(void *arg, const struct tg_message *message,
                            const struct tg_translation *translation)
{
    struct tg_upstream *up = arg;
    const struct emission emission = up->emission;

    up->emission = (struct emission){ 0 };
    if (translation->filtered > 0)
        tg_figure_add(&upstream_counters(up)->filtered, translation->filtered);
    watch_rules(up, translation);
    if (translation->repeated > 0)
        tg_figure_add(&upstream_counters(up)->repeated, translation->repeated);
    if (translation->first_misfit != TG_MISFIT_NONE)
        count_misfits(up, translation, message->length);
    if (emission.refused > 0)
        count_refused(up, emission.refused, message->length);
    for (size_t i = 0; i < TG_MISFIT_COUNT; i++)
        if (emission.lost[i] > 0)
            count_lost(up, (enum tg_misfit)i, emission.lost[i], message->length);
}

/* False: it was no text. */
static bool translate(struct tg_upstream *up, const struct tg_message *message)
{
    struct tg_translator *translator = up->share->translator;
    struct tg_translation translation;

    if (up->line)
        return upstream_put(up, message) || !up->link;
    if (up->own)
        tg_translator_run_for(translator, up->seen, message, upstream_on_event, up, &translation);
    else
        tg_translator_run(translator, message, upstream_on_event, up, &translation);
    upstream_on_translated(up, message, &translation);
    return translation.misfits[TG_MISFIT_UTF8] == 0 || !up->link; /* a plain stream has broken off */
}

static bool on_message(void *arg, const struct tg_message *message)
{
    struct tg_upstream *up = arg;

    note_answer(up);
    tg_figure_add(&upstream_counters(up)->messages, 1);
    tg_figure_add(&upstream_counters(up)->message_bytes, message->length);
    tg_health_on_message(&up->health, upstream_now_ms(up));
    if (up->share->until && tg_until_matches(up->share->until, message)) {
        struct tg_message last = *message;
        last.is_last = true;
        translate(up, &last);
        upstream_finish(up, "until");
        return true;
    }
    return translate(up, message);
}

/* `bytes`: the reason. */
static void lose(struct tg_upstream *up, struct tg_str bytes)
{
    enum tg_gap_reason reason;

    memcpy(&reason, bytes.data, sizeof(reason));
    upstream_lose(up, reason);
}

static void on_dropped(void *arg, bool is_oversize)
{
    struct tg_upstream *up = arg;

    tg_health_on_message(&up->health, upstream_now_ms(up));
    enum tg_misfit misfit = is_oversize ? TG_MISFIT_OVERSIZE : TG_MISFIT_MEMORY;
    tg_figure_add(&upstream_counters(up)->misfits[misfit], 1);
    enum tg_gap_reason reason = is_oversize ? TG_GAP_OVERSIZE : TG_GAP_MEMORY;
    upstream_in_order(up, lose, (struct tg_str){ (const char *)&reason, sizeof(reason) });
    log_message(up, "message_dropped", is_oversize ? "oversize" : "memory", NULL,
                (size_t)up->config->max_message_bytes);
}

/* ---- the rest --------------------------------------------------------------------------------- */

static void on_heard(void *arg)
{
    struct tg_upstream *up = arg;

    note_answer(up);
    tg_health_on_heard(&up->health, upstream_now_ms(up));
}

/* The 3rd, the 30th, the 300th and so on. */
static bool is_worth_telling(uint64_t count)
{
    while (count >= 10 && count % 10 == 0)
        count /= 10;
    return count == 3;
}

/* An answer without a cursor is the last page of many a backend. It is a mistake when events come and it never is there:
 * then the backend is asked for its first page for ever. */
static void on_cursor_missing(void *arg, const char *finds)
{
    struct tg_upstream *up = arg;
    uint32_t suppressed;

    tg_figure_add(&upstream_counters(up)->cursor_missing, 1);
    if (up->progress.cursor.length > 0 || !up->has_events || !is_worth_telling(++up->cursor_missing))
        return;
    if (tg_log_limit_allows(&up->share->hint_limit, 1, tg_clock_now_ms(), &suppressed))
        tg_log(TG_LOG_WARNING, "upstream", "cursor_missing", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("rule", up->config->cursor.from), TG_F_STR("finds", finds),
               TG_F_INT("answers", up->cursor_missing), TG_F_INT_IF("suppressed", suppressed));
}

static void on_no_line(void *arg)
{
    struct tg_upstream *up = arg;
    uint32_t suppressed;

    if (tg_log_limit_allows(&up->share->hint_limit, 1, tg_clock_now_ms(), &suppressed))
        tg_log(TG_LOG_WARNING, "upstream", "no_line_end", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("hint", "messages have to end with their line, unless framing says otherwise"),
               TG_F_INT_IF("suppressed", suppressed));
}

static void on_redirect(void *arg, const char *host)
{
    struct tg_upstream *up = arg;
    bool is_repeated =
        up->supervisor.state == TG_UPSTREAM_UP; /* a poll's, and its next request's, and so on */

    tg_log(is_repeated ? TG_LOG_DEBUG : upstream_log_level(up), "upstream", "redirect",
           TG_F_STR("stream", upstream_name(up)), TG_F_STR("host", host));
}

static void on_end(void *arg, const struct tg_link_end *end)
{
    struct tg_upstream *up = arg;

    up->link = NULL;
    tg_timer_stop(up->health_timer);
    tg_outlet_settle(&up->outlet, TG_ERR_CLOSED);
    if (upstream_is_over(up, end)) {
        tg_figure_add(&upstream_counters(up)->failures[end->reason], 1);
        upstream_log_finish(up, end);
        upstream_finish(up, tg_upstream_reason_text(end->reason));
    } else {
        upstream_fail(up, end);
        upstream_on_drained(up);
    }
}

static void ask(struct tg_upstream *up)
{
    up->link->ops->ask(up->link, up->config, &up->target);
}

static void on_due(void *arg)
{
    upstream_prepare(arg, ask);
}

static void on_drained(void *arg)
{
    upstream_on_drained(arg);
}

const struct tg_link_handler upstream_link_handler = {
    .on_open = on_open,
    .on_message = on_message,
    .on_dropped = on_dropped,
    .on_heard = on_heard,
    .on_cursor_missing = on_cursor_missing,
    .on_no_line = on_no_line,
    .on_redirect = on_redirect,
    .on_due = on_due,
    .on_drained = on_drained,
    .on_end = on_end,
};
