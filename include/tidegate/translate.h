/* Layer 4, translate: a message of an upstream becomes events.
 *
 *   message ─► decode ─► jq ─► split ─► when ─► event, id, data ─► seen? ─► emit
 *              bytes     └──── JSON, only as far as a rule needs it ────┘
 *
 * Pure: no I/O, no clock. The one exception is jq: a filter runs in a process of its own, which can be ended when it
 * takes too long. Messages wait for it in a line; the worker does not.
 *
 * Framing, the last step of translating, is done by tg_stream_append straight into the segment, so that an
 * event's bytes are written once. */
#ifndef TIDEGATE_TRANSLATE_H
#define TIDEGATE_TRANSLATE_H

#include "tidegate/config.h"
#include "tidegate/runtime.h"
#include "tidegate/stream.h"

/* What an upstream delivers; borrowed bytes. */
struct tg_message {
    const char *bytes;
    size_t length;
    bool is_binary;
    bool is_json; /* must be JSON: else it is a misfit, whatever the rules need */
    bool is_cut;  /* with is_json: known not to be JSON, or only part of a text */
    /* what an SSE backend says beside the data; empty: it does not. Without a rule of their own they are carried over:
     * the id only when it is a valid one here (tg_id_is_valid), else the event gets an id of Tidegate's own. */
    struct tg_str type;
    struct tg_str id;
    /* The stream ends with it. A mark such as "[DONE]" need not fit: then it makes no event, and is no misfit. */
    bool is_last;
};

/* Why a message became no event; each is counted by the caller. */
enum tg_misfit {
    TG_MISFIT_NONE,
    TG_MISFIT_OVERSIZE, /* more than max_decoded after a decode step, or jq_max_output of a filter */
    TG_MISFIT_UTF8,     /* text that is not UTF-8 */
    TG_MISFIT_DECODE,   /* a decode step failed */
    TG_MISFIT_JSON,     /* a rule needs JSON and it is not */
    TG_MISFIT_JQ,       /* the filter failed or took too long */
    TG_MISFIT_SPLIT,    /* the split pointer finds no array */
    /* also, for each of these three: a template has a pointer without a stand-in, which finds nothing, or null */
    TG_MISFIT_DATA, /* the data pointer finds nothing */
    TG_MISFIT_ID,   /* the id pointer finds nothing, or no string or integer, or it is not a valid id */
    TG_MISFIT_EVENT, /* the event rule gives something that is no event type, or, without one, the message does */
    TG_MISFIT_KEY, /* the event has no key, or none that a path could have, and so no stream to go to */
    TG_MISFIT_MEMORY,
    TG_MISFIT_COUNT
};
const char *tg_misfit_text(enum tg_misfit misfit); /* "utf8", "json", … */

struct tg_translator;

/* Compiles the rules except a jq filter. tg_config has checked them, and they must outlive the translator. TG_ERR_INVALID:
 * a rule is invalid; *ret_error gets a line. */
enum tg_err tg_translator_new(const struct tg_config_translate *rules, struct tg_translator **ret_translator,
                              struct tg_buffer *ret_error);
/* Call before the first message. Reserves the event types in `names` for Tidegate; those that begin with "tidegate." always
 * are. A message with a reserved type is a misfit. `names` must outlive the translator. */
void tg_translator_reserve(struct tg_translator *translator, const struct tg_config_sse *names);
/* Call before the first message. `on_lost` is called within a run, with the argument of `emit`, for each message or part
 * that is lost: too large, not UTF-8, or memory is out. What a rule drops is not lost. tg_translator_key may name its
 * stream. */
typedef void tg_lost_fn(void *arg, enum tg_gap_reason reason);
void tg_translator_on_lost(struct tg_translator *translator, tg_lost_fn *on_lost);
void tg_translator_free(struct tg_translator *translator);
bool tg_translator_has_filter(const struct tg_translator *translator); /* its messages go through a line */

