/* Conditions: a tree that is walked for each message.
 *
 * An answer that cannot be given (the message is no JSON) is an error, and an error is an unknown: `any` is true when
 * one of its conditions is, `all` is false when one of its conditions is, whatever the others are. So it does not matter
 * in which order a rule names them. */
#include "condition.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024 }; /* of the scratch, from message to message */

struct tg_condition {
    const struct tg_config_condition *config;
    struct tg_pointer *pointer;
    struct tg_regex *regex;
    struct tg_buffer scratch;       /* a string without its escapes */
    struct tg_condition **children; /* config->condition_count of them */
};

static bool has_pointer(const struct tg_config_condition *config)
{
    return config->kind <= TG_CONDITION_MATCHES;
}

static enum tg_err compile(struct tg_condition *condition, struct tg_buffer *ret_error)
{
    const struct tg_config_condition *config = condition->config;
    enum tg_err err = TG_OK;

    if (has_pointer(config)) {
        err = tg_pointer_new(tg_str_from(config->pointer), &condition->pointer);
        if (err)
            tg_buffer_appendf(ret_error, "\"%s\" is no JSON pointer", tg_text_or_empty(config->pointer));
    }
    if (!err && config->kind == TG_CONDITION_MATCHES)
        err = tg_regex_new(config->pattern, &condition->regex, ret_error);
    for (size_t i = 0; i < config->condition_count && !err; i++)
        err = tg_condition_new(&config->conditions[i], &condition->children[i], ret_error);
    return err;
}

enum tg_err tg_condition_new(const struct tg_config_condition *config, struct tg_condition **ret_condition,
                             struct tg_buffer *ret_error)
{
    struct tg_condition *condition = tg_alloc(sizeof(*condition));

    condition->config = config;
    condition->children = tg_alloc(config->condition_count * sizeof(struct tg_condition *));
    enum tg_err err = compile(condition, ret_error);
    if (err) {
        tg_condition_free(condition);
        return err;
    }
    *ret_condition = condition;
    return TG_OK;
}

void tg_condition_free(struct tg_condition *condition)
{
    if (!condition)
        return;
    for (size_t i = 0; i < condition->config->condition_count; i++)
        tg_condition_free(condition->children[i]);
    free(condition->children);
    tg_pointer_free(condition->pointer);
    tg_regex_free(condition->regex);
    tg_buffer_deinit(&condition->scratch);
    free(condition);
}

static bool is_one_of(struct tg_str value, char *const *known)
{
    for (; *known; known++) {
        if (tg_json_equals(value, tg_str_from(*known)))
            return true;
    }
    return false;
}

/* Below, at or above zero, as the value is to the number of the rule. */
static int compare_numbers(const struct tg_config_condition *config, struct tg_str value)
{
    if (config->is_integer && tg_json_is_integer(value))
        return tg_json_compare_integers(value, config->integer);
    double number = tg_json_number(value);
    return (number > config->number) - (number < config->number);
}

static bool compares(const struct tg_config_condition *config, struct tg_str value)
{
    if (tg_json_kind(value) != TG_JSON_NUMBER)
        return false;
    int order = compare_numbers(config, value);
    switch (config->kind) {
    case TG_CONDITION_GT:
        return order > 0;
    case TG_CONDITION_GE:
        return order >= 0;
    case TG_CONDITION_LT:
        return order < 0;
    default:
        return order <= 0;
    }
}

static enum tg_err matches_regex(struct tg_condition *condition, struct tg_str value, bool *ret_matches)
{
    struct tg_str characters;

    *ret_matches = false;
    if (tg_json_kind(value) != TG_JSON_STRING)
        return TG_OK;
    tg_buffer_clear(&condition->scratch);
    if (tg_json_string(value, &condition->scratch, &characters) < 0)
        return TG_ERR_MEMORY;
    *ret_matches = tg_regex_matches(condition->regex, characters);
    if (condition->scratch.capacity > KEPT_BYTES)
        tg_buffer_deinit(&condition->scratch);
    return TG_OK;
}

/* The kinds that look at what a pointer finds. */
static enum tg_err ask_value(struct tg_condition *condition, struct tg_json *message, bool *ret_matches)
{
    const struct tg_config_condition *config = condition->config;

    if (!tg_json_is_valid(message))
        return TG_ERR_INVALID;
    struct tg_str value = tg_pointer_slice(condition->pointer, message->text);
    switch (config->kind) {
    case TG_CONDITION_EXISTS:
        *ret_matches = (value.length > 0) == config->is_expected;
        return TG_OK;
    case TG_CONDITION_EQUALS:
    case TG_CONDITION_ONE_OF:
        *ret_matches = is_one_of(value, config->values);
        return TG_OK;
    case TG_CONDITION_MATCHES:
        return matches_regex(condition, value, ret_matches);
    default:
        *ret_matches = compares(config, value);
        return TG_OK;
    }
}

/* `all` is decided by the first that does not match, `any` by the first that does. */
static enum tg_err ask_children(struct tg_condition *condition, struct tg_json *message, bool is_any,
                                bool *ret_matches)
{
    enum tg_err unknown = TG_OK;

    for (size_t i = 0; i < condition->config->condition_count; i++) {
        bool matches = false;
        enum tg_err err = tg_condition_ask(condition->children[i], message, &matches);
        if (!err && matches == is_any) {
            *ret_matches = is_any;
            return TG_OK;
        }
        if (err)
            unknown = err;
    }
    if (!unknown)
        *ret_matches = !is_any;
    return unknown;
}

enum tg_err tg_condition_ask(struct tg_condition *condition, struct tg_json *message, bool *ret_matches)
{
    const struct tg_config_condition *config = condition->config;
    enum tg_err err;

    switch (config->kind) {
    case TG_CONDITION_TEXT:
        *ret_matches = tg_str_equals(message->text, tg_str_from(config->pattern));
        return TG_OK;
    case TG_CONDITION_NOT:
        err = tg_condition_ask(condition->children[0], message, ret_matches);
        if (!err)
            *ret_matches = !*ret_matches;
        return err;
    case TG_CONDITION_ANY:
        return ask_children(condition, message, true, ret_matches);
    case TG_CONDITION_ALL:
        return ask_children(condition, message, false, ret_matches);
    default:
        return ask_value(condition, message, ret_matches);
    }
}
