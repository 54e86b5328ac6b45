/* The condition that ends a stream, asked of messages as they came. */
#include "tidegate/translate.h"

#include "condition.h"

#include <stdlib.h>

struct tg_until {
    struct tg_condition *condition;
};

enum tg_err tg_until_new(const struct tg_config_condition *condition, struct tg_until **ret_until,
                         struct tg_buffer *ret_error)
{
    struct tg_until *until = tg_alloc(sizeof(*until));
    enum tg_err err = tg_condition_new(condition, &until->condition, ret_error);

    if (err) {
        free(until);
        return err;
    }
    *ret_until = until;
    return TG_OK;
}

void tg_until_free(struct tg_until *until)
{
    if (!until)
        return;
    tg_condition_free(until->condition);
    free(until);
}

bool tg_until_matches(struct tg_until *until, const struct tg_message *message)
{
    struct tg_json json = { .text = { message->bytes ? message->bytes : "", message->length } };
    bool matches = false;

    if (message->is_binary || !tg_utf8_is_valid(json.text.data, json.text.length))
        json.state = TG_JSON_NO;
    return tg_condition_ask(until->condition, &json, &matches) == TG_OK && matches;
}
