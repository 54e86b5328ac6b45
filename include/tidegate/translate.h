/* Layer 4, translate: a message of an upstream becomes events. Pure: no I/O, no clock.
 *
 * Framing, the last step of translating, is done by tg_stream_append straight into the segment, so that an
 * event's bytes are written once. */
#ifndef TIDEGATE_TRANSLATE_H
#define TIDEGATE_TRANSLATE_H

#include "tidegate/config.h"
#include "tidegate/stream.h"

/* What an upstream delivers; borrowed bytes. */
struct tg_message {
    const char *bytes;
    size_t length;
    bool is_binary;
};

/* Why a message became no event; each is counted by the caller. */
enum tg_misfit {
    TG_MISFIT_NONE,
    TG_MISFIT_UTF8,  /* text that is not UTF-8 */
    TG_MISFIT_JSON,  /* a rule needs JSON and it is not */
    TG_MISFIT_DATA,  /* the data pointer finds nothing */
    TG_MISFIT_ID,    /* the id pointer finds nothing, or no string or integer, or it is not a valid id */
    TG_MISFIT_EVENT, /* the event pointer finds something that is no event type */
    TG_MISFIT_MEMORY,
    TG_MISFIT_COUNT
};
const char *tg_misfit_text(enum tg_misfit misfit); /* "utf8", "json", … */

struct tg_translator;

/* Compiles the rules, which tg_config has checked; they must outlive the translator. */
struct tg_translator *tg_translator_new(const struct tg_config_translate *rules);
void tg_translator_free(struct tg_translator *translator);

/* Calls `emit` for each event the message makes (now 0 or 1); the event is valid during the call. Text without
 * rules is the data as it is; with a `data` pointer a string is taken as its characters, anything else as
 * compact JSON. Binary becomes base64 data of the type `binary_event`. An `event` pointer that finds nothing
 * gives the default type. One thread at a time. */
typedef void tg_emit_fn(void *arg, const struct tg_event *event);
enum tg_misfit tg_translator_run(struct tg_translator *translator, const struct tg_message *message,
                                 tg_emit_fn *emit, void *arg);

#endif
