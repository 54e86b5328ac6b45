/* Layer 3, stream: named, ordered, retained events; one writer, any number of readers.
 *
 *   writer (owner's thread)                          reader (one for each worker that has subscribers)
 *   append ─► [segment][segment][segment│free] ◄──── walks the same segments, no locks, no copies
 *             ▲ oldest             ▲ published       a cursor is one number: a byte position in the stream
 *
 * A segment is one block: events framed for the wire grow from its front, their index from its back. Bytes
 * below `published` never change. Segments are reference-counted; each holds its successor, and a reader
 * holds the oldest one it may still need, so nothing it can reach goes away under it.
 *
 * Wire form. Each event is framed once as one HTTP/1.1 chunk (RFC 9112 section 7.1) that holds one event
 * of text/event-stream (WHATWG HTML section 9.2): a client on HTTP/1.1 gets bytes straight from the segment,
 * whatever else gets them without the chunk's head and tail, by the index.
 *
 * Ids are <epoch>-<seq>, or the backend's own. Control events (tidegate.upstream) have no id and take no seq.
 *
 * Retention. The oldest retained event moves event by event (exactly `retain`), memory is given back segment
 * by segment: a stream holds at most retain_bytes plus one segment and one message, and as much again (256 KiB at
 * least) in control events, which do not count for `retain`. Subscribers that are connected may still read what
 * retention has passed, as long as its segment is there. */
#ifndef TIDEGATE_STREAM_H
#define TIDEGATE_STREAM_H

#include "tidegate/base.h"

#define TG_ID_MAX 128 /* bytes of an event id */

struct tg_stream;

struct tg_stream_options {
    const char *name;       /* copied */
    uint64_t retain_events; /* events with a seq; control events ride along */
    uint64_t retain_bytes;  /* of wire form and index, without control events */
    uint64_t retain_age_ms; /* 0: no limit */
    const char *epoch;      /* NULL: a new random one */
};

/* ---- life; any thread ------------------------------------------------------------------------- */
/* One reference. NULL: memory is out. */
struct tg_stream *tg_stream_new(const struct tg_stream_options *options);
struct tg_stream *tg_stream_ref(struct tg_stream *stream);
void tg_stream_unref(struct tg_stream *stream); /* NULL is fine */
const char *tg_stream_name(const struct tg_stream *stream);
const char *tg_stream_epoch(const struct tg_stream *stream);

/* ---- writing; the owner's thread alone -------------------------------------------------------- */

/* Views are borrowed for the call. */
struct tg_event {
    struct tg_str type; /* empty: "message", not written */
    struct tg_str id;   /* the backend's id; empty: <epoch>-<seq> */
    struct tg_str data; /* UTF-8, as the caller has checked; split at CR, LF and CRLF */
    bool is_control;    /* no id, no seq; takes nothing of what is retained */
    bool has_no_id;     /* no id, no seq, but an event: for clients that never come back */
};

/* Frames and stores one event at the end of the stream; readers can see it at once but are told by
 * tg_stream_flush. Evicts what retention no longer covers.
 * TG_ERR_INVALID: a type with CR, LF or NUL, or an id outside tg_id_is_valid. TG_ERR_TOO_LARGE: over 2 GiB once
 * framed. TG_ERR_CLOSED: the stream has ended. TG_ERR_MEMORY, although the oldest events were evicted to make room. Then
 * nothing was stored. */
enum tg_err tg_stream_append(struct tg_stream *stream, const struct tg_event *event, uint64_t now_ms);

/* The id of the last event that has one; empty: there is none, or it is no longer known. */
void tg_stream_last_id(const struct tg_stream *stream, char ret_id[TG_ID_MAX + 1]);

/* Evicts by age, and flushes; call about once a second. */
void tg_stream_evict(struct tg_stream *stream, uint64_t now_ms);

/* Wakes each reader that has something to see since it was woken last, once. */
void tg_stream_flush(struct tg_stream *stream);

