/* The pacer: how many connections to one backend begin in a second, and whose turn is next. Pure: times and numbers come
 * in, grants come out; it has no clock, no lock and no connection.
 *
 *     place "host:port" ─┬─ line of stream 3 ─ ticket 11 ─ ticket 15
 *                        └─ line of stream 7 ─ ticket 12                  turns: 11, 12, 15
 *
 * A place has a slot every 1/per_second; up to `burst` unused ones are kept. An attempt that finds nobody waiting and a
 * slot free begins at once. Others wait in the line of their stream, and the lines take turns. A slot that somebody waits
 * for opens up to one interval late, at random; the rate stays the same. A place that has all its slots back and nobody
 * waiting is as good as none, so it is forgotten. */
#ifndef TIDEGATE_UPSTREAM_PACER_H
#define TIDEGATE_UPSTREAM_PACER_H

#include "tidegate/base.h"

struct tg_pacer;

struct tg_pace {
    uint64_t per_second; /* at least 1 */
    uint64_t burst;      /* 0 counts as 1 */
};

struct tg_pacer_attempt {
    const char *host;
    uint16_t port;
    uint64_t stream; /* attempts of one stream keep their order; streams take turns */
    size_t worker;   /* comes back in the grant */
};

struct tg_pacer_grant {
    uint64_t ticket;
    size_t worker;
};

struct tg_pacer *tg_pacer_new(const struct tg_pace *pace, uint64_t (*random_below)(uint64_t bound));
void tg_pacer_free(struct tg_pacer *pacer); /* NULL is fine */

/* Times may go back a little, as clocks of several threads do. */

/* 0: the attempt may begin now. Else its ticket: a grant will name it. */
uint64_t tg_pacer_ask(struct tg_pacer *pacer, const struct tg_pacer_attempt *attempt, uint64_t now_ms);
/* Tickets whose turn has come, at most `max` of them. Each is still to be collected or given up. */
size_t tg_pacer_take_due(struct tg_pacer *pacer, uint64_t now_ms, struct tg_pacer_grant *ret_grants,
                         size_t max);
/* When the next turn comes; UINT64_MAX: nobody waits. */
uint64_t tg_pacer_next_ms(const struct tg_pacer *pacer);
/* The attempt of a granted ticket begins. */
void tg_pacer_collect(struct tg_pacer *pacer, uint64_t ticket);
/* The ticket's attempt will not begin: it leaves its line, or its slot goes to somebody else. */
void tg_pacer_give_up(struct tg_pacer *pacer, uint64_t ticket);

size_t tg_pacer_count_places(const struct tg_pacer *pacer); /* for tests */

#endif
