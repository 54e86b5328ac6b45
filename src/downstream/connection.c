/* The connection's life and its input and output while it is not an event stream. */
#include "connection.h"
#include "fanout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
    READ_BYTES = 4096,
    READS_MAX = 16, /* for each wake-up, so that a fast sender does not keep others waiting */
    LINGER_BYTES_MAX = 256 * 1024,
    UNPARSED_BYTES_MAX = 512,
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
    connection->beat.slot = TG_WHEEL_SLOTS;
    connection->id = ((uint64_t)tg_worker_index(shard->worker) << 48) | ++shard->next_connection_id;
    connection->phase = tls ? TG_PHASE_HANDSHAKE : TG_PHASE_HEAD;
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
    if (tls && tg_transport_init_tls(&connection->transport, fd, tls)) {
        tg_connection_close(connection, TG_CLOSE_ERROR);
        return;
    }
    tg_connection_enlist(connection, TG_LIST_PENDING);
    tg_connection_watch(connection, UV_READABLE);
}

static void on_closed(uv_handle_t *handle)
{
    free(TG_CONTAINER_OF(handle, struct tg_connection, poll));
}

void tg_connection_drop_exchange(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    if (!exchange)
        return;
    tg_buffer_deinit(&exchange->in);
    tg_buffer_deinit(&exchange->out);
    free(exchange);
    connection->exchange = NULL;
}

