/* The clients, each with its place in its stream: they outlive their connections. */
#ifndef LOAD_CLIENTS_H
#define LOAD_CLIENTS_H

#include "http1.h"
#include "marks.h"
#include "sse.h"
#include "stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load;
struct load_client;
struct load_connection;

enum load_client_state {
    LOAD_CLIENT_AWAY,    /* not connected */
    LOAD_CLIENT_ASKING,  /* no answer yet */
    LOAD_CLIENT_WAITING, /* it is a 200, but nothing of the body is there yet */
    LOAD_CLIENT_READY,
    LOAD_CLIENT_REMOVED, /* failed to connect for the first time: soon forgotten */
};

struct load_client {
    struct load *load;
    struct load_connection *connection; /* NULL: away */
    struct load_track track;
    uint8_t state;
    bool is_frozen;
    int32_t h2_stream;
    uint64_t settled_seq; /* up to here the marks and `until` know of it */
    struct load_mark mark;
    struct load_sse sse;
    uint32_t stream;
    uint64_t ready_ns; /* of the head while it waits, then of what made it ready */
};

/* How clients are carried. */
struct load_protocol {
    /* Asks for the client's stream, on client->connection, which it sets. False: it could not even start. */
    bool (*ask)(struct load_client *client);
    /* Ends the client's part of its connection, and the connection with the last one. */
    void (*drop)(struct load_client *client, bool is_reset);
};
extern const struct load_protocol load_protocol_http1, load_protocol_http2;

struct load_clients {
    const struct load_protocol *protocol;
    struct load_client **all;
    size_t count, capacity;
    size_t ready_count;
    struct load_marks marks; /* of those that are ready, not frozen, and have had an event since they are */
    uint64_t until_seq;      /* 0: nobody waits */
    size_t behind_count;     /* those ready and not frozen that have not had event until_seq */
    /* Tells the command that opens clients, if there is one, of what became of them. */
    void (*on_change)(void *arg, struct load_client *client);
    void *on_change_arg;
};

/* ---- what protocols tell ------------------------------------------------------------------------------ */

/* False: this is no stream, drop it. */
bool load_client_on_head(struct load_client *client, unsigned status);
void load_client_on_body(struct load_client *client, struct load_bytes body);
/* Once all that was read has been told. */
void load_client_settle(struct load_client *client);
/* The server has ended it, or it failed. client->connection is gone. */
void load_client_on_end(struct load_client *client);

/* The path with the stream's number in it; cut if it is too long. */
void load_client_path(const struct load_client *client, char *ret_path, size_t size);

/* ---- what commands do --------------------------------------------------------------------------------- */

struct load_client *load_clients_add(struct load *load);
void load_client_ask(struct load_client *client);
/* It is as good as connected, though nothing of the body has come yet. */
void load_client_make_ready(struct load_client *client);
/* It took too long. */
void load_client_give_up(struct load_client *client);
void load_clients_forget_removed(struct load_clients *clients);

/* The number of those that were connected. */
size_t load_clients_disconnect(struct load_clients *clients, bool is_reset);
void load_clients_forget_all(struct load_clients *clients);
size_t load_clients_freeze(struct load_clients *clients, size_t count);
void load_clients_thaw(struct load_clients *clients);
/* Each client's next event counts as its first. */
void load_clients_restart(struct load_clients *clients);

/* Sets behind_count, and keeps it right until it is called with 0. */
void load_clients_watch_for(struct load_clients *clients, uint64_t seq);
/* Over those that are ready and not frozen; 0 for one without an event. */
void load_clients_range(const struct load_clients *clients, uint64_t *ret_least, uint64_t *ret_greatest);

#endif
