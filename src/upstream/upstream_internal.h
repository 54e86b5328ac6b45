/* One upstream: what ties the supervisor, the link, the translator and its streams together.
 *
 *     upstream.c           starts and ends links as the supervisor says
 *     upstream_messages.c  takes what they deliver
 *     upstream_line.c      the same, where messages wait for a jq filter
 *     upstream_streams.c   what is done to the stream, or to all of them
 *     upstream_losses.c    what its streams should have had, and did not get
 *     upstream_outgoing.c  the way back
 *     upstream_request.c   what the next request is made of: files that are read again, credentials of clients
 *     upstream_log.c       what is logged of its ends
 *     routes.c             the streams of an upstream that feeds many
 *     set.c, set_members.c upstreams on their workers: made, found, ended */
#ifndef TIDEGATE_UPSTREAM_INTERNAL_H
#define TIDEGATE_UPSTREAM_INTERNAL_H

#include "credentials.h"
#include "gate.h"
#include "health.h"
#include "link.h"
#include "loss.h"
#include "outlet.h"
#include "source.h"
#include "supervisor.h"

#include <uthash.h>

struct group;  /* set_internal.h: a worker's upstreams */
struct routes; /* routes.h */

/* What became of the events of the message at hand. */
struct emission {
    uint64_t refused;
    uint64_t lost[TG_MISFIT_COUNT]; /* events that were made, and could not be taken */
};

struct tg_upstream {
    uint64_t id; /* never used again */
    struct tg_source *source;
    struct tg_share *share;
    const struct tg_config_upstream *config; /* the source's, or `own` */
    struct tg_config_upstream *own;          /* NULL: not a member's */
    bool is_once; /* what a client posted is part of what the backend is asked: it is not asked that twice */
    struct tg_target target;
    struct visit *visit;              /* what a member was opened with; NULL: it is none */
    struct tg_renewal renewal;        /* members alone */
    struct tg_credentials *renewed;   /* what its client has come back with since; under the set's lock */
    struct tg_generation *generation; /* that `config` is of; NULL: that of the start */
    bool is_request_stale;            /* `own` is not made of what the renewal has for the next attempt */
    struct tg_fresh_wait fresh_wait;
    void (*go)(struct tg_upstream *up); /* once that is over */
    struct tg_stream *stream;           /* a reference; NULL: `routes` has them */
    struct tg_loss loss;                /* of `stream` */
    struct routes *routes;
    struct tg_worker *worker;
    struct group *group;

    /* of the group; the worker's thread */
    struct tg_upstream *prev, *next;
    UT_hash_handle hh; /* by id */
    /* of the set, under its lock */
    UT_hash_handle by_stream; /* members alone */

    /* from tg_upstream_begin on; the worker's thread */
    bool has_begun;
    const char *farewell; /* the reason, once its streams have ended; NULL: they have not */
    bool is_broken_off;   /* and they are not all that there should have been */
    unsigned refusal;     /* the status of the answer that was none; 0: something else broke it off */
    struct tg_websockets *websockets;
    struct tg_http_client *http;
    struct tg_progress progress;
    bool has_events;         /* there has been one */
    uint64_t cursor_missing; /* answers without a cursor, before the first that has one */
    struct tg_line *line;    /* NULL: its messages wait for no filter */
    bool is_held;            /* the line is full: nothing is to be read from the link */
    bool is_finishing;       /* the farewell is in the line, or has been said */
    struct emission emission;
    struct tg_seen *seen; /* members alone: the others' is the translator's */
    struct tg_supervisor supervisor;
    struct tg_timer *supervisor_timer;
    struct tg_health health;
    struct tg_timer *health_timer;
    struct tg_pass pass;  /* the next attempt waits for its turn */
    struct tg_link *link; /* the attempt or the connection; NULL: none */
    struct tg_outlet outlet;
    struct tg_turn_hook flush_hook;
};

enum { UPSTREAM_CLOSE_NORMAL = 1000, UPSTREAM_CLOSE_GOING_AWAY = 1001 };

/* With a place for the one stream, or for the members of a family (`stream` is NULL then). `own`: a member's
 * configuration, taken, also on failure. TG_ERR_INVALID, TG_ERR_TOO_LARGE: its URL cannot be. Any thread. */
enum tg_err tg_upstream_new(struct tg_source *source, struct tg_stream *stream, struct tg_family *family,
                            struct tg_config_upstream *own, struct tg_worker *worker,
                            struct tg_upstream **ret_upstream);
/* Its link goes down, its timers end: the worker's thread, or the main thread when the pool has been stopped, before
 * tg_websockets_free and tg_http_client_free (which drop the links that are left). */
void tg_upstream_release(struct tg_upstream *upstream, bool is_pool_stopped);
void tg_upstream_free(struct tg_upstream *upstream); /* after that; the main thread: after those */

/* The worker's thread. Of websockets and http client the one that its kind needs must be there. */
void tg_upstream_begin(struct tg_upstream *upstream, struct tg_websockets *websockets,
                       struct tg_http_client *http);
void tg_upstream_check_demand(struct tg_upstream *upstream);
void tg_upstream_on_renewed(struct tg_upstream *upstream);  /* a client has brought new credentials */
void tg_upstream_on_followed(struct tg_upstream *upstream); /* some client follows it, that much is known */
/* No connection any more; a close frame says why. */
void tg_upstream_halt(struct tg_upstream *upstream, unsigned close_code);
void tg_upstream_on_second(struct tg_upstream *upstream, uint64_t now_ms);

