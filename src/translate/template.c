/* Rules: "/pointer", "constant", or a template, which is a list of both. */
#include "template.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static struct tg_rule_part *add_part(struct tg_rule *rule)
{
    rule->parts = tg_realloc_array(rule->parts, rule->count + 1, sizeof(*rule->parts));
    struct tg_rule_part *part = &rule->parts[rule->count++];
    *part = (struct tg_rule_part){ 0 };
    return part;
}

static enum tg_err add_text(struct tg_rule *rule, const char *text, size_t length)
{
    bool goes_on = rule->count > 0 && !rule->parts[rule->count - 1].pointer;
    struct tg_rule_part *part = goes_on ? &rule->parts[rule->count - 1] : add_part(rule);

    return tg_buffer_append(&part->text, text, length);
}

/* `text` is what stands in a pair of braces, or a pointer alone. */
static enum tg_err add_pointer(struct tg_rule *rule, struct tg_str text, bool may_have_stand_in)
{
    struct tg_rule_part *part = add_part(rule);
    const char *bar = may_have_stand_in ? memchr(text.data, '|', text.length) : NULL;
    struct tg_str pointer = { text.data, bar ? (size_t)(bar - text.data) : text.length };

    rule->needs_json = true;
    part->has_stand_in = bar != NULL;
    part->source = pointer;
    enum tg_err err = tg_pointer_new(pointer, &part->pointer);
    if (!err && bar)
        err = tg_buffer_append(&part->text, bar + 1, text.length - pointer.length - 1);
    return err;
}

static enum tg_err compile_template(struct tg_rule *rule, const char *at)
{
    enum tg_err err = TG_OK;

    while (*at && !err) {
        size_t plain = strcspn(at, "{}");
        if (plain > 0) {
            err = add_text(rule, at, plain);
            at += plain;
        } else if (at[0] == at[1]) {
            err = add_text(rule, at, 1);
            at += 2;
        } else {
            const char *close = *at == '{' ? strchr(at, '}') : NULL;
            if (!close)
                return TG_ERR_INVALID;
            err = add_pointer(rule, (struct tg_str){ at + 1, (size_t)(close - at - 1) }, true);
            at = close + 1;
        }
    }
    return err;
}

enum tg_err tg_rule_init(struct tg_rule *rule, const char *text)
{
    enum tg_err err;

    *rule = (struct tg_rule){ 0 };
    if (!text)
        return TG_OK;
    rule->source = tg_str_from(text);
    if (*text == '/' || *text == '\0') {
        rule->kind = TG_RULE_POINTER;
        err = add_pointer(rule, tg_str_from(text), false);
    } else if (strpbrk(text, "{}")) {
        rule->kind = TG_RULE_TEMPLATE;
        err = compile_template(rule, text);
    } else {
        rule->kind = TG_RULE_CONSTANT;
        err = add_text(rule, text, strlen(text));
    }
    if (err)
        tg_rule_deinit(rule);
    return err;
}

void tg_rule_deinit(struct tg_rule *rule)
{
    for (size_t i = 0; i < rule->count; i++) {
        tg_buffer_deinit(&rule->parts[i].text);
        tg_pointer_free(rule->parts[i].pointer);
    }
    free(rule->parts);
    *rule = (struct tg_rule){ 0 };
}

static enum tg_err append_value(struct tg_str value, struct tg_buffer *out)
{
    if (tg_json_kind(value) != TG_JSON_STRING)
        return tg_json_compact(out, value);

    struct tg_str characters;
    size_t length_before = out->length;
    enum tg_err err = tg_json_string(value, out, &characters);
    /* With escapes the characters have been put there already. */
    if (!err && out->length == length_before)
        err = tg_buffer_append(out, characters.data, characters.length);
    return err;
}

enum tg_err tg_rule_fill(const struct tg_rule *rule, struct tg_str json, struct tg_buffer *out,
                         struct tg_misfit_cause *ret_cause)
{
    enum tg_err err = TG_OK;

    for (size_t i = 0; i < rule->count && !err; i++) {
        const struct tg_rule_part *part = &rule->parts[i];
        struct tg_str text = { part->text.data, part->text.length };
        if (!part->pointer) {
            err = tg_buffer_append(out, text.data, text.length);
            continue;
        }
        struct tg_str value = tg_pointer_slice(part->pointer, json);
        enum tg_json_kind kind = tg_json_kind(value);
        if (kind != TG_JSON_NONE && kind != TG_JSON_NULL) {
            err = append_value(value, out);
        } else if (part->has_stand_in) {
            err = tg_buffer_append(out, text.data, text.length);
        } else {
            *ret_cause = (struct tg_misfit_cause){ part->source, kind == TG_JSON_NULL ? "null" : "nothing" };
            err = TG_ERR_NOT_FOUND;
        }
    }
    return err;
}
