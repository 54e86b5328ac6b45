/* Turn hooks: work that is gathered during a turn and done once at its end. */
#include "worker.h"

void tg_worker_run_at_turn_end(struct tg_worker *worker, enum tg_turn_phase phase, struct tg_turn_hook *hook)
{
    struct turn_list *list = &worker->due[phase];

    if (hook->is_due)
        return;
    hook->is_due = true;
    hook->next = NULL;
    if (list->last)
        list->last->next = hook;
    else
        list->first = hook;
    list->last = hook;
}

void tg_worker_cancel_turn_hook(struct tg_worker *worker, enum tg_turn_phase phase, struct tg_turn_hook *hook)
{
    struct turn_list *list = &worker->due[phase];
    struct tg_turn_hook *before = NULL;

    if (!hook->is_due)
        return;
    for (struct tg_turn_hook *at = list->first; at; before = at, at = at->next) {
        if (at != hook)
            continue;
        if (before)
            before->next = hook->next;
        else
            list->first = hook->next;
        if (list->last == hook)
            list->last = before;
        hook->is_due = false;
        return;
    }
}

static size_t count_due(const struct turn_list *list)
{
    size_t count = 0;

    for (const struct tg_turn_hook *hook = list->first; hook; hook = hook->next)
        count++;
    return count;
}

/* Hooks come off the list one by one, since a hook may take back or free others. One that makes itself due
 * again goes to the end of the list and waits for the next turn. */
static void run_phase(struct tg_worker *worker, struct turn_list *list)
{
    for (size_t left = count_due(list); left > 0 && list->first; left--) {
        struct tg_turn_hook *hook = list->first;

        list->first = hook->next;
        if (!list->first)
            list->last = NULL;
        hook->is_due = false;
        hook->run(hook, worker);
    }
}

void turn_run_due(struct tg_worker *worker)
{
    for (int phase = 0; phase < TG_TURN_PHASES; phase++)
        run_phase(worker, &worker->due[phase]);
}

bool turn_has_due(const struct tg_worker *worker)
{
    for (int phase = 0; phase < TG_TURN_PHASES; phase++)
        if (worker->due[phase].first)
            return true;
    return false;
}
