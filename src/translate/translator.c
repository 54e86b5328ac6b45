/* The translator: a message becomes events, or is filtered, repeated or a misfit.
 *
 *   prepare: decode ─┬─ binary ─► when ─► base64 ──────────────────────────────┐
 *                    └─ text ─► (jq: line.c) ─► split ─► translate_part ────────┴─► deliver: seen? ─► emit
 *                               1 to n ───────► 1 to n   when ─► event, id, data
 *
 * What comes before jq is one step, what follows it is another: between them the message may wait (line.c).
 *
 * JSON is checked when the first rule needs it, and once. Nothing is parsed into values: rules find what they want in
 * the text, and what needs no change is borrowed from it. */
#include "translator.h"
#include "address.h"
#include "condition.h"
#include "decode.h"
#include "draft.h"
#include "seen.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Buffers are kept from message to message, unless one has grown much larger than most need it. */
enum { KEPT_BYTES = 256 * 1024, ERROR_DATA_BYTES = 64 };

struct tg_translator {
    const struct tg_config_translate *rules;
    struct tg_decoder decoder;
    struct tg_pointer *split;
    struct tg_condition *when;
    struct tg_draft_rules draft_rules;
    struct tg_seen *seen;
    struct tg_buffer seen_text;
    struct tg_address address;
    bool is_let_go;      /* the event that is just being emitted */
    tg_lost_fn *on_lost; /* or NULL */
};

/* One message on its way. */
struct run {
    struct tg_translator *translator;
    struct tg_seen *seen; /* NULL: nothing is remembered */
    const struct tg_message *message;
    tg_emit_fn *emit;
    void *arg;
    struct tg_translation *translation;
    uint64_t part_count; /* of those that are done */
    struct tg_misfit_cause split_cause;
    bool is_refused;
};

static const char *const misfit_texts[TG_MISFIT_COUNT] = {
    [TG_MISFIT_NONE] = "none",     [TG_MISFIT_OVERSIZE] = "oversize", [TG_MISFIT_UTF8] = "utf8",
    [TG_MISFIT_DECODE] = "decode", [TG_MISFIT_JSON] = "json",         [TG_MISFIT_JQ] = "jq",
    [TG_MISFIT_SPLIT] = "split",   [TG_MISFIT_DATA] = "data",         [TG_MISFIT_ID] = "id",
    [TG_MISFIT_EVENT] = "event",   [TG_MISFIT_KEY] = "key",           [TG_MISFIT_MEMORY] = "memory",
};

const char *tg_misfit_text(enum tg_misfit misfit)
{
    return (unsigned)misfit < TG_MISFIT_COUNT ? misfit_texts[misfit] : "unknown";
}

/* ---- life ------------------------------------------------------------------------------------- */

static enum tg_err compile_split(struct tg_translator *translator, struct tg_buffer *ret_error)
{
    const char *split = translator->rules->split;
    enum tg_err err = split ? tg_pointer_new(tg_str_from(split), &translator->split) : TG_OK;

    if (err)
        tg_buffer_appendf(ret_error, "\"%s\" is no JSON pointer", split);
    return err;
}

enum tg_err tg_translator_new(const struct tg_config_translate *rules, struct tg_translator **ret_translator,
                              struct tg_buffer *ret_error)
{
    struct tg_translator *translator = tg_alloc(sizeof(*translator));

    translator->rules = rules;
    translator->decoder.rules = rules;
    translator->seen = tg_translator_new_seen(translator);
    enum tg_err err = tg_draft_rules_init(&translator->draft_rules, rules, ret_error);
    if (!err)
        err = compile_split(translator, ret_error);
    if (!err && rules->when)
        err = tg_condition_new(rules->when, &translator->when, ret_error);
    if (err) {
        tg_translator_free(translator);
        return err;
    }
    *ret_translator = translator;
    return TG_OK;
}

struct tg_seen *tg_translator_new_seen(const struct tg_translator *translator)
{
    const struct tg_config_translate *rules = translator->rules;

    return rules->seen != TG_SEEN_OFF ? tg_seen_new((size_t)rules->seen_remember) : NULL;
}

enum tg_err tg_translator_route(struct tg_translator *translator, const struct tg_config_route_by *route,
                                const struct tg_config_parameter *parameters, size_t parameter_count,
                                struct tg_buffer *ret_error)
{
    return tg_address_init(&translator->address, route, parameters, parameter_count, ret_error);
}

struct tg_str tg_translator_key(const struct tg_translator *translator)
{
    return translator->address.key;
}

void tg_translator_reserve(struct tg_translator *translator, const struct tg_config_sse *names)
{
    translator->draft_rules.own_types = *names;
}