/* ---- demand: who is listening ----------------------------------------------------------------- */

/* Told on the calling thread of tg_stream_subscriber_added/_removed when their number leaves or reaches 0, in the
 * order in which that happens (under a lock of the stream: only pass it on). Set before the stream has readers. */
typedef void tg_stream_demand_fn(void *arg, bool has_subscribers);
void tg_stream_on_demand(struct tg_stream *stream, tg_stream_demand_fn *fn, void *arg);
void tg_stream_subscriber_added(struct tg_stream *stream);   /* any thread */
void tg_stream_subscriber_removed(struct tg_stream *stream); /* any thread */

/* ---- the upstream's state, for who connects while nothing flows; any thread ------------------- */
enum tg_stream_state { TG_STREAM_CONNECTING, TG_STREAM_UP, TG_STREAM_DOWN };

/* Why a connection ended or an attempt failed; a label of metrics, a field of logs, and the `reason` clients see. */
enum tg_upstream_reason {
    TG_REASON_NONE,
    TG_REASON_DNS,
    TG_REASON_CONNECT,   /* TCP refused or unreachable */
    TG_REASON_TLS,       /* TLS handshake or certificate */
    TG_REASON_HANDSHAKE, /* the HTTP answer is no valid upgrade */
    TG_REASON_REDIRECT,  /* too many, or to somewhere it cannot go */
    TG_REASON_TIMEOUT,   /* connect_timeout */
    TG_REASON_CLOSED,    /* the backend closed, in whatever way */
    TG_REASON_LIVENESS,  /* no answer to a ping */
    TG_REASON_IDLE,      /* idle_timeout */
    TG_REASON_PROTOCOL,  /* the backend broke RFC 6455, or HTTP */
    TG_REASON_STATUS,    /* the HTTP status is none that brings messages */
    TG_REASON_FINISHED,  /* the backend said that there is no more: 204 to an sse or ndjson request */
    TG_REASON_STOPPED,   /* by us: drain, or nobody listens any more */
    TG_REASON_COUNT
};
const char *tg_upstream_reason_text(enum tg_upstream_reason reason);

/* The upstream's condition as clients learn it, in one number, so that any thread sees it whole. */
struct tg_stream_condition {
    uint8_t state;   /* enum tg_stream_state */
    uint8_t reason;  /* enum tg_upstream_reason, of TG_STREAM_DOWN */
    uint16_t status; /* of the HTTP answer that was the reason; 0: none was */
};
bool tg_stream_condition_equals(struct tg_stream_condition a, struct tg_stream_condition b);
/* As data of an event: {"state":"down","reason":"status","status":401}. With UP, `flaps` counts losses without an event. */
enum tg_err tg_stream_condition_write(struct tg_buffer *out, struct tg_stream_condition condition,
                                      uint64_t flaps);
/* Owner, opener. Append the event about it after this. */
void tg_stream_set_condition(struct tg_stream *stream, struct tg_stream_condition condition);
struct tg_stream_condition tg_stream_get_condition(const struct tg_stream *stream);
enum tg_stream_state tg_stream_get_state(const struct tg_stream *stream);

/* ---- figures; any thread, each exact, together not one instant -------------------------------- */
struct tg_stream_stats {
    uint64_t events; /* appended since the start, without control events */
    uint64_t bytes;  /* of wire form, appended since the start */
    uint64_t retained_events;
    uint64_t retained_bytes; /* as in retain_bytes */
    uint64_t memory_bytes;   /* of segments the stream holds, as allocated */
    uint64_t last_seq;
    uint64_t subscribers;
};
void tg_stream_get_stats(const struct tg_stream *stream, struct tg_stream_stats *ret_stats);

/* ---- ids -------------------------------------------------------------------------------------- */
/* 1 to TG_ID_MAX of letters, digits, "-", "_", ".", ":". */
bool tg_id_is_valid(const char *id, size_t length);

