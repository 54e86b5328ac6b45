/* The supervisor: when an upstream connects, waits, gives up and marks an outage. Pure: events and the time
 * come in, what to do comes out; it owns no timer and no connection.
 *
 *                       connect                 opened
 *     IDLE ◄──────────────────────► CONNECTING ───────► UP
 *      ▲  demand / nobody listens       ▲  │ failed     │ failed
 *      │                                │  ▼            ▼
 *      └──────────── nobody ───────── WAITING ◄─────────┘         stop: STOPPED, from anywhere
 *
 * Back-off starts over once a connection has proved itself: by a message, or by being up for 10 s. The next
 * attempt is never before `not_before_ms`, also when IDLE lies between: subscribers that come and go do not
 * bypass it. */
#ifndef TIDEGATE_UPSTREAM_SUPERVISOR_H
#define TIDEGATE_UPSTREAM_SUPERVISOR_H

#include "backoff.h"
#include "tidegate/upstream.h"

enum { TG_SUPERVISOR_PROVED_MS = 10000 };

struct tg_supervisor {
    struct tg_backoff backoff;
    bool is_on_demand;
    uint64_t linger_ms;
    enum tg_upstream_state state;
    bool has_demand;
    bool is_proved; /* the connection that is up has earned a fresh back-off */
    uint64_t up_since_ms;
    uint64_t demand_lost_ms;
    uint64_t not_before_ms;      /* of the next attempt */
    enum tg_stream_state marked; /* the last marker in the stream; CONNECTING: none since it was idle */
    uint64_t deadline_ms;        /* when to send TG_SUPERVISOR_TIME; 0: no need */
};

enum tg_supervisor_event_kind {
    TG_SUPERVISOR_START,
    TG_SUPERVISOR_DEMAND, /* has_demand */
    TG_SUPERVISOR_OPENED,
    TG_SUPERVISOR_PROVED, /* a message has come */
    TG_SUPERVISOR_FAILED, /* the attempt failed or the connection ended: reason, retry_after_ms */
    TG_SUPERVISOR_TIME,   /* deadline_ms has come */
    TG_SUPERVISOR_STOP,
};

struct tg_supervisor_event {
    enum tg_supervisor_event_kind kind;
    bool has_demand;
    uint64_t retry_after_ms; /* 0: the backend did not say */
};

struct tg_supervisor_actions {
    bool connect;
    bool disconnect;                   /* close the connection or give up the attempt; no FAILED follows */
    bool mark_up, mark_down;           /* put this into the stream */
    enum tg_stream_state stream_state; /* what tg_stream_set_state shall say */
    uint64_t delay_ms;                 /* FAILED: until the next attempt, for the log */
};

void tg_supervisor_init(struct tg_supervisor *supervisor, const struct tg_config_upstream *config,
                        uint64_t (*random_below)(uint64_t bound));
void tg_supervisor_handle(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event,
                          uint64_t now_ms, struct tg_supervisor_actions *ret_actions);

#endif
