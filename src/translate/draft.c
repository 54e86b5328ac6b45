/* Type, id and data by their rules.
 *
 *             pointer                             template, constant
 *   type      a string; nothing: the message's    one line
 *   id        a string or an integer              ─┬─ and tg_id_is_valid
 *   data      a string: its characters;            │
 *             else compact, as it was written      │
 *   without a rule: the message's type and id, if they can be sent, and its text */
#include "draft.h"

#include <string.h>

static enum tg_err rule_init(struct tg_rule *rule, const char *text, struct tg_buffer *ret_error)
{
    enum tg_err err = tg_rule_init(rule, text);

    if (err)
        tg_buffer_appendf(ret_error, "\"%s\" is no JSON pointer and no template", text);
    return err;
}

enum tg_err tg_draft_rules_init(struct tg_draft_rules *draft_rules, const struct tg_config_translate *rules,
                                struct tg_buffer *ret_error)
{
    *draft_rules = (struct tg_draft_rules){ 0 };
    draft_rules->error_event = rules->on_misfit == TG_MISFIT_ERROR_EVENT ? rules->error_event : NULL;
    enum tg_err err = rule_init(&draft_rules->event, rules->event, ret_error);
    if (!err)
        err = rule_init(&draft_rules->id, rules->id, ret_error);
    if (!err)
        err = rule_init(&draft_rules->data, rules->data, ret_error);
    return err;
}

void tg_draft_rules_deinit(struct tg_draft_rules *draft_rules)
{
    tg_rule_deinit(&draft_rules->event);
    tg_rule_deinit(&draft_rules->id);
    tg_rule_deinit(&draft_rules->data);
    tg_buffer_deinit(&draft_rules->event_text);
    tg_buffer_deinit(&draft_rules->id_text);
    tg_buffer_deinit(&draft_rules->data_text);
}

static bool is_event_type(struct tg_str type)
{
    for (size_t i = 0; i < type.length; i++) {
        if (type.data[i] == '\r' || type.data[i] == '\n' || type.data[i] == '\0')
            return false;
    }
    return true;
}

/* What is wrong with a type, or NULL. */
static const char *fault_of(const struct tg_draft_rules *rules, struct tg_str type)
{
    if (!is_event_type(type))
        return "no event type";
    if (type.length == 0)
        return NULL;
    if (tg_config_is_own_type(&rules->own_types, type) ||
        (rules->error_event && tg_str_equals(type, tg_str_from(rules->error_event))))
        return "a type of Tidegate's own events";
    return NULL;
}

static enum tg_misfit carry_type(struct tg_draft_rules *rules, const struct tg_message *message,
                                 struct tg_draft *draft)
{
    if (message->type.length == 0)
        return TG_MISFIT_NONE;
    const char *fault = fault_of(rules, message->type);
    if (!fault && !tg_utf8_is_valid(message->type.data, message->type.length))
        fault = "no event type";
    if (fault) {
        rules->cause = (struct tg_misfit_cause){ TG_STR("event:"), fault };
        return TG_MISFIT_EVENT;
    }
    draft->event.type = message->type;
    return TG_MISFIT_NONE;
}

static void carry_id(const struct tg_message *message, struct tg_draft *draft)
{
    if (message->id.length == 0 || !tg_id_is_valid(message->id.data, message->id.length))
        return;
    draft->event.id = message->id;
    draft->has_carried_id = true;
}

static enum tg_misfit blame(struct tg_draft_rules *rules, const struct tg_rule *rule, const char *finds,
                            enum tg_misfit misfit)
{
    rules->cause = (struct tg_misfit_cause){ rule->source, finds };
    return misfit;
}

/* A constant or a template. */
static enum tg_misfit fill(struct tg_draft_rules *rules, const struct tg_rule *rule, struct tg_str json,
                           struct tg_buffer *buffer, enum tg_misfit missing, struct tg_str *ret_text)
{
    if (rule->kind == TG_RULE_CONSTANT) {
        *ret_text = tg_buffer_view(&rule->parts[0].text);
        return TG_MISFIT_NONE;
    }
    tg_buffer_clear(buffer);
    enum tg_err err = tg_rule_fill(rule, json, buffer, &rules->cause);
    if (err)
        return err == TG_ERR_MEMORY ? TG_MISFIT_MEMORY : missing;
    *ret_text = tg_buffer_view(buffer);
    return TG_MISFIT_NONE;
}

static enum tg_misfit take_string(struct tg_str string, struct tg_buffer *buffer, struct tg_str *ret_text)
{
    tg_buffer_clear(buffer);
    return tg_json_string(string, buffer, ret_text) < 0 ? TG_MISFIT_MEMORY : TG_MISFIT_NONE;
}

static enum tg_misfit take_compact(struct tg_str value, struct tg_buffer *buffer, struct tg_str *ret_text)
{
    tg_buffer_clear(buffer);
    if (tg_json_compact(buffer, value) < 0)
        return TG_MISFIT_MEMORY;
    *ret_text = tg_buffer_view(buffer);
    return TG_MISFIT_NONE;
}

static enum tg_misfit pick_event(struct tg_draft_rules *rules, const struct tg_message *message,
                                 struct tg_str json, struct tg_draft *draft)
{
    const struct tg_rule *rule = &rules->event;
    struct tg_str *type = &draft->event.type;
    enum tg_misfit misfit;

