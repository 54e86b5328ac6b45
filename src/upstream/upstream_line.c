/* One upstream whose messages wait for a jq filter: see tg_line. What else happens to its streams (markers of outages,
 * gaps, the end) takes its place between them, so that it overtakes none.
 *
 *     link ─► message ─► line ─► events
 *       ▲                 │ full: the link is held, until half of it is out
 *       └─────────────────┘
 */
#include "upstream_internal.h"

#include <stdlib.h>
#include <string.h>

struct mark {
    void (*run)(struct tg_upstream *up, struct tg_str bytes);
    size_t length;
    char bytes[];
};

void upstream_in_order(struct tg_upstream *up, void (*run)(struct tg_upstream *up, struct tg_str bytes),
                       struct tg_str bytes)
{
    if (!upstream_has_waiting(up)) {
        run(up, bytes);
        return;
    }
    struct mark *mark = tg_alloc(sizeof(*mark) + bytes.length);
    mark->run = run;
    mark->length = bytes.length;
    if (bytes.length > 0)
        memcpy(mark->bytes, bytes.data, bytes.length);
    tg_line_put_mark(up->line, mark);
}

static void on_mark(void *arg, void *data)
{
    const struct mark *mark = data;

    mark->run(arg, (struct tg_str){ mark->bytes, mark->length });
}

bool upstream_has_waiting(const struct tg_upstream *up)
{
    return up->line && !tg_line_is_empty(up->line);
}

/* ---- holding back -------------------------------------------------------------------------------- */

static void hold(struct tg_upstream *up, bool is_held)
{
    if (up->is_held == is_held)
        return;
    up->is_held = is_held;
    if (up->link)
        tg_link_hold(up->link, is_held);
    /* What the backend has said meanwhile could not be heard. */
    tg_health_on_message(&up->health, upstream_now_ms(up));
}

static void on_room(void *arg)
{
    hold(arg, false);
}

bool upstream_put(struct tg_upstream *up, const struct tg_message *message)
{
    bool is_text = tg_line_put(up->line, message);

    if (tg_line_is_full(up->line))
        hold(up, true);
    return is_text;
}

/* ---- life ---------------------------------------------------------------------------------------- */

bool upstream_open_line(struct tg_upstream *up, struct tg_jq_pool *filters)
{
    static const struct tg_line_handler handler = {
        .emit = upstream_on_event,
        .on_translated = upstream_on_translated,
        .on_mark = on_mark,
        .on_room = on_room,
    };

    up->line = tg_line_new(up->share->translator, up->seen, filters, &handler, up);
    return up->line != NULL;
}

void upstream_close_line(struct tg_upstream *up)
{
    tg_line_free(up->line);
    up->line = NULL;
}
