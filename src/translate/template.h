/* Rules for an event's type, id and data: how the text of one is made from a message. */
#ifndef TIDEGATE_TRANSLATE_TEMPLATE_H
#define TIDEGATE_TRANSLATE_TEMPLATE_H

#include "tidegate/translate.h"

enum tg_rule_kind {
    TG_RULE_NONE,
    TG_RULE_CONSTANT, /* "tick" */
    TG_RULE_POINTER,  /* "/type"; "" is the whole message */
    TG_RULE_TEMPLATE, /* "{/type}.{/symbol|none}"; "{{" and "}}" are braces */
};

/* Constant text, or a pointer with what stands in for it. */
struct tg_rule_part {
    struct tg_buffer text;      /* the constant, or the stand-in */
    struct tg_pointer *pointer; /* NULL: a constant */
    struct tg_str source;       /* the pointer as it was given */
    bool has_stand_in;
};

/* Embedded; zeroed it is TG_RULE_NONE. */
struct tg_rule {
    enum tg_rule_kind kind;
    bool needs_json; /* it has a pointer */
    struct tg_str source;
    struct tg_rule_part *parts;
    size_t count; /* 1 for a constant and for a pointer */
};

/* NULL text is no rule; it must outlive the rule. TG_ERR_INVALID: a pointer that is none, or braces that do not pair. */
enum tg_err tg_rule_init(struct tg_rule *rule, const char *text);
void tg_rule_deinit(struct tg_rule *rule);

/* Appends the template's text for a message that is JSON: strings as their characters, anything else as the backend
 * wrote it, compact. TG_ERR_NOT_FOUND: a pointer without a stand-in finds nothing, or null; *ret_cause says which. */
enum tg_err tg_rule_fill(const struct tg_rule *rule, struct tg_str json, struct tg_buffer *out,
                         struct tg_misfit_cause *ret_cause);

#endif