void tg_translator_on_lost(struct tg_translator *translator, tg_lost_fn *on_lost)
{
    translator->on_lost = on_lost;
}

void tg_translator_let_go(struct tg_translator *translator)
{
    translator->is_let_go = true;
}

void tg_translator_free(struct tg_translator *translator)
{
    if (!translator)
        return;
    tg_decoder_deinit(&translator->decoder);
    tg_pointer_free(translator->split);
    tg_condition_free(translator->when);
    tg_draft_rules_deinit(&translator->draft_rules);
    tg_seen_free(translator->seen);
    tg_buffer_deinit(&translator->seen_text);
    tg_address_deinit(&translator->address);
    free(translator);
}

static void release_large(struct tg_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES)
        tg_buffer_deinit(buffer);
}

static void release_buffers(struct tg_translator *translator)
{
    release_large(&translator->decoder.outputs[0]);
    release_large(&translator->decoder.outputs[1]);
    release_large(&translator->draft_rules.event_text);
    release_large(&translator->draft_rules.id_text);
    release_large(&translator->draft_rules.data_text);
    release_large(&translator->seen_text);
    release_large(&translator->address.text);
}

/* ---- the end: seen, emit, and what is done about misfits --------------------------------------- */

/* The same id or content in two streams is not the same event. */
static bool add_address(struct tg_translator *translator, struct tg_str *text)
{
    struct tg_str key = translator->address.key;
    struct tg_buffer *out = &translator->seen_text;

    if (!translator->address.by)
        return true;
    tg_buffer_clear(out);
    if (tg_buffer_append(out, key.data, key.length) || tg_buffer_append(out, "\n", 1) ||
        tg_buffer_append(out, text->data, text->length))
        return false;
    *text = (struct tg_str){ out->data, out->length };
    return true;
}

/* By what a message counts as seen; false: nothing it could be known by. */
static bool make_key(const struct run *run, const struct tg_draft *draft, struct tg_seen_key *ret_key)
{
    struct tg_translator *translator = run->translator;
    const struct tg_event *event = &draft->event;
    bool is_by_content = translator->rules->seen == TG_SEEN_CONTENT;
    struct tg_str first = is_by_content ? event->type : event->id;

    if ((!is_by_content && first.length == 0) || !add_address(translator, &first))
        return false;
    if (is_by_content)
        return tg_seen_make_key(run->seen, first, event->data, ret_key);
    /* The parts of one message share the id that it carries: they are told apart by their number. */
    struct tg_str part = { (const char *)&run->part_count, sizeof(run->part_count) };
    return tg_seen_make_key(run->seen, first, draft->has_carried_id ? part : TG_STR(""), ret_key);
}

static bool emit_event(struct run *run, const struct tg_event *event)
{
    struct tg_translator *translator = run->translator;

    translator->is_let_go = false;
    run->is_refused = !run->emit(run->arg, event);
    bool is_taken = !run->is_refused && !translator->is_let_go;
    run->translation->events += is_taken ? 1 : 0;
    return is_taken;
}

static void deliver(struct run *run, const struct tg_draft *draft)
{
    struct tg_seen *seen = run->seen;
    struct tg_seen_key key;
    bool has_key = seen && make_key(run, draft, &key);

    if (has_key && tg_seen_has(seen, &key)) {
        run->translation->repeated++;
        return;
    }
    if (!emit_event(run, &draft->event))
        return;
    run->translation->untyped += draft->lacks_type ? 1 : 0;
    if (has_key)
        tg_seen_add(seen, &key);
}

/* It tells of a fault here, not of the message: it is not remembered, and has no id of the backend. */
static void deliver_error(struct run *run, enum tg_misfit misfit)
{
    char data[ERROR_DATA_BYTES];
    int length = snprintf(data, sizeof(data), "{\"reason\":\"%s\"}", tg_misfit_text(misfit));
    struct tg_event event = {
        .type = tg_str_from(run->translator->rules->error_event),
        .data = { data, (size_t)length },
    };

    emit_event(run, &event);
}

static struct tg_misfit_cause find_cause(const struct run *run, enum tg_misfit misfit)
{
    const struct tg_translator *translator = run->translator;

    switch (misfit) {
    case TG_MISFIT_SPLIT:
        return run->split_cause;
    case TG_MISFIT_KEY:
        return translator->address.cause;
    case TG_MISFIT_DATA:
    case TG_MISFIT_ID:
    case TG_MISFIT_EVENT:
        return translator->draft_rules.cause;
    default:
        return (struct tg_misfit_cause){ 0 };
    }
}

