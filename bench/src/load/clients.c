#include "clients.h"

#include "common/clock.h"
#include "connection.h"
#include "load.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- progress ----------------------------------------------------------------------------------------- */

static void publish(struct load *load)
{
    if (!load->progress)
        return;
    uint64_t least = load_marks_least(&load->clients.marks);
    if (atomic_load_explicit(&load->progress->seq, memory_order_relaxed) != least)
        atomic_store_explicit(&load->progress->seq, least, memory_order_release);
}

static bool is_reading(const struct load_client *client)
{
    return client->state == LOAD_CLIENT_READY && !client->is_frozen;
}

static bool is_behind(const struct load_client *client)
{
    return client->settled_seq < client->load->clients.until_seq;
}

/* It does not count any more for those that wait. */
static void step_aside(struct load_client *client)
{
    struct load_clients *clients = &client->load->clients;
    if (is_reading(client))
        clients->behind_count -= is_behind(client);
    load_marks_remove(&clients->marks, &client->mark);
    publish(client->load);
}

void load_client_settle(struct load_client *client)
{
    struct load_clients *clients = &client->load->clients;
    uint64_t seq = client->track.seq;
    if (seq == client->settled_seq || !is_reading(client))
        return;
    clients->behind_count -= is_behind(client);
    client->settled_seq = seq;
    clients->behind_count += is_behind(client);
    load_marks_put(&clients->marks, &client->mark, seq);
    publish(client->load);
}

void load_clients_watch_for(struct load_clients *clients, uint64_t seq)
{
    clients->until_seq = seq;
    clients->behind_count = 0;
    for (size_t i = 0; i < clients->count; i++)
        clients->behind_count += is_reading(clients->all[i]) && is_behind(clients->all[i]);
}

void load_clients_range(const struct load_clients *clients, uint64_t *ret_least, uint64_t *ret_greatest)
{
    uint64_t least = UINT64_MAX, greatest = 0;
    for (size_t i = 0; i < clients->count; i++) {
        const struct load_client *client = clients->all[i];
        if (!is_reading(client))
            continue;
        least = client->track.seq < least ? client->track.seq : least;
        greatest = client->track.seq > greatest ? client->track.seq : greatest;
    }
    *ret_least = least == UINT64_MAX ? 0 : least;
    *ret_greatest = greatest;
}

void load_clients_restart(struct load_clients *clients)
{
    for (size_t i = 0; i < clients->count; i++)
        clients->all[i]->track.is_started = false;
}

/* ---- what protocols tell ------------------------------------------------------------------------------ */

static void tell(struct load_client *client)
{
    struct load_clients *clients = &client->load->clients;
    if (clients->on_change)
        clients->on_change(clients->on_change_arg, client);
}

static void become_ready(struct load_client *client)
{
    client->state = LOAD_CLIENT_READY;
    client->load->clients.ready_count++;
    client->load->clients.behind_count += is_behind(client);
}

void load_client_make_ready(struct load_client *client)
{
    become_ready(client);
    tell(client);
}

bool load_client_on_head(struct load_client *client, unsigned status)
{
    if (status != 200)
        return false;
    client->state = LOAD_CLIENT_WAITING;
    client->ready_ns = client->load->loop.now_ns;
    tell(client);
    return true;
}

static void take_event(void *arg, uint64_t seq, uint64_t t_ns)
{
    struct load_client *client = arg;
    struct load *load = client->load;
    uint64_t now_ns = load->loop.now_ns;
    load_stats_take(&load->stats, &client->track, seq, now_ns > t_ns ? now_ns - t_ns : 0);
}

void load_client_on_body(struct load_client *client, struct load_bytes body)
{
    if (client->state == LOAD_CLIENT_WAITING) {
        client->ready_ns = client->load->loop.now_ns;
        load_client_make_ready(client);
    }
    load_sse_feed(&client->sse, body.data, body.length, take_event, client);
}

