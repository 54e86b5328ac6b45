/* Conditions: a question about a message, compiled; tg_config_condition says what each kind asks. */
#ifndef TIDEGATE_TRANSLATE_CONDITION_H
#define TIDEGATE_TRANSLATE_CONDITION_H

#include "json.h"

struct tg_condition;

/* `config` must outlive the condition. TG_ERR_INVALID: a pointer or a pattern that is none, with a line in
 * *ret_error. */
enum tg_err tg_condition_new(const struct tg_config_condition *config, struct tg_condition **ret_condition,
                             struct tg_buffer *ret_error);
void tg_condition_free(struct tg_condition *condition); /* NULL is fine */

/* Whether the message matches. JSON is looked at only when the answer depends on it: TG_ERR_INVALID when it does, and
 * the message is not JSON. TG_ERR_MEMORY. */
enum tg_err tg_condition_ask(struct tg_condition *condition, struct tg_json *message, bool *ret_matches);

#endif