/* Why it is lost when it makes no event; TG_GAP_NONE: the rules do not fit it, and say what becomes of it then. */
static enum tg_gap_reason loss_of(enum tg_misfit misfit)
{
    switch (misfit) {
    case TG_MISFIT_OVERSIZE:
        return TG_GAP_OVERSIZE;
    case TG_MISFIT_UTF8:
        return TG_GAP_ENCODING;
    case TG_MISFIT_MEMORY:
        return TG_GAP_MEMORY;
    default:
        return TG_GAP_NONE;
    }
}

static void lose(const struct run *run, enum tg_gap_reason reason)
{
    if (reason != TG_GAP_NONE && run->translator->on_lost)
        run->translator->on_lost(run->arg, reason);
}

/* The last chance of a message that was to be sent raw. */
static void deliver_raw(struct run *run, enum tg_misfit misfit, const struct tg_part *part)
{
    enum tg_gap_reason reason = loss_of(misfit);
    struct tg_draft draft;

    if (!tg_utf8_is_valid(part->json.text.data, part->json.text.length))
        lose(run, reason == TG_GAP_NONE ? TG_GAP_ENCODING : reason);
    else if (tg_draft_make_raw(&run->translator->draft_rules, run->message, part, &draft) != TG_MISFIT_NONE)
        lose(run, TG_GAP_MEMORY);
    else
        deliver(run, &draft);
}

static void on_misfit(struct run *run, enum tg_misfit misfit, const struct tg_part *part)
{
    struct tg_translator *translator = run->translator;

    if (run->message->is_last)
        return;
    run->translation->misfits[misfit]++;
    if (run->translation->first_misfit == TG_MISFIT_NONE) {
        run->translation->first_misfit = misfit;
        run->translation->first_cause = find_cause(run, misfit);
    }
    if (translator->address.by && translator->address.key.length == 0)
        lose(run, loss_of(misfit)); /* there is no stream for an event */
    else if (translator->rules->on_misfit == TG_MISFIT_ERROR_EVENT)
        deliver_error(run, misfit);
    else if (translator->rules->on_misfit == TG_MISFIT_RAW)
        deliver_raw(run, misfit, part);
    else
        lose(run, loss_of(misfit));
}

/* ---- the way there ----------------------------------------------------------------------------- */

/* Whether the message is wanted; a misfit when that cannot be said. */
static enum tg_misfit ask_when(struct tg_translator *translator, struct tg_json *json, bool *ret_matches)
{
    *ret_matches = true;
    enum tg_err err = translator->when ? tg_condition_ask(translator->when, json, ret_matches) : TG_OK;
    if (err)
        return err == TG_ERR_MEMORY ? TG_MISFIT_MEMORY : TG_MISFIT_JSON;
    return TG_MISFIT_NONE;
}

static void translate_part(struct run *run, struct tg_part *part, bool is_binary)
{
    struct tg_translator *translator = run->translator;
    struct tg_draft draft;
    bool is_wanted;
    enum tg_misfit misfit = ask_when(translator, &part->json, &is_wanted);

    if (misfit == TG_MISFIT_NONE && !is_wanted) {
        run->translation->filtered++;
    } else {
        if (misfit == TG_MISFIT_NONE && translator->address.by)
            misfit = tg_address_pick(&translator->address, &part->json);
        if (misfit == TG_MISFIT_NONE && is_binary)
            misfit = tg_draft_make_binary(&translator->draft_rules, run->message, part->json.text,
                                          translator->rules->binary_event, &draft);
        else if (misfit == TG_MISFIT_NONE)
            misfit = tg_draft_make(&translator->draft_rules, run->message, part, &draft);
        if (misfit == TG_MISFIT_NONE)
            deliver(run, &draft);
        else
            on_misfit(run, misfit, part);
    }
    translator->address.key = TG_STR("");
    run->part_count++;
}

/* An array's items are found in one walk, whatever their number. */
static void split(struct run *run, struct tg_part *part)
{
    const struct tg_pointer *pointer = run->translator->split;

    if (!pointer) {
        translate_part(run, part, false);
        return;
    }
    if (!tg_json_is_valid(&part->json)) {
        on_misfit(run, TG_MISFIT_JSON, part);
        return;
    }
    struct tg_str array = tg_pointer_slice(pointer, part->json.text);
    if (tg_json_kind(array) != TG_JSON_ARRAY) {
        run->split_cause = (struct tg_misfit_cause){ tg_str_from(run->translator->rules->split),
                                                     array.length == 0 ? "nothing" : "no array" };
        on_misfit(run, TG_MISFIT_SPLIT, part);
        return;
    }
    struct tg_json_walk walk = tg_json_walk(array);
    struct tg_part item = { .json.state = TG_JSON_YES, .is_cut = true };
    while (!run->is_refused && tg_json_next_item(&walk, &item.json.text))
        translate_part(run, &item, false);
}

