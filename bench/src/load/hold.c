/* hold: connections that send no request. */
#include "commands.h"
#include "common/clock.h"
#include "connection.h"
#include "load.h"
#include "pace.h"

#include <stdlib.h>
#include <utlist.h>

enum { IN_FLIGHT_MAX = 512, SLICE = 256 };

struct load_held {
    struct load_connection connection; /* first */
    struct load_held *prev, *next;
    struct hold *hold; /* NULL: connected */
};

struct hold {
    struct load_task task; /* first */
    size_t count, started, in_flight, held, failed;
    struct load_pace pace;
    uint64_t deadline_ns;
};

static bool on_open(struct load_connection *connection)
{
    struct load_held *held = (struct load_held *)connection;
    held->hold->in_flight--;
    held->hold->held++;
    held->hold = NULL;
    return true;
}

/* Whatever it says, perhaps that we are too slow. */
static bool on_input(struct load_connection *connection, struct load_bytes input)
{
    (void)connection;
    (void)input;
    return true;
}

static void dispose(struct load_held *held, bool is_reset)
{
    struct load *load = held->connection.load;
    if (held->hold) {
        held->hold->in_flight--;
        held->hold->failed++;
    }
    DL_DELETE(load->held, held);
    load_connection_close(&held->connection, is_reset);
    free(held);
}

static void on_end(struct load_connection *connection)
{
    dispose((struct load_held *)connection, false);
}

static const struct load_connection_kind kind = { on_open, on_input, on_end };

static void start_one(struct load *load, struct hold *hold)
{
    struct load_held *held = load_alloc(sizeof(*held));
    held->hold = hold;
    hold->started++;
    hold->in_flight++;
    if (load_connection_open(&held->connection, load, &kind, NULL)) {
        DL_APPEND(load->held, held);
        return;
    }
    hold->in_flight--;
    hold->failed++;
    free(held);
}

static void give_up(struct load *load, struct hold *hold)
{
    struct load_held *held, *next;
    DL_FOREACH_SAFE(load->held, held, next)
    {
        if (held->hold)
            dispose(held, true);
    }
    hold->failed += hold->count - hold->started;
    hold->started = hold->count;
}

static bool step(struct load *load, struct load_task *task, uint64_t now_ns, uint64_t *ret_wake_ns)
{
    struct hold *hold = (struct hold *)task;
    uint64_t due = load_pace_due(&hold->pace, now_ns);
    for (int i = 0; i < SLICE && hold->started < hold->count && hold->started < due; i++) {
        if (hold->in_flight == IN_FLIGHT_MAX)
            break;
        start_one(load, hold);
    }
    if (now_ns >= hold->deadline_ns)
        give_up(load, hold);
    if (hold->started == hold->count && hold->in_flight == 0) {
        bench_answer("{\"held\":%zu,\"failed\":%zu}", hold->held, hold->failed);
        free(hold);
        return true;
    }
    *ret_wake_ns = hold->deadline_ns;
    if (hold->started < hold->count && hold->in_flight < IN_FLIGHT_MAX)
        *ret_wake_ns = hold->pace.rate > 0 ? load_pace_when(&hold->pace, hold->started) : 0;
    return false;
}

struct load_task *load_hold_begin(struct load *load, size_t count, double rate, uint64_t timeout_ns)
{
    (void)load;
    struct hold *hold = load_alloc(sizeof(*hold));
    hold->task.step = step;
    hold->count = count;
    hold->pace = (struct load_pace){ rate, bench_now_ns() };
    hold->deadline_ns = hold->pace.since_ns + timeout_ns;
    return &hold->task;
}

size_t load_held_count(const struct load *load)
{
    size_t count = 0;
    const struct load_held *held;
    DL_FOREACH(load->held, held)
    {
        count++;
    }
    return count;
}

void load_held_close(struct load *load)
{
    while (load->held)
        dispose(load->held, true);
}