void tg_connection_close(struct tg_connection *connection, enum tg_close_reason reason)
{
    struct tg_shard *shard = connection->shard;
    char id[20];
    if (connection->phase == TG_PHASE_CLOSED)
        return;
    if (connection->phase == TG_PHASE_STREAM) {
        tg_fanout_remove(connection, reason);
    } else if (tg_log_is_enabled(TG_LOG_DEBUG)) {
        tg_connection_format_id(connection, id);
        tg_log(TG_LOG_DEBUG, "downstream", "connection_closed", TG_F_STR("id", id),
               TG_F_STR("reason", tg_close_reason_text(reason)));
    }
    tg_connection_unlist(connection);
    connection->phase = TG_PHASE_CLOSED;
    tg_connection_drop_exchange(connection);
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
static void start_lingering(struct tg_connection *connection, enum tg_close_reason reason)
{
    tg_connection_drop_exchange(connection);
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
    char dropped[READ_BYTES];
    for (int reads = 0; reads < READS_MAX; reads++) {
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

/* ---- requests and answers ----------------------------------------------------------------------------- */

static struct tg_head_limits head_limits(const struct tg_connection *connection)
{
    const struct tg_config_limits *limits = connection->shard->server->options.limits;
    return (struct tg_head_limits){ .url_bytes = (size_t)limits->url_bytes,
                                    .header_bytes = (size_t)limits->request_header_bytes };
}

/* The head is parsed from its start each time: not for each byte of a client that sends them one by one. */
static bool is_worth_parsing(struct tg_exchange *exchange)
{
    size_t fresh = exchange->in.length - exchange->parsed_length;
    if (fresh < UNPARSED_BYTES_MAX && !memchr(exchange->in.data + exchange->parsed_length, '\n', fresh))
        return false;
    exchange->parsed_length = exchange->in.length;
    return true;
}

/* True: there is a step to take. False: more input is needed. */
static bool advance_head(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    if (!is_worth_parsing(exchange))
        return false;
    struct tg_head_limits limits = head_limits(connection);
    int status = tg_request_head_parse(exchange->in.data, exchange->in.length, &limits, &exchange->head);
    if (status == TG_HEAD_MORE)
        return false;
    if (status != TG_HEAD_DONE) {
        tg_request_reject(connection, status, TG_CLOSE_ERROR);
        return true;
    }
    if (!tg_body_init(&exchange->body, &exchange->head)) {
        tg_request_answer(connection);
        return true;
    }
    if (exchange->head.expects_continue && exchange->in.length == exchange->head.length) {
        size_t taken;
        (void)connection->transport.ops->write(&connection->transport, "HTTP/1.1 100 Continue\r\n\r\n", 25,
                                               &taken);
    }
    connection->phase = TG_PHASE_BODY;
    return true;
}

/* Cuts the body out of the input, right behind the head. */
static bool advance_body(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    struct tg_buffer *in = &exchange->in;
    size_t head_length = exchange->head.length, used = in->length - head_length;
    enum tg_err err = tg_body_skip(&exchange->body, in->data + head_length, used, &used);
    if (err && err != TG_ERR_AGAIN) {
        tg_request_reject(connection, err == TG_ERR_TOO_LARGE ? 413 : 400, TG_CLOSE_ERROR);
        return true;
    }
    memmove(in->data + head_length, in->data + head_length + used, in->length - head_length - used);
    in->length -= used;
    if (err)
        return false;
    /* The buffer may have moved since the head was parsed. */
    struct tg_head_limits limits = head_limits(connection);
    (void)tg_request_head_parse(in->data, in->length, &limits, &exchange->head);
    tg_request_answer(connection);
    return true;
}

static enum tg_err send_answer(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    struct tg_transport *transport = &connection->transport;
    enum tg_err err = transport->ops->flush(transport);
    while (!err && (exchange->out_offset < exchange->out.length || exchange->content.length > 0)) {
        bool is_out = exchange->out_offset < exchange->out.length;
        struct tg_str bytes = exchange->content;
        if (is_out)
            bytes = (struct tg_str){ exchange->out.data + exchange->out_offset,
                                     exchange->out.length - exchange->out_offset };
        size_t taken = 0;
        err = transport->ops->write(transport, bytes.data, bytes.length, &taken);
        if (err)
            return err;
        if (taken > 0 && connection->list == TG_LIST_ANSWER)
            tg_connection_enlist(connection, TG_LIST_ANSWER);
        if (is_out)
            exchange->out_offset += taken;
        else
            exchange->content = (struct tg_str){ bytes.data + taken, bytes.length - taken };
        if (taken < bytes.length)
            return TG_ERR_AGAIN;
    }
    return err ? err : transport->ops->flush(transport);
}

/* The answer is out: on to the next request, or to the end. False: nothing to do for now. */
static bool finish_answer(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    if (exchange->closes) {
        if (exchange->is_broken || exchange->in.length > exchange->head.length)
            start_lingering(connection, exchange->close_reason);
        else
            tg_connection_finish(connection, exchange->close_reason);
        return false;
    }
    tg_buffer_consume(&exchange->in, exchange->head.length);
    tg_buffer_clear(&exchange->out);
    exchange->out_offset = 0;
    exchange->parsed_length = 0;
    if (exchange->in.length > 0) {
        connection->phase = TG_PHASE_HEAD;
        tg_connection_enlist(connection, TG_LIST_PENDING);
        return true;
    }
    tg_connection_drop_exchange(connection);
    connection->phase = TG_PHASE_IDLE;
    tg_connection_enlist(connection, TG_LIST_IDLE);
    tg_connection_watch(connection, UV_READABLE);
    return false;
}

static bool advance_answer(struct tg_connection *connection)
{
    enum tg_err err = send_answer(connection);
    if (!err)
        return finish_answer(connection);
    if (err != TG_ERR_AGAIN) {
        tg_connection_close(connection, TG_CLOSE_CLIENT);
        return false;
    }
    if (connection->list != TG_LIST_ANSWER)
        tg_connection_enlist(connection, TG_LIST_ANSWER);
    tg_connection_watch(connection, UV_WRITABLE);
    return false;
}

void tg_connection_advance(struct tg_connection *connection)
{
    for (bool goes_on = true; goes_on;) {
        switch ((enum tg_phase)connection->phase) {
        case TG_PHASE_HEAD:
            goes_on = advance_head(connection);
            break;
        case TG_PHASE_BODY:
            goes_on = advance_body(connection);
            break;
        case TG_PHASE_ANSWER:
            goes_on = advance_answer(connection);
            break;
        case TG_PHASE_HANDSHAKE:
        case TG_PHASE_IDLE:
        case TG_PHASE_STREAM:
        case TG_PHASE_LINGER:
        case TG_PHASE_CLOSED:
            return;
        }
    }
    if (connection->phase == TG_PHASE_HEAD || connection->phase == TG_PHASE_BODY)
        tg_connection_watch(connection, UV_READABLE);
}

static bool takes_input(const struct tg_connection *connection)
{
    return connection->phase == TG_PHASE_HEAD || connection->phase == TG_PHASE_BODY ||
           connection->phase == TG_PHASE_IDLE;
}

/* One read; false when there is no more for now. */
static bool read_some(struct tg_connection *connection)
{
    if (connection->phase == TG_PHASE_IDLE) {
        connection->phase = TG_PHASE_HEAD;
        tg_connection_enlist(connection, TG_LIST_PENDING);
    }
    if (!connection->exchange)
        connection->exchange = tg_alloc(sizeof(*connection->exchange));
    struct tg_buffer *in = &connection->exchange->in;
    size_t length = 0;
    enum tg_err err = tg_buffer_reserve(in, READ_BYTES);
    if (!err)
        err = connection->transport.ops->read(&connection->transport, in->data + in->length, READ_BYTES,
                                              &length);
    if (err == TG_ERR_AGAIN)
        return false;
    if (err) {
        tg_connection_close(connection, err == TG_ERR_MEMORY ? TG_CLOSE_ERROR : TG_CLOSE_CLIENT);
        return false;
    }
    in->length += length;
    tg_connection_advance(connection);
    return takes_input(connection);
}

static void read_input(struct tg_connection *connection)
{
    for (int reads = 0; takes_input(connection); reads++) {
        if (reads >= READS_MAX && !connection->transport.ops->has_input(&connection->transport))
            return;
        if (!read_some(connection))
            return;
    }
}

static void shake_hands(struct tg_connection *connection)
{
    struct tg_transport *transport = &connection->transport;
    enum tg_err err = transport->ops->handshake(transport);
    if (!err || err == TG_ERR_AGAIN) {
        if (!err)
            connection->phase = TG_PHASE_HEAD;
        bool is_full = transport->ops->has_leftover(transport);
        tg_connection_watch(connection, UV_READABLE | (is_full ? UV_WRITABLE : 0));
        if (!err && transport->ops->has_input(transport))
            read_input(connection);
        return;
    }
    if (err != TG_ERR_PROTOCOL) {
        if (err == TG_ERR_CLOSED)
            tg_connection_close(connection, TG_CLOSE_CLIENT);
        else
            start_lingering(connection, TG_CLOSE_ERROR); /* the alert is to arrive */
        return;
    }
    /* Plain HTTP: the answer can be read only if it is plain too. */
    transport->ops->deinit(transport);
    tg_transport_init_plain(transport, transport->fd);
    tg_request_reject(connection, 400, TG_CLOSE_ERROR);
    tg_connection_advance(connection);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct tg_connection *connection = TG_CONTAINER_OF(handle, struct tg_connection, poll);
    if (status < 0 &&
        connection->phase != TG_PHASE_STREAM) { /* the socket has an error: reset, or timed out */
        bool is_lingering = connection->phase == TG_PHASE_LINGER;
        tg_connection_close(connection, is_lingering ? connection->end_reason : TG_CLOSE_CLIENT);
        return;
    }
    switch ((enum tg_phase)connection->phase) {
    case TG_PHASE_STREAM:
        tg_fanout_on_poll(connection, status, events);
        return;
    case TG_PHASE_HANDSHAKE:
        shake_hands(connection);
        return;
    case TG_PHASE_LINGER:
        linger(connection);
        return;
    case TG_PHASE_ANSWER:
        tg_connection_advance(connection);
        if (takes_input(connection) && connection->transport.ops->has_input(&connection->transport))
            read_input(connection);
        return;
    case TG_PHASE_HEAD:
    case TG_PHASE_BODY:
    case TG_PHASE_IDLE:
        if ((events & UV_WRITABLE) && connection->transport.ops->flush(&connection->transport) == TG_OK)
            tg_connection_watch(connection, UV_READABLE);
        if (events & UV_READABLE)
            read_input(connection);
        return;
    case TG_PHASE_CLOSED:
        return;
    }
}
