/* A connection: one client's socket, from accept to close.
 *
 *      handshake ─► head ─► body ─► answer ─┬─► idle ─► head …       kept alive
 *                            │        ▲     └─► linger ─► closed     both sides have said all
 *                            ├► wait ─┤
 *                            │        └ also what is refused
 *                            └► stream ────────────────► closed
 *
 * One socket and one allocation; the exchange (buffers, the parsed head) exists only while a request is
 * being read or answered, so a subscriber costs neither. The worker's thread. */
#ifndef TIDEGATE_DOWNSTREAM_CONNECTION_H
#define TIDEGATE_DOWNSTREAM_CONNECTION_H

#include "body.h"
#include "hello.h"
#include "shard.h"
#include "subscriber.h"

struct tg_tap;
struct tg_wait;

enum { TG_WATCH_NOTHING = 0, TG_WATCH_BOTH = TG_SOCKET_READABLE | TG_SOCKET_WRITABLE };

enum tg_phase {
    TG_PHASE_HANDSHAKE,
    TG_PHASE_HEAD,
    TG_PHASE_BODY,
    TG_PHASE_WAIT, /* for the backend, before the answer */
    TG_PHASE_ANSWER,
    TG_PHASE_IDLE,
    TG_PHASE_STREAM,
    TG_PHASE_LINGER,
    TG_PHASE_CLOSED, /* its memory goes at the end of the turn */
};

/* What has a connection that speaks no HTTP for now: it hears of its socket, and of its end. */
struct tg_role {
    void (*on_events)(struct tg_connection *connection, unsigned events); /* TG_SOCKET_READABLE and so on */
    void (*on_close)(struct tg_connection *connection, enum tg_close_reason reason);
};

struct tg_exchange {
    struct tg_buffer in; /* begins with the head at hand; then what is kept of its body */
    struct tg_buffer out;
    size_t out_offset;
    struct tg_str content; /* after `out`; lives elsewhere */
    struct tg_request_head head;
    size_t parsed_length; /* of the input at hand: how much the parser has seen */
    struct tg_body body;
    size_t body_length;   /* of what is kept of it */
    int body_status;      /* why it was not taken: 413, 415; else 0 */
    struct tg_wait *wait; /* TG_PHASE_WAIT */
    bool closes;          /* after the answer */
    bool is_broken;       /* the client may still be sending what nobody will read: linger */
    enum tg_close_reason close_reason;
};

struct tg_connection {
    /* what a delivery touches, on neighbouring cache lines */
    struct tg_connection *prev, *next; /* in a list of the shard, or of the tap */
    struct tg_shard *shard;
    struct tg_tap *tap; /* TG_PHASE_STREAM; so are the next four */
    struct tg_socket socket;
    uint32_t last_write_s;
    bool is_behind;
    struct tg_subscriber subscriber;

    const struct tg_role *role;   /* TG_PHASE_STREAM and TG_PHASE_WAIT; else NULL */
    struct tg_exchange *exchange; /* or NULL */
    struct tg_address *address;
    struct tg_tls_server *tls; /* TG_PHASE_HANDSHAKE, before the client's first byte; else NULL */
    uint64_t id;
    uint64_t since_ms; /* in its list */
    struct tg_connection *chore_prev, *chore_next;
    uint8_t phase;
    uint8_t list;
    uint8_t chore;      /* enum tg_chore */
    uint8_t hello;      /* enum tg_hello */
    uint8_t admission;  /* enum tg_admission */
    uint8_t end_reason; /* what the log says once lingering is over */
    /* TG_PHASE_STREAM */
    uint32_t dropped_bytes; /* that the client sent after its request */
    uint32_t start_s;
    struct tg_wheel_entry beat;
    bool has_acked; /* since the last write */
    uint32_t acked; /* how much the client had acknowledged then */
};

/* Takes fd, address and admission. */
void tg_connection_open(struct tg_shard *shard, int fd, struct tg_tls_server *tls, struct tg_address *address,
                        enum tg_admission admission);
/* Closes at once. The connection is then in phase TG_PHASE_CLOSED until the end of the turn. */
void tg_connection_close(struct tg_connection *connection, enum tg_close_reason reason);
/* The orderly end: all that was written goes out first. */
void tg_connection_finish(struct tg_connection *connection, enum tg_close_reason reason);
void tg_connection_watch(struct tg_connection *connection, unsigned events);
void tg_connection_enlist(struct tg_connection *connection, enum tg_list list); /* from any other list */
void tg_connection_unlist(struct tg_connection *connection);
/* Who has let us wait longest in this list, or NULL. Whoever waits for us begins anew. */
struct tg_connection *tg_connection_oldest(struct tg_shard *shard, enum tg_list list);
/* The socket is readable, or was. */
void tg_connection_take_input(struct tg_connection *connection);
/* Our side has said all: waits for the client to end. */
void tg_connection_linger(struct tg_connection *connection, enum tg_close_reason reason);
void tg_connection_free_closed(struct tg_shard *shard); /* the memory of those in phase TG_PHASE_CLOSED */
void tg_connection_format_id(const struct tg_connection *connection, char ret_text[20]);

/* exchange.c */
bool tg_exchange_takes_input(const struct tg_connection *connection);
/* Reads what is there of requests, and answers those that are complete. */
void tg_exchange_read(struct tg_connection *connection);
/* Goes on with the input at hand, or, in phase TG_PHASE_ANSWER, with sending `out`. */
void tg_exchange_advance(struct tg_connection *connection);
/* The same, and then with what the socket has read already. */
void tg_exchange_resume(struct tg_connection *connection);
/* How many bytes have come that belong to no request yet. */
size_t tg_exchange_count_ahead(const struct tg_connection *connection);
/* What is kept of the body at hand. */
struct tg_str tg_exchange_peek_body(const struct tg_connection *connection);
void tg_exchange_drop(struct tg_connection *connection); /* if there is one */

/* request.c: fills the exchange's `out` and enters TG_PHASE_ANSWER, or makes the connection a subscriber, or has it
 * wait. */
void tg_request_answer(struct tg_connection *connection);
/* The head is there and a body follows. True: it is to be read, and kept where somebody wants it. False: it is to be
 * answered now, and what follows is not read. */
bool tg_request_takes_body(struct tg_connection *connection);
/* The head or body cannot be taken: answers with the status, closes then. */
void tg_request_reject(struct tg_connection *connection, int status, enum tg_close_reason reason);

#endif