/* ---- reading: a reader belongs to one thread --------------------------------------------------- */

struct tg_reader;

/* A place between two bytes of the stream. Plain data: copy it, keep it, drop it. */
struct tg_cursor {
    uint64_t position;
};

/* `wake` is called on the owner's thread by tg_stream_flush, at most once until the next tg_reader_sync;
 * it may only pass the word on (mark, or post a mail). Holds a reference to the stream. Any thread. */
struct tg_reader *tg_reader_new(struct tg_stream *stream, void (*wake)(void *arg), void *arg);
void tg_reader_free(struct tg_reader *reader); /* after it returns, no call of wake is running or follows */
struct tg_stream *tg_reader_peek_stream(const struct tg_reader *reader);

/* Takes in what the writer has published. Before it lets go of evicted segments it calls on_evict (may be
 * NULL) with the position up to which they reach: the last chance to rescue half-sent events below it with
 * tg_reader_leave. */
void tg_reader_sync(struct tg_reader *reader, void (*on_evict)(void *arg, uint64_t position), void *arg);

/* All of the following see the stream as of the last sync. */

uint64_t tg_reader_end(const struct tg_reader *reader);   /* the position after the last event */
uint64_t tg_reader_first(const struct tg_reader *reader); /* the lowest position whose bytes are there */

/* The bytes from the cursor to the end of its segment; empty at the end of the stream. Borrowed until the
 * next sync. The cursor must be in [first, end]. */
struct tg_str tg_reader_peek(const struct tg_reader *reader, struct tg_cursor cursor);

/* The same without chunk heads and tails, for HTTP/1.0: the rest of the event at the cursor. *ret_next is
 * where the cursor goes once all of it is sent; inside the bytes it advances byte by byte. At an event's
 * start the cursor is moved over the chunk's head. */
struct tg_str tg_reader_peek_bare(const struct tg_reader *reader, struct tg_cursor *cursor,
                                  struct tg_cursor *ret_next);

/* What a client is told when it does not get all that follows its last event. */
enum tg_gap_reason {
    TG_GAP_NONE,
    TG_GAP_EVICTED, /* the id was known once; what follows it is no longer all there */
    TG_GAP_LAGGED,  /* retention passed a connected client */
    TG_GAP_UNKNOWN, /* no event has this id */
    TG_GAP_EPOCH,   /* an id of another incarnation of the stream */
    /* In the stream itself, at their place: messages that Tidegate could not take. */
    TG_GAP_OVERSIZE, /* over a limit of size */
    TG_GAP_ENCODING, /* not UTF-8 */
    TG_GAP_MEMORY,   /* memory was out */
};
struct tg_gap {
    enum tg_gap_reason reason;
    bool is_counted; /* `missed` is known exactly */
    uint64_t missed;
    char after[TG_ID_MAX + 1];  /* the last id the client has; empty when it is not known or not valid */
    char before[TG_ID_MAX + 1]; /* the id of the event that follows the gap; empty when none is there yet */
};
const char *tg_gap_reason_text(enum tg_gap_reason reason); /* "evicted", "lagged", "unknown", "epoch", … */

/* Whether no event from the cursor to the end is about the condition. */
bool tg_reader_is_past_condition(const struct tg_reader *reader, struct tg_cursor cursor);

/* Where to start. */
struct tg_cursor tg_reader_seek_live(const struct tg_reader *reader);   /* the end */
struct tg_cursor tg_reader_seek_oldest(const struct tg_reader *reader); /* the oldest retained event */
/* Before the last `count` retained events (control events do not count, but come along). */
struct tg_cursor tg_reader_seek_last(const struct tg_reader *reader, uint64_t count);
/* Right after the event with this id. If not everything after it is there, the cursor is at the oldest
 * retained event (or the end with `live_after_gap`), and *ret_gap says what is missing; else its reason is
 * TG_GAP_NONE. Any bytes are safe as an id. With an id that the backend repeats, the oldest one counts:
 * rather twice than lost. */
