/* Messages that wait for a jq filter, in order.
 *
 *     put ─► prepare ─► item, item, mark, item ─► finish ─► emit
 *                         │                ▲
 *                         └─► jq ──────────┘ outputs, in the same order
 *
 * An item that needs the filter has its text there; of others that have to wait for one before them, a copy is here. */
#include "jq.h"
#include "translator.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

enum {
    FULL_COUNT = 1024,
    FULL_BYTES = 1 << 20,
};

enum item_kind { ITEM_FILTERED, ITEM_PREPARED, ITEM_MARK };

struct item {
    struct item *prev, *next;
    enum item_kind kind;
    void *mark;
    struct tg_message message; /* type and id lie behind the item, the text too when it has to wait here */
    bool is_binary;
    enum tg_misfit misfit;
    enum tg_json_state state;
    size_t cost; /* bytes it holds, here and there */
    char bytes[];
};

struct tg_line {
    struct tg_translator *translator;
    struct tg_seen *seen;
    struct tg_worker *worker;
    struct tg_jq_user *user;
    struct tg_line_handler handler;
    void *arg;
    struct item *items;
    size_t count, bytes;
    bool was_full;
};

/* ---- coming out -------------------------------------------------------------------------------- */

static void finish(struct tg_line *line, const struct tg_message *message, struct tg_prepared *prepared,
                   struct tg_str outputs)
{
    struct tg_translation translation;

    tg_translator_finish(line->translator, line->seen, message, prepared, outputs, line->handler.emit,
                         line->arg, &translation);
    line->handler.on_translated(line->arg, message, &translation);
}

static void take_off(struct tg_line *line, struct item *item)
{
    DL_DELETE(line->items, item);
    line->count--;
    line->bytes -= item->cost;
}

/* What follows an item that needed the filter, and does not need it itself. */
static void let_out_ready(struct tg_line *line)
{
    struct item *item;

    while ((item = line->items) && item->kind != ITEM_FILTERED) {
        struct tg_prepared prepared = { .is_binary = item->is_binary, .misfit = item->misfit };
        take_off(line, item);
        if (item->kind == ITEM_MARK) {
            line->handler.on_mark(line->arg, item->mark);
        } else {
            prepared.whole.json =
                (struct tg_json){ { item->message.bytes, item->message.length }, item->state };
            finish(line, &item->message, &prepared, TG_STR(""));
        }
        free(item->mark);
        free(item);
    }
}

static void tell_room(struct tg_line *line)
{
    if (!line->was_full || line->count > FULL_COUNT / 2 || line->bytes > FULL_BYTES / 2)
        return;
    line->was_full = false;
    if (line->handler.on_room)
        line->handler.on_room(line->arg);
}

static void on_done(void *arg, struct tg_str json, enum tg_err err, struct tg_str outputs)
{
    struct tg_line *line = arg;
    struct item *item = line->items;
    struct tg_prepared prepared = { .whole.json = { json, TG_JSON_YES }, .needs_filter = true };

    if (err)
        prepared.misfit = tg_misfit_of(err, TG_MISFIT_JQ);
    take_off(line, item);
    item->message.bytes = json.data;
    item->message.length = json.length;
    finish(line, &item->message, &prepared, outputs);
    free(item);
    let_out_ready(line);
    tell_room(line);
}

/* ---- going in ---------------------------------------------------------------------------------- */

static struct tg_str store(char **at, struct tg_str text)
{
    char *place = *at;

    if (text.length > 0)
        memcpy(place, text.data, text.length);
    *at += text.length;
    return (struct tg_str){ place, text.length };
}