    if (rule->kind == TG_RULE_NONE)
        return carry_type(rules, message, draft);
    if (rule->kind == TG_RULE_POINTER) {
        struct tg_str value = tg_pointer_slice(rule->parts[0].pointer, json);
        if (value.length == 0) {
            draft->lacks_type = message->type.length == 0;
            return carry_type(rules, message, draft);
        }
        if (tg_json_kind(value) != TG_JSON_STRING)
            return blame(rules, rule, "no string", TG_MISFIT_EVENT);
        misfit = take_string(value, &rules->event_text, type);
    } else {
        misfit = fill(rules, rule, json, &rules->event_text, TG_MISFIT_EVENT, type);
    }
    const char *fault = misfit == TG_MISFIT_NONE ? fault_of(rules, *type) : NULL;
    return fault ? blame(rules, rule, fault, TG_MISFIT_EVENT) : misfit;
}

static enum tg_misfit pick_id(struct tg_draft_rules *rules, const struct tg_message *message,
                              struct tg_str json, struct tg_draft *draft)
{
    const struct tg_rule *rule = &rules->id;
    struct tg_str *id = &draft->event.id;
    enum tg_misfit misfit = TG_MISFIT_NONE;

    if (rule->kind == TG_RULE_NONE) {
        carry_id(message, draft);
        return TG_MISFIT_NONE;
    }
    if (rule->kind == TG_RULE_POINTER) {
        struct tg_str value = tg_pointer_slice(rule->parts[0].pointer, json);
        if (tg_json_kind(value) == TG_JSON_STRING)
            misfit = take_string(value, &rules->id_text, id);
        else if (tg_json_is_integer(value))
            *id = value;
        else
            return blame(rules, rule, value.length == 0 ? "nothing" : "neither a string nor an integer",
                         TG_MISFIT_ID);
    } else {
        misfit = fill(rules, rule, json, &rules->id_text, TG_MISFIT_ID, id);
    }
    if (misfit == TG_MISFIT_NONE && (id->length == 0 || !tg_id_is_valid(id->data, id->length)))
        misfit = blame(rules, rule, "no valid id", TG_MISFIT_ID);
    return misfit;
}

static enum tg_misfit own_text(struct tg_draft_rules *rules, const struct tg_part *part,
                               struct tg_draft *draft)
{
    if (part->is_cut)
        return take_compact(part->json.text, &rules->data_text, &draft->event.data);
    draft->event.data = part->json.text;
    return TG_MISFIT_NONE;
}

static enum tg_misfit pick_data(struct tg_draft_rules *rules, const struct tg_part *part,
                                struct tg_draft *draft)
{
    const struct tg_rule *rule = &rules->data;
    struct tg_str *data = &draft->event.data;

    if (rule->kind == TG_RULE_NONE)
        return own_text(rules, part, draft);
    if (rule->kind != TG_RULE_POINTER)
        return fill(rules, rule, part->json.text, &rules->data_text, TG_MISFIT_DATA, data);
    struct tg_str value = tg_pointer_slice(rule->parts[0].pointer, part->json.text);
    if (value.length == 0)
        return blame(rules, rule, "nothing", TG_MISFIT_DATA);
    if (tg_json_kind(value) == TG_JSON_STRING)
        return take_string(value, &rules->data_text, data);
    return take_compact(value, &rules->data_text, data);
}

enum tg_misfit tg_draft_make(struct tg_draft_rules *rules, const struct tg_message *message,
                             struct tg_part *part, struct tg_draft *ret_draft)
{
    bool needs_json = rules->event.needs_json || rules->id.needs_json || rules->data.needs_json;

    *ret_draft = (struct tg_draft){ 0 };
    rules->cause = (struct tg_misfit_cause){ 0 };
    if (needs_json && !tg_json_is_valid(&part->json))
        return TG_MISFIT_JSON;
    enum tg_misfit misfit = pick_event(rules, message, part->json.text, ret_draft);
    if (misfit == TG_MISFIT_NONE)
        misfit = pick_id(rules, message, part->json.text, ret_draft);
    if (misfit == TG_MISFIT_NONE)
        misfit = pick_data(rules, part, ret_draft);
    return misfit;
}

enum tg_misfit tg_draft_make_raw(struct tg_draft_rules *rules, const struct tg_message *message,
                                 const struct tg_part *part, struct tg_draft *ret_draft)
{
    *ret_draft = (struct tg_draft){ 0 };
    /* A type that cannot be sent is left out: raw is the last chance of a message. */
    carry_type(rules, message, ret_draft);
    carry_id(message, ret_draft);
    return own_text(rules, part, ret_draft);
}

enum tg_misfit tg_draft_make_binary(struct tg_draft_rules *rules, const struct tg_message *message,
                                    struct tg_str bytes, const char *type, struct tg_draft *ret_draft)
{
    *ret_draft = (struct tg_draft){ .event = { .type = tg_str_from(type) } };
    carry_id(message, ret_draft);
    tg_buffer_clear(&rules->data_text);
    if (tg_base64_encode(&rules->data_text, bytes.data, bytes.length) < 0)
        return TG_MISFIT_MEMORY;
    ret_draft->event.data = tg_buffer_view(&rules->data_text);
    return TG_MISFIT_NONE;
}