struct tg_cursor tg_reader_seek_id(const struct tg_reader *reader, const char *id, size_t length,
                                   bool live_after_gap, struct tg_gap *ret_gap);

/* Leaving: what a client that is in the middle of the stream needs when the segment under it goes away. */
struct tg_departure {
    uint64_t seq;              /* of the last event with a seq up to and including the half-sent one */
    char after[TG_ID_MAX + 1]; /* its id; empty when there is none yet */
    struct tg_str rest;        /* the unsent part of the half-sent event, borrowed until the sync ends; */
};                             /* empty when the cursor is between two events */
void tg_reader_leave(const struct tg_reader *reader, struct tg_cursor cursor,
                     struct tg_departure *ret_departure);
/* Coming back after it: the oldest retained event (or the end), and the gap from departure to there; its
 * reason is TG_GAP_NONE when no event with a seq was missed. */
struct tg_cursor tg_reader_return(const struct tg_reader *reader, const struct tg_departure *departure,
                                  bool live_after_gap, struct tg_gap *ret_gap);

/* ---- text/event-stream, the other way round: WHATWG HTML section 9.2.6; pure -------------------- */

/* Borrowed for the call. */
struct tg_sse_event {
    struct tg_str type; /* as sent; empty: it did not say, so that browsers would call it "message" */
    struct tg_str id;   /* the last event id: of this event, or of one before */
    bool has_own_id;    /* it came with this event */
    struct tg_str data;
};

/* A parser; input may be cut anywhere, which changes nothing. Embedded; zero it, set the callbacks and max_bytes. */
struct tg_sse_parser {
    void (*on_event)(void *arg, const struct tg_sse_event *event);
    /* Once for an event with a field or with data over max_bytes: it is passed over up to its empty line. */
    void (*on_oversize)(void *arg);
    void *arg;
    size_t max_bytes;
    int64_t retry_ms;         /* what the server asked for last; 0: nothing yet */
    struct tg_buffer last_id; /* goes into Last-Event-ID; changes where an event ends */

    struct tg_buffer line;           /* what there is of one that is not whole yet */
    struct tg_buffer type, data, id; /* of the event that is being read */
    bool has_own_id;
    bool is_past_start; /* the byte order mark counts at the start alone */
    bool is_after_cr;
    bool is_line_passed_over; /* the rest of this line */
    bool is_oversize;         /* the rest of this event; its id counts all the same */
};
void tg_sse_parser_deinit(struct tg_sse_parser *parser);
/* TG_ERR_MEMORY: what was being read is lost, and the stream cannot be followed any further. */
enum tg_err tg_sse_parser_feed(struct tg_sse_parser *parser, const char *bytes, size_t length);
/* A connection has ended: what was not complete is dropped, the last event id and the retry time stay. */
void tg_sse_parser_restart(struct tg_sse_parser *parser);

/* ---- the end ---------------------------------------------------------------------------------- */

/* Nothing follows any more: the backend has said all it had to say. Appends `farewell` (a control event; NULL:
 * without one) and wakes the readers; what is appended later is refused (TG_ERR_CLOSED). Messages that wait for the
 * backend fail. Retention by age goes on. Owner's thread. TG_ERR_CLOSED: it had ended before. What tg_stream_append
 * says of the farewell: it has ended all the same, without one. */
enum tg_err tg_stream_end(struct tg_stream *stream, const struct tg_event *farewell, uint64_t now_ms);
/* The same without a farewell, where the backend had more to say: clients that are told nothing by events learn it from
 * their response, which is not completed. */