/* ---- between the files of an upstream ---------------------------------------------------------- */

extern const struct tg_link_handler upstream_link_handler; /* its argument is the upstream */

bool upstream_is_websocket(const struct tg_upstream *up);
uint64_t upstream_now_ms(const struct tg_upstream *up);
const char *upstream_name(const struct tg_upstream *up);
/* Of what is worth a line when there is one upstream, but not when there are ten thousand. */
enum tg_log_level upstream_log_level(const struct tg_upstream *up);
struct tg_counters *upstream_counters(const struct tg_upstream *up);
/* Tells the supervisor, does what it says, and returns how long it will wait before the next attempt. May close the
 * link. */
uint64_t upstream_handle(struct tg_upstream *up, const struct tg_supervisor_event *event);
void upstream_start_health(struct tg_upstream *up);
/* The link has ended; up->link is no more. */
void upstream_fail(struct tg_upstream *up, const struct tg_link_end *end);
/* With it the backend has said all that it had for a session. */
bool upstream_is_over(const struct tg_upstream *up, const struct tg_link_end *end);

/* upstream_request.c */
enum tg_err upstream_remember(struct tg_upstream *up,
                              const struct tg_opening *opening); /* before it begins */
void upstream_forget_body(struct tg_upstream *up);               /* no request follows */
void upstream_forget(struct tg_upstream *up);
void upstream_add_parameters(const struct tg_upstream *up, struct tg_secrets *secrets);
/* Takes in what is new for the next request, and calls `go`, from within or later. */
void upstream_prepare(struct tg_upstream *up, void (*go)(struct tg_upstream *up));
void upstream_note_accepted(struct tg_upstream *up); /* what the connection was made with is good */
/* True: the backend refused what it was asked with, and there is something else for the next attempt. */
bool upstream_note_end(struct tg_upstream *up, const struct tg_link_end *end);
struct tg_credentials *upstream_take_renewed(struct tg_upstream *up); /* set_members.c; NULL: none */

/* upstream_log.c: how a connection or an attempt ended, and where it was. `delay_ms`: until the next attempt. */
void upstream_log_failure(struct tg_upstream *up, const struct tg_link_end *end, bool was_up,
                          uint64_t delay_ms);
void upstream_log_finish(struct tg_upstream *up, const struct tg_link_end *end); /* in order, and for good */

/* upstream_messages.c; `upstream` is the argument */
bool upstream_on_event(void *upstream, const struct tg_event *event);
void upstream_on_translated(void *upstream, const struct tg_message *message,
                            const struct tg_translation *translation);

/* upstream_line.c. Before it begins; false: memory is out. */
bool upstream_open_line(struct tg_upstream *up, struct tg_jq_pool *filters);
void upstream_close_line(struct tg_upstream *up);
bool upstream_put(struct tg_upstream *up, const struct tg_message *message); /* as tg_line_put */
bool upstream_has_waiting(const struct tg_upstream *up);
/* Does it now or, while messages wait, once they have come out. The bytes are copied then. */
void upstream_in_order(struct tg_upstream *up, void (*run)(struct tg_upstream *up, struct tg_str bytes),
                       struct tg_str bytes);

/* upstream_streams.c */
enum tg_err upstream_append(struct tg_upstream *up,
                            const struct tg_event *event); /* of the message at hand */
/* An event that tells of it, and of the losses that were not told before. */
void upstream_mark(struct tg_upstream *up, struct tg_stream_condition condition, uint64_t flaps);
void upstream_show_condition(struct tg_upstream *up, struct tg_stream_condition condition);
/* The backend has said all it had to say: the streams end, and no link follows. `reason` is a constant. */
void upstream_finish(struct tg_upstream *up, const char *reason);
/* The same before what still waits for a filter, which then has no stream to go to. */
void upstream_finish_now(struct tg_upstream *up, const char *reason);
/* It had not, and cannot be asked again. `status`: of its answer, if that is why; else 0. */
void upstream_break_off(struct tg_upstream *up, unsigned status);
void upstream_end_stream(struct tg_upstream *up, struct tg_stream *stream); /* with up->farewell */

/* upstream_messages.c: for the translator, a tg_lost_fn */
void upstream_on_lost(void *arg, enum tg_gap_reason reason);

/* upstream_losses.c */
/* A message, or a part of the one at hand, that ought to have made an event is lost. A plain stream, which cannot tell of
 * it, breaks off. */
void upstream_lose(struct tg_upstream *up, enum tg_gap_reason reason);
/* Tells all that is pending of a stream, which is at its end. */
enum tg_err upstream_tell_losses(struct tg_upstream *up, struct tg_stream *stream, struct tg_loss *loss);

/* upstream_outgoing.c */
struct tg_link *upstream_peek_open_link(const struct tg_upstream *up); /* NULL: none is up */
/* While it connects, messages wait for what becomes of that: upstream_on_drained. */
void upstream_take_outgoing(struct tg_upstream *up, uint64_t stream_id);
void upstream_watch_outgoing(struct tg_upstream *up);
void upstream_on_drained(struct tg_upstream *up);

/* set.c: has the worker call upstream_take_outgoing, or tg_upstream_check_demand. Any thread; the upstream must be there
 * while it is called, not any longer. */
void upstream_post_outgoing(const struct tg_upstream *up, uint64_t stream_id);
void upstream_post_demand(const struct tg_upstream *up);
void upstream_post_renewed(const struct tg_upstream *up);

#endif