/* NULL: memory is out. */
static struct item *new_item(enum item_kind kind, const struct tg_message *message,
                             const struct tg_prepared *prepared)
{
    struct tg_str text = prepared->whole.json.text;
    size_t kept = kind == ITEM_PREPARED ? text.length : 0;
    struct item *item = malloc(sizeof(*item) + message->type.length + message->id.length + kept);

    if (!item)
        return NULL;
    *item = (struct item){ .kind = kind,
                           .is_binary = prepared->is_binary,
                           .misfit = prepared->misfit,
                           .state = prepared->whole.json.state,
                           .message.is_binary = message->is_binary,
                           .message.is_last = message->is_last };
    char *at = item->bytes;
    item->message.type = store(&at, message->type);
    item->message.id = store(&at, message->id);
    item->message.bytes = store(&at, (struct tg_str){ text.data, kept }).data;
    item->message.length = kept;
    item->cost = sizeof(*item) + message->type.length + message->id.length + text.length;
    return item;
}

static void put_item(struct tg_line *line, struct item *item)
{
    DL_APPEND(line->items, item);
    line->count++;
    line->bytes += item->cost;
    line->was_full = line->was_full || tg_line_is_full(line);
}

static bool put_filtered(struct tg_line *line, const struct tg_message *message, struct tg_prepared *prepared)
{
    struct item *item = new_item(ITEM_FILTERED, message, prepared);
    enum tg_err err = item ? tg_jq_put(line->user, prepared->whole.json.text) : TG_ERR_MEMORY;

    if (err) {
        free(item);
        prepared->misfit = tg_misfit_of(err, TG_MISFIT_JQ);
        return false;
    }
    put_item(line, item);
    return true;
}

static void put_prepared(struct tg_line *line, const struct tg_message *message, struct tg_prepared *prepared)
{
    struct item *item = line->items ? new_item(ITEM_PREPARED, message, prepared) : NULL;

    if (item)
        put_item(line, item);
    else /* out of its order rather than not at all */
        finish(line, message, prepared, TG_STR(""));
}

bool tg_line_put(struct tg_line *line, const struct tg_message *message)
{
    struct tg_prepared prepared;

    tg_translator_prepare(line->translator, message, &prepared);
    bool is_text = prepared.misfit != TG_MISFIT_UTF8;
    if (!prepared.needs_filter || !put_filtered(line, message, &prepared))
        put_prepared(line, message, &prepared);
    return is_text;
}

void tg_line_put_mark(struct tg_line *line, void *mark)
{
    if (!line->items) {
        line->handler.on_mark(line->arg, mark);
        free(mark);
        return;
    }
    struct item *item = tg_alloc(sizeof(*item));
    item->kind = ITEM_MARK;
    item->mark = mark;
    item->cost = sizeof(*item);
    put_item(line, item);
}

bool tg_line_is_empty(const struct tg_line *line)
{
    return !line->items;
}

bool tg_line_is_full(const struct tg_line *line)
{
    return line->count >= FULL_COUNT || line->bytes >= FULL_BYTES;
}

void tg_line_finish(struct tg_line *line)
{
    while (line->items)
        uv_run(tg_worker_loop(line->worker), UV_RUN_ONCE);
}

/* ---- life -------------------------------------------------------------------------------------- */

struct tg_line *tg_line_new(struct tg_translator *translator, struct tg_seen *seen, struct tg_jq_pool *pool,
                            const struct tg_line_handler *handler, void *arg)
{
    const struct tg_config_translate *rules = tg_translator_rules(translator);
    const struct tg_jq_options options = {
        .filter = rules->jq,
        .timeout_ms = (uint64_t)rules->jq_timeout_ms,
        .max_output_bytes = (size_t)rules->jq_max_output_bytes,
    };
    struct tg_line *line = tg_alloc(sizeof(*line));

    *line = (struct tg_line){
        .translator = translator,
        .seen = seen ? seen : tg_translator_own_seen(translator),
        .worker = tg_jq_pool_worker(pool),
        .user = tg_jq_user_new(pool, &options, on_done, line),
        .handler = *handler,
        .arg = arg,
    };
    if (line->user)
        return line;
    free(line);
    return NULL;
}

void tg_line_free(struct tg_line *line)
{
    struct item *item, *next;

    if (!line)
        return;
    tg_jq_user_free(line->user);
    DL_FOREACH_SAFE(line->items, item, next)
    {
        free(item->mark);
        free(item);
    }
    free(line);
}
