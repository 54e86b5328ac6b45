/* An event in the making: what the rules for type, id and data say of one part of a message. */
#ifndef TIDEGATE_TRANSLATE_DRAFT_H
#define TIDEGATE_TRANSLATE_DRAFT_H

#include "json.h"
#include "template.h"

/* Embedded. What is borrowed from the message needs no buffer; what is made stays there until the next one. */
struct tg_draft_rules {
    struct tg_rule event, id, data;
    struct tg_buffer event_text, id_text, data_text;
    struct tg_config_sse own_types; /* those that no message may give */
    const char *error_event;        /* likewise; NULL: there are no such events */
    struct tg_misfit_cause cause;   /* of the misfit that tg_draft_make returned last */
};
/* TG_ERR_INVALID with a line in *ret_error; tg_draft_rules_deinit all the same. */
enum tg_err tg_draft_rules_init(struct tg_draft_rules *draft_rules, const struct tg_config_translate *rules,
                                struct tg_buffer *ret_error);
void tg_draft_rules_deinit(struct tg_draft_rules *draft_rules);

/* What jq or split made of a message; or all of it, as it came. */
struct tg_part {
    struct tg_json json; /* its text, which may turn out to be no JSON */
    bool is_cut;         /* by jq or split: its own text is then compact */
};

struct tg_draft {
    struct tg_event event; /* borrowed from the message, the part and the buffers */
    bool lacks_type;       /* the rule `event` found nothing, and the message has none */
    bool has_carried_id;   /* the message's own, no rule's: the same one for each of its parts */
};

/* By the rules. */
enum tg_misfit tg_draft_make(struct tg_draft_rules *rules, const struct tg_message *message,
                             struct tg_part *part, struct tg_draft *ret_draft);
/* Without them: the part's text as it is, under the type and the id that the message carries and that are fine. */
enum tg_misfit tg_draft_make_raw(struct tg_draft_rules *rules, const struct tg_message *message,
                                 const struct tg_part *part, struct tg_draft *ret_draft);
/* Binary: base64. */
enum tg_misfit tg_draft_make_binary(struct tg_draft_rules *rules, const struct tg_message *message,
                                    struct tg_str bytes, const char *type, struct tg_draft *ret_draft);

#endif
