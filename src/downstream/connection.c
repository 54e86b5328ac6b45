/* The connection's life, and what happens when its socket is ready. */
#include "connection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
    DROP_BYTES = 4096,
    DROPS_MAX = 16, /* for each wake-up, so that a fast sender does not keep others waiting */
    LINGER_BYTES_MAX = 256 * 1024,
};

static void on_poll(uv_poll_t *handle, int status, int events);

/* ---- lists and polling -------------------------------------------------------------------------------- */

void tg_connection_unlist(struct tg_connection *connection)
{
    if (connection->list == TG_LIST_COUNT)
        return;
    DL_DELETE(connection->shard->lists[connection->list], connection);
    if (connection->list == TG_LIST_PENDING) {
        struct tg_shard *shard = connection->shard;
        if (shard->pending_count-- == shard->server->pending_limit)
            tg_accept_resume(shard);
    }
    connection->list = TG_LIST_COUNT;
}

void tg_connection_enlist(struct tg_connection *connection, enum tg_list list)
{
    if (list == TG_LIST_PENDING && connection->admission == TG_REFUSED)
        list = TG_LIST_REFUSED;
    tg_connection_unlist(connection);
    connection->list = (uint8_t)list;
    connection->since_ms = tg_worker_now_ms(connection->shard->worker);
    connection->shard->pending_count += list == TG_LIST_PENDING;
    DL_APPEND(connection->shard->lists[list], connection);
}

struct tg_connection *tg_connection_oldest(struct tg_shard *shard, enum tg_list list)
{
    struct tg_connection *oldest;
    while ((oldest = shard->lists[list]) && tg_chores_hold_input(oldest) &&
           oldest->since_ms != tg_worker_now_ms(shard->worker))
        tg_connection_enlist(oldest, list);
    return oldest;
}

void tg_connection_watch(struct tg_connection *connection, int events)
{
    if (connection->events == events || connection->phase == TG_PHASE_CLOSED)
        return;
    connection->events = (uint8_t)events;
    uv_poll_start(&connection->poll, events, on_poll);
}

void tg_connection_format_id(const struct tg_connection *connection, char ret_text[20])
{
    snprintf(ret_text, 20, "%" PRIx64, connection->id);
}

/* ---- life --------------------------------------------------------------------------------------------- */

void tg_connection_open(struct tg_shard *shard, int fd, struct tg_tls_context *tls,
                        struct tg_address *address, enum tg_admission admission)
{
    struct tg_connection *connection = tg_alloc(sizeof(*connection));
    connection->shard = shard;
    connection->address = address;
    connection->admission = (uint8_t)admission;
    connection->list = TG_LIST_COUNT;
    connection->chore = TG_CHORE_COUNT;
    connection->beat.slot = TG_WHEEL_SLOTS;
    connection->id = ((uint64_t)tg_worker_index(shard->worker) << 48) | ++shard->next_connection_id;
    connection->phase = tls ? TG_PHASE_HANDSHAKE : TG_PHASE_HEAD;
    connection->tls = tls;
    tg_counter_add(&shard->counters.accepted, 1);
    tg_counter_add(&shard->counters.connections, 1);
    tg_transport_init_plain(&connection->transport, fd);
    if (uv_poll_init_socket(tg_worker_loop(shard->worker), &connection->poll, fd) != 0) {
        tg_counter_sub(&shard->counters.connections, 1);
        tg_counter_add(&shard->counters.closed[TG_CLOSE_ERROR], 1);
        tg_addresses_give(shard->server->addresses, address);
        tg_admissions_give(&shard->server->admissions, admission);
        close(fd);
        free(connection);
        return;
    }
    tg_connection_enlist(connection, TG_LIST_PENDING);
    tg_connection_watch(connection, UV_READABLE);
}

static void on_closed(uv_handle_t *handle)
{
    free(TG_CONTAINER_OF(handle, struct tg_connection, poll));
}

void tg_connection_close(struct tg_connection *connection, enum tg_close_reason reason)
{
    struct tg_shard *shard = connection->shard;
    char id[20];
    if (connection->phase == TG_PHASE_CLOSED)
        return;
    if (connection->role)
        connection->role->on_close(connection, reason);
    connection->role = NULL;
    if (connection->phase != TG_PHASE_STREAM && tg_log_is_enabled(TG_LOG_DEBUG)) {
        tg_connection_format_id(connection, id);
        tg_log(TG_LOG_DEBUG, "downstream", "connection_closed", TG_F_STR("id", id),
               TG_F_STR("reason", tg_close_reason_text(reason)));
    }
    tg_connection_unlist(connection);
    tg_chores_remove(connection);
    connection->phase = TG_PHASE_CLOSED;
    tg_exchange_drop(connection);
    uv_close((uv_handle_t *)&connection->poll, on_closed);
    connection->transport.ops->deinit(&connection->transport);
    close(connection->transport.fd);
    tg_addresses_give(shard->server->addresses, connection->address);
    tg_admissions_give(&shard->server->admissions, connection->admission);
    tg_counter_sub(&shard->counters.connections, 1);
    tg_counter_add(&shard->counters.closed[reason], 1);
}

