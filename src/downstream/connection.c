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

static void on_events(struct tg_socket *socket, unsigned events);

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

void tg_connection_watch(struct tg_connection *connection, unsigned events)
{
    tg_socket_watch(&connection->socket, events);
}

void tg_connection_format_id(const struct tg_connection *connection, char ret_text[20])
{
    snprintf(ret_text, 20, "%" PRIx64, connection->id);
}

/* ---- life --------------------------------------------------------------------------------------------- */

void tg_connection_open(struct tg_shard *shard, int fd, struct tg_tls_server *tls, struct tg_address *address,
                        enum tg_admission admission)
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
    if (tg_socket_adopt(&connection->socket, tg_shard_net(shard), fd, on_events) != TG_OK) {
        tg_counter_sub(&shard->counters.connections, 1);
        tg_counter_add(&shard->counters.closed[TG_CLOSE_ERROR], 1);
        tg_addresses_give(shard->server->addresses, address);
        tg_admissions_give(&shard->server->admissions, admission);
        free(connection);
        return;
    }
    tg_connection_enlist(connection, TG_LIST_PENDING);
}

/* At the end of the turn: whoever closed it, or had it closed, may still look at its phase. */
void tg_connection_free_closed(struct tg_shard *shard)
{
    while (shard->closed) {
        struct tg_connection *connection = shard->closed;
        DL_DELETE(shard->closed, connection);
        free(connection);
    }
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
    tg_socket_close(&connection->socket);
    DL_APPEND(shard->closed, connection);
    tg_worker_run_at_turn_end(shard->worker, TG_TURN_CATCH_UP, &shard->closed_hook);
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
    connection->socket.ops->end(&connection->socket);
    shutdown(connection->socket.fd, SHUT_WR);
    connection->phase = TG_PHASE_LINGER;
    connection->end_reason = (uint8_t)reason;
    connection->dropped_bytes = 0;
    tg_connection_enlist(connection, TG_LIST_LINGER);
    tg_connection_watch(connection, TG_SOCKET_READABLE);
}

void tg_connection_finish(struct tg_connection *connection, enum tg_close_reason reason)
{
    connection->socket.ops->end(&connection->socket);
    tg_connection_close(connection, reason);
}

/* What comes is read from below TLS: nobody looks at it. */
static void linger(struct tg_connection *connection)
{
    char dropped[DROP_BYTES];
    for (int drops = 0; drops < DROPS_MAX; drops++) {
        size_t length = 0;
        enum tg_err err = tg_descriptor_read(connection->socket.fd, dropped, sizeof(dropped), &length);
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
    struct tg_tls_server *tls = connection->tls;
    connection->tls = NULL;
    return tls ? tg_socket_accept_tls(&connection->socket, tls) : TG_OK;
}

static void shake_hands(struct tg_connection *connection)
{
    struct tg_socket *socket = &connection->socket;
    if (connection->tls && !tg_hello_allows(connection))
        return;
    if (begin_tls(connection)) {
        tg_connection_close(connection, TG_CLOSE_ERROR);
        return;
    }
    enum tg_err err = socket->ops->handshake(socket);
    if (!err || err == TG_ERR_AGAIN) {
        if (!err)
            connection->phase = TG_PHASE_HEAD;
        bool is_full = socket->ops->has_leftover(socket);
        tg_connection_watch(connection, TG_SOCKET_READABLE | (is_full ? TG_SOCKET_WRITABLE : 0));
        if (!err && socket->ops->has_input(socket))
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
    tg_socket_drop_tls(socket);
    tg_request_reject(connection, 400, TG_CLOSE_ERROR);
    tg_exchange_advance(connection);
}

void tg_connection_take_input(struct tg_connection *connection)
{
    const struct tg_socket_ops *ops = connection->socket.ops;
    if (connection->phase == TG_PHASE_HANDSHAKE) {
        shake_hands(connection);
        return;
    }
    if (!tg_exchange_takes_input(connection))
        return;
    (void)ops->flush(&connection->socket);
    tg_exchange_read(connection);
    if (!tg_exchange_takes_input(connection))
        return;
    bool is_full = ops->has_leftover(&connection->socket);
    tg_connection_watch(connection, TG_SOCKET_READABLE | (is_full ? TG_SOCKET_WRITABLE : 0));
}

/* Reset, or timed out. What came before is not lost: a message for the backend may be complete. */
static void on_broken(struct tg_connection *connection)
{
    bool is_lingering = connection->phase == TG_PHASE_LINGER;
    if (tg_exchange_takes_input(connection))
        tg_exchange_read(connection);
    tg_connection_close(connection, is_lingering ? connection->end_reason : TG_CLOSE_CLIENT);
}

static void on_events(struct tg_socket *socket, unsigned events)
{
    struct tg_connection *connection = TG_CONTAINER_OF(socket, struct tg_connection, socket);
    if (connection->role) {
        connection->role->on_events(connection, events);
        return;
    }
    if (events & TG_SOCKET_BROKEN) {
        on_broken(connection);
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