enum tg_err tg_stream_break_off(struct tg_stream *stream);
bool tg_stream_has_ended(const struct tg_stream *stream); /* any thread */
/* As of the last sync: what lies before tg_reader_end is all there will be, and (then alone) it was broken off. */
bool tg_reader_has_ended(const struct tg_reader *reader);
bool tg_reader_is_broken_off(const struct tg_reader *reader);

/* ---- the way back: messages of clients for the backend ---------------------------------------- */

/* What became of it: TG_OK, it was written to the backend's connection; TG_ERR_CLOSED, there is none, or it ended
 * before; TG_ERR_INVALID, this kind of backend takes none. Called once, on the owner's thread: pass it on. */
typedef void tg_sent_fn(void *context, uint64_t id, enum tg_err result);

/* Any thread. The bytes are copied. TG_ERR_CLOSED: no backend takes messages here now. TG_ERR_LIMIT: with this one more
 * than TG_OUTGOING_BYTES_MAX would wait here, or more than TG_OUTGOING_ALL_BYTES_MAX in all streams together (a message
 * for which none has to wait here may be larger, and passes until there are four times as many in all).
 * TG_ERR_MEMORY. Then `on_sent` (or NULL) is not called. */
enum { TG_OUTGOING_BYTES_MAX = 4 * 1024 * 1024, TG_OUTGOING_ALL_BYTES_MAX = 64 * 1024 * 1024 };
enum tg_err tg_stream_send(struct tg_stream *stream, struct tg_str bytes, bool is_binary, tg_sent_fn *on_sent,
                           void *context, uint64_t id);

/* The writer's side. `wake` is called on the sender's thread, at most once until the next tg_stream_take_outgoing; it
 * may only pass the word on. Messages wait from the first call on; NULL: nobody takes them, those that wait fail. After
 * it returns, no call of an earlier `wake` is running or follows. A writer that has no room takes nothing: so the limit
 * above holds. Owner's thread. */
void tg_stream_on_outgoing(struct tg_stream *stream, void (*wake)(void *arg), void *arg);
struct tg_outgoing {
    struct tg_outgoing *next;
    tg_sent_fn *on_sent;
    void *context;
    uint64_t id;
    bool is_binary;
    size_t length;
    char bytes[];
};
struct tg_outgoing *
tg_stream_take_outgoing(struct tg_stream *stream); /* all that wait, in order; each to be finished */
void tg_outgoing_finish(struct tg_outgoing *outgoing, enum tg_err result); /* tells the sender; frees it */

/* ---- families: streams made on demand --------------------------------------------------------- */

/* All streams of one configured stream that is not shared by everyone: one for each key (scope keyed, or a key picked
 * out of the messages of one upstream), or one for each client (scope client: a session, whose key is a secret token of
 * 128 random bits, the epoch of its ids).
 *
 *     tg_family_join ─► member there? ─ no ─► limit ─► stream ─► hooks.open ─► …  nobody for linger_ms ─► hooks.close
 *
 * A member lives while it has subscribers, and linger_ms longer, also when its stream has ended: so a client that comes
 * back learns of that. Any thread, unless said otherwise. */
struct tg_family;

struct tg_pair { /* name and value; borrowed */
    struct tg_str name, value;
};

/* What comes with the request that opens a member; borrowed for the call. */
struct tg_opening {
    const struct tg_pair *parameters; /* of the path, in the order of the configuration */
    size_t parameter_count;
    const struct tg_pair *headers; /* to be forwarded; scope client alone */
    size_t header_count;
    struct tg_str query; /* to be forwarded, encoded, without "?"; scope client alone */
    bool has_body;       /* of a POST */
    struct tg_str body;
    size_t worker_index; /* where the request came in */
    /* Or NULL. When it cannot be opened because of the request: a line for who asks, without its end, and with
     * nothing in it that was sent. */
    struct tg_buffer *complaint;
};

