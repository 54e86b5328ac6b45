/* Warnings of one stream: its rules, what it retains, its parameters. */
#include "options.h"
#include "parameter_names.h"
#include "warn.h"

#include <inttypes.h>
#include <string.h>

/* ---- translate ---------------------------------------------------------------------------------------- */

/* Whether a test compares what stands at "/name" with values: those are the types then. */
static bool compares(const struct tg_config_condition *condition, const char *name)
{
    if (!condition)
        return false;
    bool is_test = condition->kind == TG_CONDITION_EQUALS || condition->kind == TG_CONDITION_ONE_OF ||
                   condition->kind == TG_CONDITION_MATCHES;
    if (is_test && *condition->pointer == '/' && strcmp(condition->pointer + 1, name) == 0)
        return true;
    for (size_t i = 0; i < condition->condition_count; i++) {
        if (compares(&condition->conditions[i], name))
            return true;
    }
    return false;
}

/* A constant type that is the name of a member, as other rules show: its slash is missing. */
static void warn_event(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_stream *stream)
{
    struct tg_path event = TG_PATH_KEY(path, "event");
    const char *name = stream->translate.event;
    if (name && !strpbrk(name, "/{}") && tg_document_may_be_quoted(document, &event) &&
        (compares(stream->translate.when, name) || compares(stream->until, name)))
        tg_document_warn(document, &event, "every event has the type \"%.100s\"; did you mean \"/%.100s\"?",
                         name, name);
}

static void warn_without_effect(struct tg_document *document, const struct tg_path *path,
                                const struct tg_config_translate *rules,
                                const struct tg_config_translate *defaults)
{
    bool ends_as_text = rules->decode_count > 0 && rules->decode[rules->decode_count - 1] == TG_DECODE_UTF8;
    bool has_error_event = rules->on_misfit == TG_MISFIT_ERROR_EVENT;
    tg_config_warn_no_effect(document, path, "jq_timeout",
                             !rules->jq && rules->jq_timeout_ms != defaults->jq_timeout_ms,
                             "there is no \"jq\"");
    tg_config_warn_no_effect(document, path, "jq_max_output",
                             !rules->jq && rules->jq_max_output_bytes != defaults->jq_max_output_bytes,
                             "there is no \"jq\"");
    tg_config_warn_no_effect(document, path, "max_decoded",
                             rules->decode_count == 0 &&
                                 rules->max_decoded_bytes != defaults->max_decoded_bytes,
                             "there is no \"decode\"");
    tg_config_warn_no_effect(document, path, "binary_event",
                             ends_as_text && strcmp(rules->binary_event, defaults->binary_event) != 0,
                             "\"decode\" makes text of every message");
    tg_config_warn_no_effect(document, path, "error_event",
                             !has_error_event && strcmp(rules->error_event, defaults->error_event) != 0,
                             "\"on_misfit\" is not \"error_event\"");
}

static void warn_translate(struct tg_document *document, const struct tg_path *path,
                           const struct tg_config_stream *stream)
{
    struct tg_config_translate defaults = { 0 };
    tg_options_set_defaults(&tg_options_translate, &defaults);
    warn_event(document, path, stream);
    warn_without_effect(document, path, &stream->translate, &defaults);
    tg_options_free(&tg_options_translate, &defaults);
}

/* ---- what is retained --------------------------------------------------------------------------------- */

static void warn_retain(struct tg_document *document, const struct tg_path *path,
                        const struct tg_config *config, const struct tg_config_stream *stream)
{
    const struct tg_config_retain *retain = &stream->retain;
    struct tg_path initial = TG_PATH_KEY(path, "initial"), retain_path = TG_PATH_KEY(path, "retain"),
                   age = TG_PATH_KEY(&retain_path, "age");
    struct tg_path upstream = TG_PATH_KEY(path, "upstream"),
                   max_message = TG_PATH_KEY(&upstream, "max_message");
    if (stream->initial == TG_INITIAL_LAST && stream->initial_last > retain->events)
        tg_document_warn(document, &initial, "\"retain\" keeps only %" PRId64 " events", retain->events);
    if (stream->initial == TG_INITIAL_ALL && retain->events == 0)
        tg_document_warn(document, &initial, "\"retain\" keeps no events");
    if (tg_document_find(document, &max_message) && stream->upstream.max_message_bytes > retain->bytes)
        tg_document_warn(document, &max_message,
                         "an event of this size cannot be retained: \"bytes\" of \"retain\" is less");
    if (retain->age_ms > 0 && retain->age_ms < config->sse.retry_ms)
        tg_document_warn(
            document, &age,
            "clients wait longer before they reconnect (\"retry\" of \"sse\"), so they always miss events");
}

/* ---- parameters --------------------------------------------------------------------------------------- */

static bool has_braces(const char *text, const char *name)
{
    struct tg_str found;
    while (text && tg_config_next_braces(&text, &found)) {
        if (tg_str_equals(found, tg_str_from(name)))
            return true;
    }
    return false;
}

static bool is_parameter_used(const struct tg_config_stream *stream, const char *name)
{
    const struct tg_config_upstream *upstream = &stream->upstream;
    bool is_used = has_braces(upstream->url.text, name) || has_braces(upstream->body.bytes, name) ||
                   has_braces(upstream->keepalive_message.bytes, name) ||
                   has_braces(stream->session.message, name);
    for (const struct tg_config_header *header = upstream->headers; header && header->name; header++)
        is_used = is_used || has_braces(header->value, name);
    for (size_t i = 0; i < upstream->on_open_count; i++)
        is_used = is_used || has_braces(upstream->on_open[i].bytes, name);
    return is_used;
}

/* With "route" they are what keys are made of. */
static void warn_parameters(struct tg_document *document, const struct tg_path *path,
                            const struct tg_config_stream *stream)
{
    struct tg_path parameters = TG_PATH_KEY(path, "parameters");
    for (size_t i = 0; stream->scope == TG_SCOPE_KEYED && i < stream->parameter_count; i++) {
        const char *name = stream->parameters[i].name;
        struct tg_path parameter = TG_PATH_KEY(&parameters, name);
        if (!is_parameter_used(stream, name))
            tg_document_warn(
                document, &parameter,
                "the backend never gets it: \"{%s}\" is not in any URL, header or message of \"upstream\"",
                name);
    }
}

/* ---- the stream --------------------------------------------------------------------------------------- */

void tg_config_warn_stream(struct tg_document *document, const struct tg_path *path,
                           const struct tg_config *config, const struct tg_config_stream *stream)
{
    struct tg_path translate = TG_PATH_KEY(path, "translate");
    warn_translate(document, &translate, stream);
    warn_retain(document, path, config, stream);
    warn_parameters(document, path, stream);
    tg_config_warn_upstream(document, path, config, stream);
}