/* The rule that did not fit, and what it found instead: "/payload" finds "nothing". Borrowed from the rules; zeroed when no
 * single rule is to blame. */
struct tg_misfit_cause {
    struct tg_str rule; /* a pointer, or a template as a whole; "" is a pointer too */
    const char *finds;  /* "nothing", "no array", …; NULL: there is no cause */
};

/* What became of a message. A message that is split is several, and each counts on its own. */
struct tg_translation {
    uint64_t events; /* emitted; those that stand for a misfit (raw, error event) among them */
    uint64_t
        untyped; /* of these, those for whose type the rule `event` found nothing, nor brought the message one */
    uint64_t filtered; /* `when` did not match */
    uint64_t repeated; /* seen before */
    uint64_t misfits[TG_MISFIT_COUNT];
    enum tg_misfit first_misfit; /* TG_MISFIT_NONE: all fitted */
    struct tg_misfit_cause first_cause;
};

/* Calls `emit` for each event the message makes, in order; the event is valid during the call. Text without rules is
 * the data as it is; with a `data` pointer a string is taken as its characters, anything else as compact JSON with its
 * numbers as the backend wrote them. Binary that no decode step makes text of becomes base64 data of the type
 * `binary_event`. An `event` pointer that finds nothing gives the type that the message carries, or none.
 * `when` is asked of binary too, by its bytes: a condition that needs JSON makes a misfit of it.
 * A misfit is handled as the rules say: dropped; `raw`, its bytes (as far as they could be decoded and split) as data,
 * without type or id rules (bytes that are not UTF-8 are dropped even then); or an event of the type `error_event` with
 * {"reason":"<misfit>"}.
 * By id the parts of a message that share its own id are told apart by their number; an event without an id is never
 * seen before. By content it is the type and the data that count. Error events always go out.
 * `emit` returns false when it could not take the event; the message is then left there, and what is remembered as
 * seen is only what was taken. One thread at a time. Not with a jq filter: see tg_line. */
typedef bool tg_emit_fn(void *arg, const struct tg_event *event);
void tg_translator_run(struct tg_translator *translator, const struct tg_message *message, tg_emit_fn *emit,
                       void *arg, struct tg_translation *ret_translation);

/* ---- one upstream for many streams --------------------------------------------------------------- */

enum { TG_KEY_MAX = 512 }; /* bytes of a key */

/* Before the first message, once: from now on each event has a key, which is made of values that the parameters may
 * have, and a part without one is a misfit. `route` and `parameters` must outlive the translator. What is no
 * message for a stream (a misfit before its key was found) makes no event, whatever the rules say about misfits.
 * TG_ERR_INVALID with a line in *ret_error. */
enum tg_err tg_translator_route(struct tg_translator *translator, const struct tg_config_route_by *route,
                                const struct tg_config_parameter *parameters, size_t parameter_count,
                                struct tg_buffer *ret_error);
/* Within `emit`: the key of the event; empty without routing. */
struct tg_str tg_translator_key(const struct tg_translator *translator);
/* Within `emit`, which then returns true: the event was let go, and the message goes on. It is not counted, nor remembered
 * as seen, so that it is taken when it comes again. */
void tg_translator_let_go(struct tg_translator *translator);

/* ---- many upstreams with the same rules, on one thread ------------------------------------------- */

/* What one of them has seen: the translator itself can then be shared. NULL: the rules do not ask for it. */
struct tg_seen;
struct tg_seen *tg_translator_new_seen(const struct tg_translator *translator);
void tg_seen_free(struct tg_seen *seen); /* NULL is fine */
/* As tg_translator_run, with what this upstream has seen. */
void tg_translator_run_for(struct tg_translator *translator, struct tg_seen *seen,
                           const struct tg_message *message, tg_emit_fn *emit, void *arg,
                           struct tg_translation *ret_translation);

/* ---- with a jq filter ---------------------------------------------------------------------------- */

