/* From the first byte of a request to the last of its answer. */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

enum {
    READ_BYTES = 4096,
    BODY_READ_BYTES = 32 * 1024,
    READS_MAX = 16, /* at a time, so that a fast sender does not keep others waiting */
    UNPARSED_BYTES_MAX = 512,
};

void tg_exchange_drop(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    if (!exchange)
        return;
    tg_buffer_deinit(&exchange->in);
    tg_buffer_deinit(&exchange->out);
    free(exchange);
    connection->exchange = NULL;
}

/* Of the request at hand, as far as it is kept. */
static size_t request_length(const struct tg_exchange *exchange)
{
    return exchange->head.length + exchange->body_length;
}

size_t tg_exchange_count_ahead(const struct tg_connection *connection)
{
    return connection->exchange->in.length - request_length(connection->exchange);
}

struct tg_str tg_exchange_peek_body(const struct tg_connection *connection)
{
    const struct tg_exchange *exchange = connection->exchange;
    return (struct tg_str){ exchange->in.data + exchange->head.length, exchange->body_length };
}

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
    if (!tg_body_init(&exchange->body, &exchange->head) || !tg_request_takes_body(connection)) {
        tg_request_answer(connection);
        return true;
    }
    if (exchange->head.expects_continue && exchange->in.length == exchange->head.length) {
        size_t taken;
        (void)connection->socket.ops->write(&connection->socket, "HTTP/1.1 100 Continue\r\n\r\n", 25, &taken);
    }
    connection->phase = TG_PHASE_BODY;
    return true;
}

/* The buffer may have moved since the head was parsed. */
static void answer_with_body(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    struct tg_head_limits limits = head_limits(connection);
    (void)tg_request_head_parse(exchange->in.data, exchange->in.length, &limits, &exchange->head);
    tg_request_answer(connection);
}

static void refuse_body(struct tg_connection *connection, enum tg_err err)
{
    struct tg_exchange *exchange = connection->exchange;
    if (err == TG_ERR_TOO_LARGE && exchange->body.is_kept) {
        exchange->body_status = 413;
        exchange->is_broken = true;
        answer_with_body(connection);
    } else {
        tg_request_reject(connection, err == TG_ERR_TOO_LARGE ? 413 : 400, TG_CLOSE_ERROR);
    }
}

/* Cuts all of the body but the content that is kept out of the input, right behind the head. */
static bool advance_body(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    struct tg_buffer *in = &exchange->in;
    size_t start = request_length(exchange), used = in->length - start, kept = 0;
    char *bytes = in->data + start;
    enum tg_err err = exchange->body.is_kept ? tg_body_take(&exchange->body, bytes, used, &used, &kept)
                                             : tg_body_skip(&exchange->body, bytes, used, &used);
    if (err && err != TG_ERR_AGAIN) {
        refuse_body(connection, err);
        return true;
    }
    if (kept < used)
        memmove(bytes + kept, bytes + used, in->length - start - used);
    in->length -= used - kept;
    exchange->body_length += kept;
    if (err)
        return false;
    answer_with_body(connection);
    return true;
}

static enum tg_err send_answer(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    struct tg_socket *socket = &connection->socket;
    enum tg_err err = socket->ops->flush(socket);
    while (!err && (exchange->out_offset < exchange->out.length || exchange->content.length > 0)) {
        bool is_out = exchange->out_offset < exchange->out.length;
        struct tg_str bytes = exchange->content;
        if (is_out)
            bytes = (struct tg_str){ exchange->out.data + exchange->out_offset,
                                     exchange->out.length - exchange->out_offset };
        size_t taken = 0;
        err = socket->ops->write(socket, bytes.data, bytes.length, &taken);
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
    return err ? err : socket->ops->flush(socket);
}

/* The answer is out: on to the next request, or to the end. False: nothing to do for now. */
static bool finish_answer(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    if (exchange->closes) {
        if (exchange->is_broken || tg_exchange_count_ahead(connection) > 0)
            tg_connection_linger(connection, exchange->close_reason);
        else
            tg_connection_finish(connection, exchange->close_reason);
        return false;
    }
    tg_buffer_consume(&exchange->in, request_length(exchange));
    tg_buffer_clear(&exchange->out);
    exchange->out_offset = 0;
    exchange->parsed_length = 0;
    exchange->body_length = 0;
    if (exchange->in.length > 0) {
        connection->phase = TG_PHASE_HEAD;
        tg_connection_enlist(connection, TG_LIST_PENDING);
        return true;
    }
    tg_exchange_drop(connection);
    connection->phase = TG_PHASE_IDLE;
    tg_connection_enlist(connection, TG_LIST_IDLE);
    tg_connection_watch(connection, TG_SOCKET_READABLE);
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
    tg_connection_watch(connection, TG_SOCKET_WRITABLE);
    return false;
}

void tg_exchange_advance(struct tg_connection *connection)
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
        case TG_PHASE_WAIT:
        case TG_PHASE_IDLE:
        case TG_PHASE_STREAM:
        case TG_PHASE_LINGER:
        case TG_PHASE_CLOSED:
            return;
        }
    }
    if (connection->phase == TG_PHASE_HEAD || connection->phase == TG_PHASE_BODY)
        tg_connection_watch(connection, TG_SOCKET_READABLE);
}

void tg_exchange_resume(struct tg_connection *connection)
{
    tg_exchange_advance(connection);
    if (tg_exchange_takes_input(connection) && connection->socket.ops->has_input(&connection->socket))
        tg_exchange_read(connection);
}

bool tg_exchange_takes_input(const struct tg_connection *connection)
{
    return connection->phase == TG_PHASE_HEAD || connection->phase == TG_PHASE_BODY ||
           connection->phase == TG_PHASE_IDLE;
}

/* One read; false when there is no more for now. */
static bool read_some(struct tg_connection *connection)
{
    if (!connection->exchange)
        connection->exchange = tg_alloc(sizeof(*connection->exchange));
    struct tg_buffer *in = &connection->exchange->in;
    bool is_kept = connection->phase == TG_PHASE_BODY && connection->exchange->body.is_kept;
    size_t room = is_kept ? BODY_READ_BYTES : READ_BYTES, length = 0;
    enum tg_err err = tg_buffer_reserve(in, room);
    if (!err)
        err = connection->socket.ops->read(&connection->socket, in->data + in->length, room, &length);
    if (err == TG_ERR_AGAIN) {
        if (connection->phase == TG_PHASE_IDLE)
            tg_exchange_drop(connection);
        return false;
    }
    if (err) {
        tg_connection_close(connection, err == TG_ERR_MEMORY ? TG_CLOSE_ERROR : TG_CLOSE_CLIENT);
        return false;
    }
    in->length += length;
    if (connection->phase == TG_PHASE_IDLE) {
        connection->phase = TG_PHASE_HEAD;
        tg_connection_enlist(connection, TG_LIST_PENDING);
    }
    tg_exchange_advance(connection);
    return tg_exchange_takes_input(connection);
}

void tg_exchange_read(struct tg_connection *connection)
{
    for (int reads = 0; tg_exchange_takes_input(connection); reads++) {
        if (reads >= READS_MAX && !connection->socket.ops->has_input(&connection->socket))
            return;
        if (!read_some(connection))
            return;
    }
}
