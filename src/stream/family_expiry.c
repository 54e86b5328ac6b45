/* Members that nobody uses: in a list by the time since when, closed once that is linger_ms ago. */
#include "family.h"

#include <stdlib.h>
#include <utlist.h>

enum { CLOSED_AT_ONCE_MAX = 64 }; /* taken out under the lock in one go */

void family_settle(struct family_member *member)
{
    struct tg_family *family = member->family;
    bool is_idle = member->holds == 0 && !member->has_demand && !member->has_gone;

    if (member->is_idle == is_idle)
        return;
    member->is_idle = is_idle;
    if (is_idle) {
        member->idle_since_ms = tg_clock_now_ms();
        DL_APPEND2(family->idle, member, prev_idle, next_idle);
    } else {
        DL_DELETE2(family->idle, member, prev_idle, next_idle);
    }
}

void family_member_on_demand(struct family_member *member, bool has_subscribers)
{
    struct tg_family *family = member->family;

    pthread_mutex_lock(&family->lock);
    member->has_demand = has_subscribers;
    family_settle(member);
    pthread_mutex_unlock(&family->lock);
}

static bool is_expired(const struct tg_family *family, const struct family_member *member, uint64_t now_ms)
{
    return now_ms >= member->idle_since_ms && now_ms - member->idle_since_ms >= family->options.linger_ms;
}

/* Removes up to CLOSED_AT_ONCE_MAX members, linked by next_idle. */
static struct family_member *take_expired(struct tg_family *family, uint64_t now_ms)
{
    struct family_member *expired = NULL, *member;

    pthread_mutex_lock(&family->lock);
    for (int i = 0; i < CLOSED_AT_ONCE_MAX; i++) {
        member = family->idle;
        if (!member || !is_expired(family, member, now_ms))
            break;
        family_remove(member);
        family->closed++;
        DL_APPEND2(expired, member, prev_idle, next_idle);
    }
    pthread_mutex_unlock(&family->lock);
    return expired;
}

static void close_member(struct family_member *member)
{
    const struct tg_family_hooks *hooks = &member->family->options.hooks;

    family_member_detach(member);
    hooks->close(hooks->arg, member->stream);
    family_member_free(member);
}

void tg_family_sweep(struct tg_family *family, uint64_t now_ms)
{
    struct family_member *expired;

    while ((expired = take_expired(family, now_ms))) {
        while (expired) {
            struct family_member *next = expired->next_idle;
            close_member(expired);
            expired = next;
        }
    }
}

/* Nobody else is there any more: no lock. */
void tg_family_free(struct tg_family *family)
{
    if (!family)
        return;
    while (family->all) {
        struct family_member *member = family->all;
        family_remove(member);
        close_member(member);
    }
    pthread_mutex_destroy(&family->lock);
    free(family->name);
    free(family);
}