static void go_away(struct load_client *client, enum load_client_state state)
{
    step_aside(client);
    client->load->clients.ready_count -= client->state == LOAD_CLIENT_READY;
    client->state = (uint8_t)state;
    client->is_frozen = false;
    client->connection = NULL;
}

void load_client_on_end(struct load_client *client)
{
    bool was_ready = client->state == LOAD_CLIENT_READY;
    client->load->stats.closed += was_ready;
    go_away(client, LOAD_CLIENT_AWAY);
    if (!was_ready)
        tell(client);
}

void load_client_path(const struct load_client *client, char *ret_path, size_t size)
{
    static const char variable[] = "{stream}";
    const char *path = client->load->options.path, *place = strstr(path, variable);
    if (place)
        snprintf(ret_path, size, "%.*s%u%s", (int)(place - path), path, client->stream,
                 place + sizeof(variable) - 1);
    else
        snprintf(ret_path, size, "%s", path);
}

/* ---- what commands do --------------------------------------------------------------------------------- */

struct load_client *load_clients_add(struct load *load)
{
    struct load_clients *clients = &load->clients;
    if (clients->count == clients->capacity) {
        clients->capacity = clients->capacity ? 2 * clients->capacity : 1024;
        clients->all = realloc(clients->all, clients->capacity * sizeof(struct load_client *));
        if (!clients->all)
            abort();
    }
    struct load_client *client = load_alloc(sizeof(*client));
    client->load = load;
    client->stream = (uint32_t)(clients->count % load->options.stream_count);
    clients->all[clients->count++] = client;
    return client;
}

void load_client_ask(struct load_client *client)
{
    load_sse_restart(&client->sse);
    client->state = LOAD_CLIENT_ASKING;
    if (!client->load->clients.protocol->ask(client))
        load_client_on_end(client);
}

static void drop(struct load_client *client, bool is_reset)
{
    client->load->clients.protocol->drop(client, is_reset);
    go_away(client, LOAD_CLIENT_AWAY);
}

void load_client_give_up(struct load_client *client)
{
    drop(client, true);
    tell(client);
}

void load_clients_forget_removed(struct load_clients *clients)
{
    size_t kept = 0;
    for (size_t i = 0; i < clients->count; i++) {
        if (clients->all[i]->state == LOAD_CLIENT_REMOVED)
            free(clients->all[i]);
        else
            clients->all[kept++] = clients->all[i];
    }
    clients->count = kept;
}

size_t load_clients_disconnect(struct load_clients *clients, bool is_reset)
{
    size_t count = 0;
    for (size_t i = 0; i < clients->count; i++) {
        if (!clients->all[i]->connection)
            continue;
        drop(clients->all[i], is_reset);
        count++;
    }
    return count;
}

void load_clients_forget_all(struct load_clients *clients)
{
    (void)load_clients_disconnect(clients, true);
    for (size_t i = 0; i < clients->count; i++)
        free(clients->all[i]);
    clients->count = 0;
}

size_t load_clients_freeze(struct load_clients *clients, size_t count)
{
    size_t frozen = 0, taken = 0;
    for (size_t i = 0; i < clients->count; i++) {
        struct load_client *client = clients->all[i];
        if (!is_reading(client))
            continue;
        struct load_connection *connection = client->connection;
        if (!connection->is_paused) {
            if (taken + connection->client_count > count)
                continue;
            taken += connection->client_count;
            load_connection_pause(connection); /* the others on it follow in later rounds */
        }
        step_aside(client);
        client->is_frozen = true;
        frozen++;
    }
    return frozen;
}

void load_clients_thaw(struct load_clients *clients)
{
    for (size_t i = 0; i < clients->count; i++) {
        struct load_client *client = clients->all[i];
        if (!client->is_frozen)
            continue;
        client->is_frozen = false;
        clients->behind_count += is_behind(client);
        load_connection_resume(client->connection);
    }
}
