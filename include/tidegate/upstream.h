/* Layer 5a, upstream: connections to legacy backends, kept up by a supervisor; what they say is translated
 * and appended to a stream. Never includes downstream: the two meet in stream.h.
 *
 *   supervisor (pure)          link, one of                          translator ─► stream
 *   idle/connecting/up/wait ─► websocket   frames, ping  ─► message ─┘
 *                              sse, ndjson one long answer
 *                              poll        request after request
 *
 * A configured stream has one upstream (scope shared), one for each member of its family (keyed, client), or one
 * that feeds all members, by a key in its messages (`route`). Each upstream lives on one worker, the owner of its
 * streams. Back-off is exponential with full jitter, reset once the connection has lasted `reconnect.stable`. Outages are
 * told in the stream, at their place, as a control event `tidegate.upstream` with {"state":"up"} or
 * {"state":"down","reason":"…"} (supervisor.h says when).
 *
 * A stream ends (tg_stream_end) with the message that `until` asks for and, for one client alone, where the backend has
 * come to an end in an orderly way: 204, a close code for it, and, as `session.on_end` says, the end of a complete
 * answer. The farewell is a control event `tidegate.end` with {"reason":"until"}, {"reason":"finished"} (204) or {"reason":"closed"}.
 *
 * What a client has posted goes to the backend once. When its answer breaks off, or is none, the stream ends too,
 * with {"reason":"failed"} and maybe a "status"; this farewell has an id, so that nobody takes what there is for
 * the whole answer. */
#ifndef TIDEGATE_UPSTREAM_H
#define TIDEGATE_UPSTREAM_H

#include "tidegate/config.h"
#include "tidegate/net.h"
#include "tidegate/runtime.h"
#include "tidegate/stream.h"

struct tg_upstream_set;
struct tg_upstream;

enum tg_upstream_state {
    TG_UPSTREAM_IDLE,       /* on_demand and nobody listens, or not started */
    TG_UPSTREAM_CONNECTING, /* name lookup to the end of the handshake */
    TG_UPSTREAM_UP,
    TG_UPSTREAM_WAITING, /* backing off */
    TG_UPSTREAM_STOPPED,
    TG_UPSTREAM_STATE_COUNT
};
const char *tg_upstream_state_text(enum tg_upstream_state state);

/* ---- the set of all upstreams; the main thread unless said otherwise --------------------------- */

struct tg_upstream_set *tg_upstream_set_new(struct tg_worker_pool *pool,
                                            struct tg_nets *nets /* of the pool */);
/* How many connections may begin in a second to each host and port, over all streams and workers; per_second 0: any
 * number. Before the first upstream is added. */
void tg_upstream_set_limit_connects(struct tg_upstream_set *set, const struct tg_config_rate *rate);
/* Adds the upstream of one stream, on the given worker. `config` must outlive the set; the stream is referenced.
 * TG_ERR_TLS / TG_ERR_INVALID with a line in *ret_error (a CA file that does not load, say). Before the start. */
enum tg_err tg_upstream_set_add(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                const struct tg_config_sse *names, struct tg_stream *stream,
                                size_t worker_index, struct tg_buffer *ret_error);
/* The same for a configured stream with an upstream for each member of its family: there are none yet. */
enum tg_err tg_upstream_set_add_family(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                       const struct tg_config_sse *names, struct tg_buffer *ret_error);
/* The same for one upstream that feeds all members of `family`, which must outlive all workers' threads. */
enum tg_err tg_upstream_set_add_routed(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                       const struct tg_config_sse *names, struct tg_family *family,
                                       size_t worker_index, struct tg_buffer *ret_error);

/* The hooks of a family. A new member of the configured stream that was added as number `index`, from 0: its own
 * upstream, on the worker opening->worker_index, or its place among those that one upstream feeds. TG_ERR_INVALID,
 * TG_ERR_TOO_LARGE: what came with the opening cannot be part of a request; with a line in *ret_error that can be
 * logged. Any thread. */
enum tg_err tg_upstream_set_open(struct tg_upstream_set *set, size_t index, struct tg_stream *stream,
                                 const struct tg_opening *opening, struct tg_buffer *ret_error);
/* The client of a session has come back with these headers and this query. They replace those that opened the session from
 * the next attempt on; what they lack stays. Any thread; as tg_upstream_set_close. */
void tg_upstream_set_renew(struct tg_upstream_set *set, struct tg_stream *stream,
                           const struct tg_opening *opening);
/* The member has gone: its upstream ends, soon after. Any thread; a stream that the set does not know is fine. */
void tg_upstream_set_close(struct tg_upstream_set *set, size_t index, struct tg_stream *stream);

/* Begins to connect; the pool may be started before or after. */
void tg_upstream_set_start(struct tg_upstream_set *set);
/* Closes all connections with a close frame (1001) and makes no new ones; takes effect on the workers soon after. */
void tg_upstream_set_stop(struct tg_upstream_set *set);
/* The pool must have been stopped; families may have been freed. */
void tg_upstream_set_free(struct tg_upstream_set *set);

/* ---- looking; any thread ---------------------------------------------------------------------- */

/* How an upstream ended for good, and its streams with it. */
enum tg_ending {
    TG_ENDING_COMPLETE, /* the backend had said all: `until`, or a session that it ended in order */
    TG_ENDING_FAILED,   /* it could not go on, and must not be asked again for what a client had posted */
    TG_ENDING_COUNT
};
const char *tg_ending_text(enum tg_ending ending);

/* Of all upstreams that a configured stream has, and ever had. */
struct tg_upstream_stats {
    const char *stream_name;      /* of the configuration; lives as long as the set */
    enum tg_upstream_state state; /* of several: up if one is, else connecting, waiting, stopped */
    uint64_t states[TG_UPSTREAM_STATE_COUNT]; /* how many are in each now */
    uint64_t recycling; /* not up only because the backend's last answer has ended in order */
    bool required;      /* for readiness: `required`, not at its end, and asked for (on_demand, a family) */
    uint64_t connects;  /* attempts that came up */
    uint64_t attempts;
    uint64_t delayed;                   /* attempts that limits.upstream_connects made wait */
    uint64_t waiting;                   /* that wait for it now */
    uint64_t failures[TG_REASON_COUNT]; /* attempts that failed and connections that ended, by reason */
    uint64_t endings[TG_ENDING_COUNT];
    uint64_t messages;
    uint64_t message_bytes;
    uint64_t misfits[16];    /* by enum tg_misfit; those over max_message are oversize, too */
    uint64_t untyped;        /* events for whose type the rule `event` found nothing */
    uint64_t filtered;       /* messages that `when` did not let through */
    uint64_t repeated;       /* messages that had been seen before */
    uint64_t refused;        /* events for a key that would have been one too many */
    uint64_t cursor_missing; /* answers to polls without the cursor */
    uint64_t held; /* members that an upstream keeps for their events now: each counts as a subscriber */
    uint64_t state_since_ms; /* of the last change; monotonic */
};
size_t tg_upstream_set_count(const struct tg_upstream_set *set);
void tg_upstream_set_get_stats(const struct tg_upstream_set *set, size_t index,
                               struct tg_upstream_stats *ret_stats);

#endif
