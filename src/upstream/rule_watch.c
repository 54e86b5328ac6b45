/* One finding is proof that a rule can find something; events that stand for misfits prove nothing. */
#include "rule_watch.h"

static bool has_misfit(const struct tg_translation *translation)
{
    return translation->first_misfit != TG_MISFIT_NONE;
}

static bool is_event_dead(struct tg_rule_watch *watch, const struct tg_translation *translation)
{
    if (watch->has_told_event || has_misfit(translation))
        return false;
    watch->untyped += translation->untyped;
    bool is_alive = translation->events > translation->untyped,
         is_enough = watch->untyped >= TG_WATCHED_EVENTS;
    watch->has_told_event = is_alive || is_enough;
    return is_enough && !is_alive;
}

static bool is_when_dead(struct tg_rule_watch *watch, const struct tg_translation *translation)
{
    if (watch->has_told_when)
        return false;
    watch->filtered += translation->filtered;
    bool is_alive = translation->events > 0 || translation->repeated > 0 || has_misfit(translation);
    bool is_enough = watch->filtered >= TG_WATCHED_MESSAGES;
    watch->has_told_when = is_alive || is_enough;
    return is_enough && !is_alive;
}

enum tg_dead_rule tg_rule_watch_on_message(struct tg_rule_watch *watch,
                                           const struct tg_translation *translation)
{
    if (is_when_dead(watch, translation))
        return TG_DEAD_WHEN;
    return is_event_dead(watch, translation) ? TG_DEAD_EVENT : TG_DEAD_NONE;
}
