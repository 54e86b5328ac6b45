/* The translator: one message becomes one event or a misfit.
 *
 *   binary ──────────────────────────────► base64 ─► data, type = binary_event
 *   text ─► UTF-8? ─► no rules ──────────► data as it is
 *                  └► JSON ─► pointers ──► type, id, data
 *
 * JSON is parsed only when a pointer needs it. Data that is no string is cut out of the text, so that
 * numbers stay as the backend wrote them; a message with a number that fits neither int64 nor double is a
 * misfit. */
#include "tidegate/translate.h"

#include "pointer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTEGER_TEXT_BYTES = 24 };

/* A rule is a constant, a pointer, or absent. */
struct rule {
    const char *constant;
    struct tg_pointer *pointer;
};

struct tg_translator {
    struct rule event, id, data;
    const char *binary_event;
    bool needs_json;
    struct tg_buffer buffer; /* data that is made, not borrowed; its memory is kept from message to message */
};

/* What a message in the making borrows from. */
struct draft {
    struct tg_event event;
    char id_text[INTEGER_TEXT_BYTES];
};

static const char *const misfit_texts[TG_MISFIT_COUNT] = {
    [TG_MISFIT_NONE] = "none",     [TG_MISFIT_UTF8] = "utf8", [TG_MISFIT_JSON] = "json",
    [TG_MISFIT_DATA] = "data",     [TG_MISFIT_ID] = "id",     [TG_MISFIT_EVENT] = "event",
    [TG_MISFIT_MEMORY] = "memory",
};

const char *tg_misfit_text(enum tg_misfit misfit)
{
    return (unsigned)misfit < TG_MISFIT_COUNT ? misfit_texts[misfit] : "unknown";
}

static void rule_init(struct rule *rule, const char *text)
{
    if (!text)
        return;
    /* The configuration has been checked; what is no pointer after all is a constant. */
    if (*text != '/' || tg_pointer_new(text, &rule->pointer) < 0)
        rule->constant = text;
}

struct tg_translator *tg_translator_new(const struct tg_config_translate *rules)
{
    struct tg_translator *translator = tg_alloc(sizeof(*translator));

    rule_init(&translator->event, rules->event);
    rule_init(&translator->id, rules->id);
    rule_init(&translator->data, rules->data);
    translator->binary_event = rules->binary_event;
    translator->needs_json = translator->event.pointer || translator->id.pointer || translator->data.pointer;
    return translator;
}

void tg_translator_free(struct tg_translator *translator)
{
    if (!translator)
        return;
    tg_pointer_free(translator->event.pointer);
    tg_pointer_free(translator->id.pointer);
    tg_pointer_free(translator->data.pointer);
    tg_buffer_deinit(&translator->buffer);
    free(translator);
}

static bool is_event_type(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0')
            return false;
    return true;
}

static enum tg_misfit pick_event(const struct tg_translator *translator, json_t *root, struct draft *draft)
{
    if (!translator->event.pointer) {
        draft->event.type = tg_str_from(translator->event.constant);
        return TG_MISFIT_NONE;
    }
    json_t *value = tg_pointer_resolve(translator->event.pointer, root);
    if (!value)
        return TG_MISFIT_NONE;
    if (!json_is_string(value) || !is_event_type(json_string_value(value), json_string_length(value)))
        return TG_MISFIT_EVENT;
    draft->event.type = (struct tg_str){ json_string_value(value), json_string_length(value) };
    return TG_MISFIT_NONE;
}

static enum tg_misfit pick_id(const struct tg_translator *translator, json_t *root, struct draft *draft)
{
    if (!translator->id.pointer)
        return TG_MISFIT_NONE;

    json_t *value = tg_pointer_resolve(translator->id.pointer, root);
    struct tg_str *id = &draft->event.id;
    if (json_is_string(value)) {
        *id = (struct tg_str){ json_string_value(value), json_string_length(value) };
    } else if (json_is_integer(value)) {
        int n =
            snprintf(draft->id_text, sizeof(draft->id_text), "%" PRId64, (int64_t)json_integer_value(value));
        *id = (struct tg_str){ draft->id_text, (size_t)n };
    }
    return id->length > 0 && tg_id_is_valid(id->data, id->length) ? TG_MISFIT_NONE : TG_MISFIT_ID;
}

static enum tg_misfit pick_data(struct tg_translator *translator, const struct tg_message *message,
                                json_t *root, struct draft *draft)
{
    if (!translator->data.pointer)
        return TG_MISFIT_NONE;

    json_t *value = tg_pointer_resolve(translator->data.pointer, root);
    if (!value)
        return TG_MISFIT_DATA;
    if (json_is_string(value)) {
        draft->event.data = (struct tg_str){ json_string_value(value), json_string_length(value) };
        return TG_MISFIT_NONE;
    }
    /* From the text, not from the parsed value: printing a parsed 0.1 would give 0.10000000000000001. */
    struct tg_str slice =
        tg_pointer_slice(translator->data.pointer, (struct tg_str){ message->bytes, message->length });
    tg_buffer_clear(&translator->buffer);
    if (tg_json_compact(&translator->buffer, slice) < 0)
        return TG_MISFIT_MEMORY;
    draft->event.data = (struct tg_str){ translator->buffer.data, translator->buffer.length };
    return TG_MISFIT_NONE;
}

static enum tg_misfit run_json(struct tg_translator *translator, const struct tg_message *message,
                               struct draft *draft, tg_emit_fn *emit, void *arg)
{
    json_error_t error;
    json_t *root = json_loadb(message->bytes, message->length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (!root)
        return json_error_code(&error) == json_error_out_of_memory ? TG_MISFIT_MEMORY : TG_MISFIT_JSON;

    enum tg_misfit misfit = pick_event(translator, root, draft);
    if (misfit == TG_MISFIT_NONE)
        misfit = pick_id(translator, root, draft);
    if (misfit == TG_MISFIT_NONE)
        misfit = pick_data(translator, message, root, draft);
    if (misfit == TG_MISFIT_NONE)
        emit(arg, &draft->event);
    json_decref(root);
    return misfit;
}

static enum tg_misfit run_binary(struct tg_translator *translator, const struct tg_message *message,
                                 tg_emit_fn *emit, void *arg)
{
    tg_buffer_clear(&translator->buffer);
    if (tg_base64_encode(&translator->buffer, message->bytes, message->length) < 0)
        return TG_MISFIT_MEMORY;

    struct tg_event event = {
        .type = tg_str_from(translator->binary_event),
        .data = { translator->buffer.data, translator->buffer.length },
    };
    emit(arg, &event);
    return TG_MISFIT_NONE;
}

enum tg_misfit tg_translator_run(struct tg_translator *translator, const struct tg_message *message,
                                 tg_emit_fn *emit, void *arg)
{
    struct draft draft = { .event = { .data = { message->bytes, message->length } } };

    if (message->is_binary)
        return run_binary(translator, message, emit, arg);
    if (!tg_utf8_is_valid(message->bytes, message->length))
        return TG_MISFIT_UTF8;
    if (translator->needs_json)
        return run_json(translator, message, &draft, emit, arg);

    draft.event.type = tg_str_from(translator->event.constant);
    emit(arg, &draft.event);
    return TG_MISFIT_NONE;
}
