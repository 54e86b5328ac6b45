/* Counting losses, and when to tell of them. */
#include "loss.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { FIRST_WAIT_MS = 1000, MOST_WAIT_MS = 3600 * 1000 };

static size_t index_of(enum tg_gap_reason reason)
{
    assert(reason >= TG_GAP_OVERSIZE && reason - TG_GAP_OVERSIZE < TG_LOSS_REASONS);
    return (size_t)(reason - TG_GAP_OVERSIZE);
}

void tg_loss_add(struct tg_loss *loss, enum tg_gap_reason reason, uint64_t count)
{
    loss->counts[index_of(reason)] += count;
    loss->is_pending = loss->is_pending || count > 0;
}

bool tg_loss_is_due(const struct tg_loss *loss, uint64_t now_ms)
{
    return loss->is_pending && (loss->wait_ms == 0 || now_ms - loss->told_ms >= loss->wait_ms);
}

/* While nothing but losses comes. */
static uint64_t next_wait_ms(uint64_t wait_ms)
{
    if (wait_ms == 0)
        return FIRST_WAIT_MS;
    return wait_ms > MOST_WAIT_MS / 2 ? MOST_WAIT_MS : wait_ms * 2;
}

enum tg_err tg_loss_tell(struct tg_loss *loss, uint64_t now_ms, tg_loss_tell_fn *tell, void *arg)
{
    if (!loss->is_pending)
        return TG_OK;
    for (size_t i = 0; i < TG_LOSS_REASONS; i++) {
        if (loss->counts[i] == 0)
            continue;
        enum tg_err err = tell(arg, (enum tg_gap_reason)(TG_GAP_OVERSIZE + i), loss->counts[i]);
        loss->told_ms = now_ms;
        if (err < 0) {
            loss->wait_ms = loss->wait_ms ? loss->wait_ms : FIRST_WAIT_MS;
            return err;
        }
        loss->counts[i] = 0;
    }
    loss->is_pending = false;
    loss->wait_ms = next_wait_ms(loss->wait_ms);
    return TG_OK;
}

void tg_loss_on_event(struct tg_loss *loss)
{
    if (loss->wait_ms > FIRST_WAIT_MS)
        loss->wait_ms = FIRST_WAIT_MS;
}

void tg_loss_total_add(struct tg_loss_total *total, enum tg_gap_reason reason, uint64_t count)
{
    total->counts[index_of(reason)] += count;
}

void tg_loss_take_in(struct tg_loss *loss, struct tg_loss_total *known, const struct tg_loss_total *total)
{
    for (size_t i = 0; i < TG_LOSS_REASONS; i++)
        tg_loss_add(loss, (enum tg_gap_reason)(TG_GAP_OVERSIZE + i), total->counts[i] - known->counts[i]);
    *known = *total;
}

/* As the downstream side writes other gaps; `before` is not there yet. */
enum tg_err tg_loss_write(struct tg_buffer *out, enum tg_gap_reason reason, uint64_t count, const char *after)
{
    enum tg_err err = tg_buffer_appendf(
        out, "{\"reason\":\"%s\",\"missed\":%" PRIu64 ",\"after\":", tg_gap_reason_text(reason), count);

    if (err == TG_OK && *after == '\0')
        err = tg_buffer_append_str(out, "null");
    else if (err == TG_OK) /* an id needs no escapes */
        err = tg_buffer_appendf(out, "\"%s\"", after);
    return err == TG_OK ? tg_buffer_append_str(out, ",\"before\":null}") : err;
}
