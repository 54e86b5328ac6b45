/* accepts: a closed loop of connect, GET, read the whole answer, close.
 *
 * Connections are reset once the answer is there, so that no ports stay in TIME_WAIT, and come from several
 * addresses of the loopback, so that ports of connections which the server is still about to close are no limit. */
#include "commands.h"
#include "common/clock.h"
#include "connection.h"
#include "load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_BYTES = 4096, SOURCES = 8 };

struct slot {
    struct load_connection connection; /* first */
    struct load_http1 reader;
    struct accepts *accepts;
    bool is_busy;
    uint8_t source;
};

struct accepts {
    struct load_task task; /* first */
    struct load *load;
    uint64_t since_ns, end_ns;
    uint64_t done, failed;
    unsigned status; /* of the last answer */
    struct sockaddr_in sources[SOURCES];
    bool has_sources;
    int request_length;
    char request[REQUEST_BYTES];
    size_t concurrency;
    struct slot slots[];
};

static const struct load_connection_kind kind;

/* A slot that cannot start is tried again in the next round. */
static void start(struct slot *slot)
{
    struct accepts *accepts = slot->accepts;
    const struct sockaddr_in *source = NULL;
    if (accepts->has_sources)
        source = &accepts->sources[slot->source++ % SOURCES];
    slot->is_busy = load_connection_open(&slot->connection, accepts->load, &kind, source);
    accepts->failed += !slot->is_busy;
}

static bool on_open(struct load_connection *connection)
{
    const struct accepts *accepts = ((struct slot *)connection)->accepts;
    return load_connection_send(connection, accepts->request, (size_t)accepts->request_length);
}

static bool on_input(struct load_connection *connection, struct load_bytes input)
{
    struct slot *slot = (struct slot *)connection;
    struct load_bytes body;
    enum load_http1_piece piece;
    do
        piece = load_http1_next(&slot->reader, &input, &body);
    while (piece == LOAD_HTTP1_HEAD || piece == LOAD_HTTP1_BODY);
    return piece == LOAD_HTTP1_MORE;
}

static void on_end(struct load_connection *connection)
{
    struct slot *slot = (struct slot *)connection;
    struct accepts *accepts = slot->accepts;
    if (load_http1_may_end(&slot->reader)) {
        accepts->done++;
        accepts->status = slot->reader.status;
    } else {
        accepts->failed++;
    }
    load_connection_close(connection, true);
    load_http1_reset(&slot->reader);
    slot->is_busy = false;
    start(slot);
}

static const struct load_connection_kind kind = { on_open, on_input, on_end };

static void finish(struct accepts *accepts, uint64_t now_ns)
{
    for (size_t i = 0; i < accepts->concurrency; i++) {
        struct slot *slot = &accepts->slots[i];
        if (slot->is_busy)
            load_connection_close(&slot->connection, true);
        load_http1_reset(&slot->reader);
    }
    bench_answer("{\"accepts\":%llu,\"failed\":%llu,\"seconds\":%.6f,\"status\":%u}",
                 (unsigned long long)accepts->done, (unsigned long long)accepts->failed,
                 (double)(now_ns - accepts->since_ns) / (double)BENCH_NS_PER_S, accepts->status);
    free(accepts);
}

static bool step(struct load *load, struct load_task *task, uint64_t now_ns, uint64_t *ret_wake_ns)
{
    (void)load;
    struct accepts *accepts = (struct accepts *)task;
    if (now_ns >= accepts->end_ns) {
        finish(accepts, now_ns);
        return true;
    }
    *ret_wake_ns = accepts->end_ns;
    for (size_t i = 0; i < accepts->concurrency; i++) {
        struct slot *slot = &accepts->slots[i];
        if (!slot->is_busy)
            start(slot);
        if (!slot->is_busy)
            *ret_wake_ns = now_ns + 1000000;
    }
    return false;
}

static void choose_sources(struct accepts *accepts, const struct load_options *options)
{
    uint32_t target = ntohl(options->target.sin_addr.s_addr);
    accepts->has_sources = options->source.sin_family == 0 && target >> 24 == 127;
    for (uint32_t i = 0; i < SOURCES; i++) {
        accepts->sources[i].sin_family = AF_INET;
        accepts->sources[i].sin_addr.s_addr = htonl((127u << 24) + 101 + i);
    }
}

struct load_task *load_accepts_begin(struct load *load, uint64_t time_ns, size_t concurrency,
                                     const char *path)
{
    struct accepts *accepts = load_alloc(sizeof(*accepts) + concurrency * sizeof(struct slot));
    accepts->task.step = step;
    accepts->load = load;
    accepts->concurrency = concurrency;
    choose_sources(accepts, &load->options);
    accepts->request_length =
        snprintf(accepts->request, sizeof(accepts->request),
                 "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, load->options.authority);
    for (size_t i = 0; i < concurrency; i++) {
        accepts->slots[i].accepts = accepts;
        accepts->slots[i].source = (uint8_t)i;
    }
    accepts->since_ns = bench_now_ns();
    accepts->end_ns = accepts->since_ns + time_ns;
    return &accepts->task;
}