/* Says that we have ended, and waits for the client to do so: closing a socket with unread input would reset
 * the connection, and the client might lose our answer (RFC 9112 section 9.6). */
void tg_connection_linger(struct tg_connection *connection, enum tg_close_reason reason)
{
    tg_exchange_drop(connection);
    connection->transport.ops->end(&connection->transport);
    shutdown(connection->transport.fd, SHUT_WR);
    connection->phase = TG_PHASE_LINGER;
    connection->end_reason = (uint8_t)reason;
    connection->dropped_bytes = 0;
    tg_connection_enlist(connection, TG_LIST_LINGER);
    tg_connection_watch(connection, UV_READABLE);
}

void tg_connection_finish(struct tg_connection *connection, enum tg_close_reason reason)
{
    connection->transport.ops->end(&connection->transport);
    tg_connection_close(connection, reason);
}

/* What comes is read from below TLS: nobody looks at it. */
static void linger(struct tg_connection *connection)
{
    char dropped[DROP_BYTES];
    for (int drops = 0; drops < DROPS_MAX; drops++) {
        size_t length = 0;
        enum tg_err err = tg_socket_read(connection->transport.fd, dropped, sizeof(dropped), &length);
        if (err == TG_ERR_AGAIN)
            return;
        connection->dropped_bytes += (uint32_t)length;
        if (err || connection->dropped_bytes > LINGER_BYTES_MAX) {
            tg_connection_close(connection, connection->end_reason);
            return;
        }
    }
}

/* ---- input ---------------------------------------------------------------------------------------------- */

/* A session costs more than ten times what the connection does, so that it is made only for who begins. */
static enum tg_err begin_tls(struct tg_connection *connection)
{
    struct tg_tls_context *tls = connection->tls;
    connection->tls = NULL;
    return tls ? tg_transport_init_tls(&connection->transport, connection->transport.fd, tls) : TG_OK;
}

static void shake_hands(struct tg_connection *connection)
{
    struct tg_transport *transport = &connection->transport;
    if (connection->tls && !tg_hello_allows(connection))
        return;
    if (begin_tls(connection)) {
        tg_connection_close(connection, TG_CLOSE_ERROR);
        return;
    }
    enum tg_err err = transport->ops->handshake(transport);
    if (!err || err == TG_ERR_AGAIN) {
        if (!err)
            connection->phase = TG_PHASE_HEAD;
        bool is_full = transport->ops->has_leftover(transport);
        tg_connection_watch(connection, UV_READABLE | (is_full ? UV_WRITABLE : 0));
        if (!err && transport->ops->has_input(transport))
            tg_exchange_read(connection);
        return;
    }
    if (err != TG_ERR_PROTOCOL) {
        if (err == TG_ERR_CLOSED)
            tg_connection_close(connection, TG_CLOSE_CLIENT);
        else
            tg_connection_linger(connection, TG_CLOSE_ERROR); /* the alert is to arrive */
        return;
    }
    /* Plain HTTP: the answer can be read only if it is plain too. */
    transport->ops->deinit(transport);
    tg_transport_init_plain(transport, transport->fd);
    tg_request_reject(connection, 400, TG_CLOSE_ERROR);
    tg_exchange_advance(connection);
}

void tg_connection_take_input(struct tg_connection *connection)
{
    const struct tg_transport_ops *ops = connection->transport.ops;
    if (connection->phase == TG_PHASE_HANDSHAKE) {
        shake_hands(connection);
        return;
    }
    if (!tg_exchange_takes_input(connection))
        return;
    (void)ops->flush(&connection->transport);
    tg_exchange_read(connection);
    if (!tg_exchange_takes_input(connection))
        return;
    bool is_full = ops->has_leftover(&connection->transport);
    tg_connection_watch(connection, UV_READABLE | (is_full ? UV_WRITABLE : 0));
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct tg_connection *connection = TG_CONTAINER_OF(handle, struct tg_connection, poll);
    if (connection->role) {
        connection->role->on_poll(connection, status, events);
        return;
    }
    if (status < 0) { /* the socket has an error: reset, or timed out */
        bool is_lingering = connection->phase == TG_PHASE_LINGER;
        tg_connection_close(connection, is_lingering ? connection->end_reason : TG_CLOSE_CLIENT);
        return;
    }
    switch ((enum tg_phase)connection->phase) {
    case TG_PHASE_LINGER:
        linger(connection);
        return;
    case TG_PHASE_ANSWER:
        tg_exchange_resume(connection);
        return;
    case TG_PHASE_HANDSHAKE:
    case TG_PHASE_HEAD:
    case TG_PHASE_BODY:
    case TG_PHASE_IDLE:
        tg_chores_on_input(connection);
        return;
    case TG_PHASE_STREAM:
    case TG_PHASE_WAIT:
    case TG_PHASE_CLOSED:
        return;
    }
}
