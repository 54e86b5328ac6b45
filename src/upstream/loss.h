/* Losses: messages that a stream should have got and did not, although no rule dropped them. Each leaves a gap event at its
 * place.
 *
 *     event ─ lost, lost, lost ─ event           one gap event before the second event, or
 *             gap 1 ····· gap 2                  two: the first at once, the next ones after 1 s, 2 s, 4 s … of nothing else
 *
 * So the sum of `missed` is right, clients learn of a loss at once, and a backend whose messages are all lost does not fill the
 * stream with gap events. The place is kept until its gap event is stored, however long memory is out. Pure. */
#ifndef TIDEGATE_UPSTREAM_LOSS_H
#define TIDEGATE_UPSTREAM_LOSS_H

#include "tidegate/stream.h"

enum { TG_LOSS_REASONS = 3 }; /* TG_GAP_OVERSIZE, _ENCODING, _MEMORY */

struct tg_loss {                      /* embedded; zeroed: nothing is lost */
    uint64_t counts[TG_LOSS_REASONS]; /* since the last event, and without a gap event yet */
    bool is_pending;                  /* some count is not 0 */
    uint64_t told_ms, wait_ms; /* the last attempt, and how long the next one is put off; 0: not at all */
};

void tg_loss_add(struct tg_loss *loss, enum tg_gap_reason reason, uint64_t count);
/* A gap event is due although no event follows. */
bool tg_loss_is_due(const struct tg_loss *loss, uint64_t now_ms);
/* Calls `tell` for each reason with what has been lost. When it fails, the rest is kept, due a little later, and its error
 * returned. */
typedef enum tg_err tg_loss_tell_fn(void *arg, enum tg_gap_reason reason, uint64_t count);
enum tg_err tg_loss_tell(struct tg_loss *loss, uint64_t now_ms, tg_loss_tell_fn *tell, void *arg);
/* An event follows. */
void tg_loss_on_event(struct tg_loss *loss);

/* Losses that many streams share, since nobody knows which one the message was for: each stream takes in what it has not
 * taken in yet, so that a loss costs the same however many there are. */
struct tg_loss_total {
    uint64_t counts[TG_LOSS_REASONS];
};
void tg_loss_total_add(struct tg_loss_total *total, enum tg_gap_reason reason, uint64_t count);
void tg_loss_take_in(struct tg_loss *loss, struct tg_loss_total *known, const struct tg_loss_total *total);

/* Appends the data of the gap event. `after`: the id of the event before; "": there is none. */
enum tg_err tg_loss_write(struct tg_buffer *out, enum tg_gap_reason reason, uint64_t count,
                          const char *after);

#endif