/* Each line is an output of the filter. */
static void split_outputs(struct run *run, struct tg_str outputs)
{
    const char *at = outputs.data, *end = outputs.data + outputs.length;

    while (at < end && !run->is_refused) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        struct tg_part part = { .json.text = { at, (size_t)(line_end - at) }, .is_cut = true };
        /* It comes from another process: what is sent on is checked here. */
        if (tg_utf8_is_valid(at, part.json.text.length) && tg_json_is_valid(&part.json))
            split(run, &part);
        else
            on_misfit(run, TG_MISFIT_JQ, &part);
        at = line_end + 1;
    }
}

enum tg_misfit tg_misfit_of(enum tg_err err, enum tg_misfit other)
{
    if (err == TG_ERR_MEMORY)
        return TG_MISFIT_MEMORY;
    return err == TG_ERR_TOO_LARGE ? TG_MISFIT_OVERSIZE : other;
}

bool tg_translator_has_filter(const struct tg_translator *translator)
{
    return translator->rules->jq != NULL;
}

void tg_translator_prepare(struct tg_translator *translator, const struct tg_message *message,
                           struct tg_prepared *ret_prepared)
{
    struct tg_prepared prepared = { .whole.json.text = { tg_text_or_empty(message->bytes), message->length },
                                    .is_binary = message->is_binary };
    struct tg_json *json = &prepared.whole.json;
    bool is_decoded = translator->rules->decode_count > 0;
    enum tg_err err =
        is_decoded ? tg_decoder_run(&translator->decoder, &json->text, &prepared.is_binary) : TG_OK;

    if (err)
        prepared.misfit = tg_misfit_of(err, TG_MISFIT_DECODE);
    else if (prepared.is_binary)
        json->state = TG_JSON_NO;
    else if (!is_decoded && !tg_utf8_is_valid(json->text.data, json->text.length))
        prepared.misfit = TG_MISFIT_UTF8;
    else if (!is_decoded && message->is_json && (message->is_cut || !tg_json_is_valid(json)))
        prepared.misfit = TG_MISFIT_JSON;
    else if (translator->rules->jq && !tg_json_is_valid(json))
        prepared.misfit = TG_MISFIT_JSON;
    if (prepared.misfit == TG_MISFIT_JSON)
        json->state = TG_JSON_NO;
    prepared.needs_filter = translator->rules->jq && prepared.misfit == TG_MISFIT_NONE && !prepared.is_binary;
    *ret_prepared = prepared;
}

void tg_translator_finish(struct tg_translator *translator, struct tg_seen *seen,
                          const struct tg_message *message, struct tg_prepared *prepared,
                          struct tg_str outputs, tg_emit_fn *emit, void *arg,
                          struct tg_translation *ret_translation)
{
    struct run run = { .translator = translator,
                       .seen = seen,
                       .message = message,
                       .emit = emit,
                       .arg = arg,
                       .translation = ret_translation };

    *ret_translation = (struct tg_translation){ 0 };
    translator->address.key = TG_STR("");
    if (prepared->misfit != TG_MISFIT_NONE)
        on_misfit(&run, prepared->misfit, &prepared->whole);
    else if (prepared->is_binary)
        translate_part(&run, &prepared->whole, true);
    else if (prepared->needs_filter)
        split_outputs(&run, outputs);
    else
        split(&run, &prepared->whole);
    release_buffers(translator);
}

void tg_translator_run(struct tg_translator *translator, const struct tg_message *message, tg_emit_fn *emit,
                       void *arg, struct tg_translation *ret_translation)
{
    tg_translator_run_for(translator, translator->seen, message, emit, arg, ret_translation);
}

void tg_translator_run_for(struct tg_translator *translator, struct tg_seen *seen,
                           const struct tg_message *message, tg_emit_fn *emit, void *arg,
                           struct tg_translation *ret_translation)
{
    struct tg_prepared prepared;

    assert(!translator->rules->jq);
    tg_translator_prepare(translator, message, &prepared);
    tg_translator_finish(translator, seen, message, &prepared, TG_STR(""), emit, arg, ret_translation);
}

const struct tg_config_translate *tg_translator_rules(const struct tg_translator *translator)
{
    return translator->rules;
}

struct tg_seen *tg_translator_own_seen(const struct tg_translator *translator)
{
    return translator->seen;
}