struct tg_family_hooks {
    /* Gives the new member its writer. Messages for the backend wait from the beginning, until the writer asks for
     * them (tg_stream_on_outgoing). TG_ERR_…: it is given up, and the error goes to who asked. Not under any lock;
     * meanwhile others who ask for the same key wait for no one: they share the stream already. For them a stream
     * that is given up ends (tg_stream_end without a farewell, on the thread that called `open`); who asks next
     * gets a new one. */
    enum tg_err (*open)(void *arg, struct tg_stream *stream, const struct tg_opening *opening);
    /* The member has gone from the family: its writer is to stop. Follows each `open` that returned TG_OK, once.
     * Not under any lock; the next member of the same key may be opened meanwhile. */
    void (*close)(void *arg, struct tg_stream *stream);
    void *arg;
    /* Called by tg_family_renew; may be NULL. */
    void (*renew)(void *arg, struct tg_stream *stream, const struct tg_opening *opening);
};

struct tg_family_options {
    const char *name; /* of the configured stream; members are called "<name>/<key>", sessions "<name>" */
    uint64_t retain_events, retain_bytes, retain_age_ms;
    size_t max_members;
    uint64_t linger_ms;
    struct tg_family_hooks hooks;
};
struct tg_family *tg_family_new(const struct tg_family_options *options);
void tg_family_free(struct tg_family *family); /* closes all members; nobody may use it then; NULL is fine */

/* The member of this key, made if it is not there. The stream comes with a reference, and counts as having a subscriber
 * until tg_family_leave. TG_ERR_LIMIT: no more members; what hooks.open says. */
enum tg_err tg_family_join(struct tg_family *family, struct tg_str key, const struct tg_opening *opening,
                           struct tg_stream **ret_stream);
void tg_family_leave(struct tg_family *family, struct tg_stream *stream); /* consumes the reference */

/* A new session. `identity` (32 bytes, or NULL) is a digest of what identified the client: only who shows the same can
 * resume it. Otherwise as tg_family_join. */
enum tg_err tg_family_open_session(struct tg_family *family, const unsigned char *identity,
                                   const struct tg_opening *opening, struct tg_stream **ret_stream);
/* The session whose token the event id begins with. TG_ERR_NOT_FOUND: there is none, or it is somebody else's: the two
 * look alike, also in the time they take. As tg_family_join for the rest. */
enum tg_err tg_family_resume(struct tg_family *family, struct tg_str event_id, const unsigned char *identity,
                             struct tg_stream **ret_stream);

/* The client of a session that the caller holds has passed the identity check with these headers and this query. */
void tg_family_renew(struct tg_family *family, struct tg_stream *session, const struct tg_opening *opening);

/* Of a session that the caller holds: it was opened with these values of the parameters; an empty one stands for any. */
bool tg_family_session_has(const struct tg_stream *session, const struct tg_str *values);

/* Closes what nobody has used for linger_ms; once a second, one thread. `now_ms` as of tg_clock_now_ms. */
void tg_family_sweep(struct tg_family *family, uint64_t now_ms);

struct tg_family_stats {
    size_t members, max_members;      /* now, and at most */
    uint64_t opened, closed, refused; /* ever; refused: for the limit */
    uint64_t events, bytes, retained_events, retained_bytes, memory_bytes,
        subscribers; /* of all members there are */
};
void tg_family_get_stats(struct tg_family *family, struct tg_family_stats *ret_stats);

/* ---- registry: the streams of the process by name and by id ----------------------------------- */
struct tg_registry;
struct tg_registry *tg_registry_new(void);
void tg_registry_free(struct tg_registry *registry); /* drops its references */
/* Any thread. Takes a reference of its own. TG_ERR_IN_USE: the name is taken. */
enum tg_err tg_registry_add(struct tg_registry *registry, struct tg_stream *stream);
/* Any thread. Calls `visit` for each stream in order of name, under the registry's lock: only look. */
void tg_registry_each(struct tg_registry *registry, void (*visit)(void *arg, struct tg_stream *stream),
                      void *arg);

#endif
