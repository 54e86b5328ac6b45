/* The supervisor: when an upstream connects, waits, gives up and marks an outage. Pure: events and the time
 * come in, what to do comes out; it owns no timer and no connection.
 *
 *                       connect                 opened
 *     IDLE ◄──────────────────────► CONNECTING ───────► UP
 *      ▲  demand / nobody listens       ▲  │ failed     │ failed
 *      │                                │  ▼            ▼
 *      └──────────── nobody ───────── WAITING ◄─────────┘         stop: STOPPED, from anywhere
 *
 * A run is a connection, or answers in a row of which each brought events and ended in order. A run proves itself by
 * time alone: once it has lasted `stable`, back-off starts over. What it brings proves nothing: many backends say one
 * thing and hang up. The next attempt is never before `not_before_ms`, also when IDLE lies between: subscribers that
 * come and go do not bypass it.
 *
 * Markers. A loss is told at once. That it is up again is told at once, too, where the run before had proved itself (or
 * there was none). Else it is told when the run has lasted a tenth of `stable`; if it breaks before that, the stream
 * counts as down all the time, and the loss is counted for the next marker (`flaps`). An answer that ends in order
 * within `stable` is no loss: it is told only if the next attempt fails. */
#ifndef TIDEGATE_UPSTREAM_SUPERVISOR_H
#define TIDEGATE_UPSTREAM_SUPERVISOR_H

#include "backoff.h"
#include "tidegate/upstream.h"

enum { TG_SUPERVISOR_RECYCLE_MS = 3000 }; /* as EventSource waits in browsers when it was told nothing */

struct tg_supervisor {
    struct tg_backoff backoff;
    bool is_on_demand;
    uint64_t linger_ms, stable_ms;
    enum tg_upstream_state state;
    bool has_demand;
    bool is_proved;    /* the run has earned a fresh back-off */
    bool is_trusted;   /* the run before had, or there was none */
    bool is_recycling; /* between two answers of a run */
    uint64_t run_since_ms, up_since_ms;
    uint64_t demand_lost_ms;
    uint64_t not_before_ms; /* of the next attempt */
    bool is_put_off;        /* and it waits the longest, for no other reason than what it asked with */
    struct tg_stream_condition told; /* the last marker in the stream; CONNECTING: none since it was idle */
    uint64_t flaps;                  /* losses since then that were not told */
    uint64_t deadline_ms;            /* when to send TG_SUPERVISOR_TIME; 0: no need */
};

enum tg_supervisor_event_kind {
    TG_SUPERVISOR_START,
    TG_SUPERVISOR_DEMAND, /* has_demand */
    TG_SUPERVISOR_OPENED,
    TG_SUPERVISOR_FAILED,  /* the attempt failed or the connection ended: wait, retry_after_ms, outage */
    TG_SUPERVISOR_RENEWED, /* the next attempt asks with something new: what put it off no longer counts */
    TG_SUPERVISOR_TIME,    /* deadline_ms has come */
    TG_SUPERVISOR_STOP,
};

/* How soon to connect again. */
enum tg_wait {
    TG_WAIT_USUAL, /* by the back-off */
    TG_WAIT_RECYCLE, /* an answer that brought events has ended in order: as the backend asked, else in a moment */
    TG_WAIT_LONGEST, /* not soon */
    TG_WAIT_SPREAD,  /* all its clients are sent away at once, and may come back, but not at once */
};

struct tg_supervisor_event {
    enum tg_supervisor_event_kind kind;
    bool has_demand;
    enum tg_wait wait;
    uint64_t retry_after_ms;           /* 0: the backend did not say */
    struct tg_stream_condition outage; /* what clients are told, if they are */
};

struct tg_supervisor_actions {
    bool connect;
    bool disconnect;                      /* close the connection or give up the attempt; no FAILED follows */
    bool mark_up, mark_down;              /* put the condition into the stream */
    uint64_t flaps;                       /* mark_up: what is to be told with it */
    struct tg_stream_condition condition; /* what tg_stream_set_condition shall say */
    uint64_t delay_ms;                    /* FAILED: until the next attempt, for the log */
};

void tg_supervisor_init(struct tg_supervisor *supervisor, const struct tg_config_upstream *config,
                        uint64_t (*random_below)(uint64_t bound));
void tg_supervisor_handle(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event,
                          uint64_t now_ms, struct tg_supervisor_actions *ret_actions);

#endif