/* The filters of a worker. Those that are equal, of whatever stream, are one process. */
struct tg_jq_pool;
/* Before the start of the worker, or its thread. */
struct tg_jq_pool *tg_jq_pool_new(struct tg_worker *worker);
/* No line may be left. Ends all processes. The worker's thread, or when it has been stopped. NULL is fine. */
void tg_jq_pool_free(struct tg_jq_pool *pool);

/* The messages of one upstream on their way through a translator with a filter: they come out in the order in which they
 * were put, whatever they need, with marks between them. The worker's thread. */
struct tg_line;
struct tg_line_handler {
    tg_emit_fn *emit;
    /* After the events of a message. Its bytes are those that were to be filtered, not as they came. */
    void (*on_translated)(void *arg, const struct tg_message *message,
                          const struct tg_translation *translation);
    void (*on_mark)(void *arg,
                    void *mark); /* all that was put before has come out; NULL: there are no marks */
    void (*on_room)(void *arg);  /* it was full, and is not any more; may be NULL */
};
/* All but the handler must outlive the line; `seen` is NULL for the translator's own. NULL: memory is out. */
struct tg_line *tg_line_new(struct tg_translator *translator, struct tg_seen *seen, struct tg_jq_pool *pool,
                            const struct tg_line_handler *handler, void *arg);
/* Drops what is in it, and frees the marks. Not from within the handler. NULL is fine. */
void tg_line_free(struct tg_line *line);
/* The message is copied; one that waits for nothing comes out within the call. False: it is text that is not UTF-8. */
bool tg_line_put(struct tg_line *line, const struct tg_message *message);
/* The line releases `mark` with free() after on_mark, or when it is freed. Calls on_mark within the call if the line is
 * empty. */
void tg_line_put_mark(struct tg_line *line, void *mark);
bool tg_line_is_empty(const struct tg_line *line);
/* Stop reading messages until on_room. */
bool tg_line_is_full(const struct tg_line *line);
/* For commands and tests, with a worker that has not been started: runs its loop until the line is empty. */
void tg_line_finish(struct tg_line *line);

/* ---- the last message ------------------------------------------------------------------------------ */

struct tg_until; /* one thread at a time */
/* `condition` must outlive it. TG_ERR_INVALID with a line in *ret_error. */
enum tg_err tg_until_new(const struct tg_config_condition *condition, struct tg_until **ret_until,
                         struct tg_buffer *ret_error);
void tg_until_free(struct tg_until *until); /* NULL is fine */
/* Asked of the message as it came, before any rule. False also when it cannot be told. */
bool tg_until_matches(struct tg_until *until, const struct tg_message *message);

/* ---- JSON as text, for who looks into a message himself ----------------------------------------- */

struct tg_pointer; /* RFC 6901, but "-" is the last element of an array */
/* TG_ERR_INVALID: it does not begin with "/" and is not empty, or a "~" is not "~0" or "~1". */
enum tg_err tg_pointer_new(struct tg_str text, struct tg_pointer **ret_pointer);
void tg_pointer_free(struct tg_pointer *pointer); /* NULL is fine */
bool tg_json_check(struct tg_str text);           /* it is JSON; its characters have been checked */
/* In a text that is JSON: the bytes of the value that the pointer finds; empty: none. Of members with the same name the
 * last one counts. */
struct tg_str tg_pointer_slice(const struct tg_pointer *pointer, struct tg_str text);
/* The characters of a string with its quotes: borrowed from it when it has no escapes, else appended to `scratch` and
 * borrowed from there. */
enum tg_err tg_json_string(struct tg_str string, struct tg_buffer *scratch, struct tg_str *ret_characters);

/* The process in which a jq filter runs, started as `tidegate jq-filter`; returns the exit code. */
int tg_jq_filter_main(void);
/* For commands and tests: filters never pause after slow messages. Before other threads start. */
void tg_jq_set_patient(bool is_patient);

#endif
