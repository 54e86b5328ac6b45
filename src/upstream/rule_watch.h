/* Rules that find nothing in message after message, which only running shows. Pure. */
#ifndef TIDEGATE_UPSTREAM_RULE_WATCH_H
#define TIDEGATE_UPSTREAM_RULE_WATCH_H

#include "tidegate/translate.h"

enum {
    TG_WATCHED_EVENTS = 100,    /* without a type, and none with one before */
    TG_WATCHED_MESSAGES = 1000, /* that `when` did not let through, and none that it did */
};

enum tg_dead_rule { TG_DEAD_NONE, TG_DEAD_EVENT, TG_DEAD_WHEN };

struct tg_rule_watch { /* zeroed: at its start */
    uint64_t untyped, filtered;
    bool has_told_event, has_told_when; /* or there is nothing to tell any more */
};

/* What became of a message: the rule that has never found anything in so many of them, once. */
enum tg_dead_rule tg_rule_watch_on_message(struct tg_rule_watch *watch,
                                           const struct tg_translation *translation);

#endif
