/* connect and reconnect: asks for the streams of many clients, and waits until each has one or has failed. */
#include "commands.h"
#include "common/clock.h"
#include "load.h"
#include "pace.h"

#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT_MAX = 512,
    SLICE = 256, /* at a time; then events have their turn */
    BODY_WAIT_NS = 200 * 1000 * 1000,
};

struct opening {
    struct load_task task; /* first */
    bool is_reconnect;
    struct load_client **clients;
    size_t count, asked;
    size_t in_flight, in_flight_max;
    size_t connected, failed;
    struct load_client **waiting; /* that have been waiting for a body, the one for longest first */
    size_t waiting_first, waiting_end;
    struct load_pace pace;
    uint64_t deadline_ns, ready_ns; /* of the last one so far */
};

static void on_change(void *arg, struct load_client *client)
{
    struct opening *opening = arg;
    if (client->state == LOAD_CLIENT_WAITING) {
        if (opening->is_reconnect)
            load_client_make_ready(client);
        else
            opening->waiting[opening->waiting_end++] = client;
        return;
    }
    opening->in_flight--;
    if (client->state == LOAD_CLIENT_READY) {
        opening->connected++;
        opening->ready_ns = client->ready_ns > opening->ready_ns ? client->ready_ns : opening->ready_ns;
        return;
    }
    opening->failed++;
    if (!opening->is_reconnect)
        client->state = LOAD_CLIENT_REMOVED;
}

static void ask_some(struct opening *opening, uint64_t now_ns)
{
    uint64_t due = load_pace_due(&opening->pace, now_ns);
    size_t end = opening->asked + SLICE < opening->count ? opening->asked + SLICE : opening->count;
    while (opening->asked < end && opening->asked < due && opening->in_flight < opening->in_flight_max) {
        opening->in_flight++;
        load_client_ask(opening->clients[opening->asked++]);
    }
}

/* Not all servers send something at once. */
static void end_waiting(struct opening *opening, uint64_t now_ns)
{
    while (opening->waiting_first < opening->waiting_end) {
        struct load_client *client = opening->waiting[opening->waiting_first];
        bool is_waiting = client->state == LOAD_CLIENT_WAITING;
        if (is_waiting && client->ready_ns + BODY_WAIT_NS > now_ns)
            return;
        opening->waiting_first++;
        if (is_waiting)
            load_client_make_ready(client);
    }
}

static void give_up(struct opening *opening)
{
    for (size_t i = 0; i < opening->asked; i++) {
        struct load_client *client = opening->clients[i];
        if (client->state == LOAD_CLIENT_ASKING || client->state == LOAD_CLIENT_WAITING)
            load_client_give_up(client);
    }
    opening->in_flight += opening->count - opening->asked;
    while (opening->asked < opening->count)
        on_change(opening, opening->clients[opening->asked++]);
}

static uint64_t next_wake(const struct opening *opening)
{
    uint64_t wake_ns = opening->deadline_ns;
    if (opening->waiting_first < opening->waiting_end) {
        uint64_t end_ns = opening->waiting[opening->waiting_first]->ready_ns + BODY_WAIT_NS;
        wake_ns = end_ns < wake_ns ? end_ns : wake_ns;
    }
    if (opening->asked < opening->count && opening->in_flight < opening->in_flight_max) {
        uint64_t due_ns = opening->pace.rate > 0 ? load_pace_when(&opening->pace, opening->asked) : 0;
        wake_ns = due_ns < wake_ns ? due_ns : wake_ns;
    }
    return wake_ns;
}

static void finish(struct load *load, struct opening *opening, uint64_t now_ns)
{
    uint64_t end_ns = opening->ready_ns ? opening->ready_ns : now_ns;
    load->clients.on_change = NULL;
    load_clients_forget_removed(&load->clients);
    bench_answer("{\"connected\":%zu,\"failed\":%zu,\"seconds\":%.6f}", opening->connected, opening->failed,
                 (double)(end_ns - opening->pace.since_ns) / (double)BENCH_NS_PER_S);
    free(opening->clients);
    free(opening->waiting);
    free(opening);
}

static bool step(struct load *load, struct load_task *task, uint64_t now_ns, uint64_t *ret_wake_ns)
{
    struct opening *opening = (struct opening *)task;
    end_waiting(opening, now_ns);
    ask_some(opening, now_ns);
    if (now_ns >= opening->deadline_ns)
        give_up(opening);
    if (opening->asked == opening->count && opening->in_flight == 0) {
        finish(load, opening, now_ns);
        return true;
    }
    *ret_wake_ns = next_wake(opening);
    return false;
}

static struct opening *begin(struct load *load, size_t capacity, uint64_t timeout_ns)
{
    struct opening *opening = load_alloc(sizeof(*opening));
    opening->task.step = step;
    opening->clients = load_alloc((capacity + 1) * sizeof(struct load_client *));
    opening->waiting = load_alloc((capacity + 1) * sizeof(struct load_client *));
    opening->pace.since_ns = bench_now_ns();
    opening->deadline_ns = opening->pace.since_ns + timeout_ns;
    load->clients.on_change = on_change;
    load->clients.on_change_arg = opening;
    return opening;
}

struct load_task *load_connect_begin(struct load *load, size_t count, double rate, uint64_t timeout_ns)
{
    struct opening *opening = begin(load, count, timeout_ns);
    for (size_t i = 0; i < count; i++)
        opening->clients[i] = load_clients_add(load);
    opening->count = count;
    opening->in_flight_max = IN_FLIGHT_MAX;
    opening->pace.rate = rate;
    return &opening->task;
}

struct load_task *load_reconnect_begin(struct load *load, uint64_t timeout_ns)
{
    struct load_clients *clients = &load->clients;
    struct opening *opening = begin(load, clients->count, timeout_ns);
    for (size_t i = 0; i < clients->count; i++) {
        if (clients->all[i]->state == LOAD_CLIENT_AWAY)
            opening->clients[opening->count++] = clients->all[i];
    }
    opening->is_reconnect = true;
    opening->in_flight_max = SIZE_MAX;
    return &opening->task;
}
