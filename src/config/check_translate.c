/* Checks across the options of one stream's `translate`. */
#include "check.h"

#include <string.h>

static void check_decode(struct tg_document *document, const struct tg_path *path,
                         const struct tg_config_translate *translate)
{
    struct tg_path decode = TG_PATH_KEY(path, "decode");
    if (tg_document_has_error(document, &decode))
        return;
    for (size_t i = 0; i + 1 < translate->decode_count; i++) {
        struct tg_path step = TG_PATH_INDEX(&decode, i);
        if (translate->decode[i] == TG_DECODE_UTF8)
            tg_document_error(document, &step, "expected \"utf8\" as the last step only");
    }
}

/* Without ids of the backend's own, each event has one of Tidegate's, and none comes twice. */
static void check_seen(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_stream *stream)
{
    struct tg_path seen = TG_PATH_KEY(path, "seen"), by = TG_PATH_KEY(&seen, "by"),
                   id = TG_PATH_KEY(path, "id");
    struct tg_path upstream = TG_PATH_KEY(path->up, "upstream"), kind = TG_PATH_KEY(&upstream, "kind");
    if (stream->translate.seen != TG_SEEN_ID || tg_document_find(document, &id) ||
        stream->upstream.kind == TG_UPSTREAM_SSE || tg_document_has_error(document, &kind))
        return;
    tg_document_error(document, &by, "expected \"content\", %sor kind \"sse\"",
                      stream->scope == TG_SCOPE_CLIENT ? "" : "or the rule \"id\" in \"translate\", ");
}

/* ---- types -------------------------------------------------------------------------------------------- */

static const char is_own[] =
    "expected another event type: \"tidegate.…\" and the types in \"sse\" are Tidegate's own";

/* What all types begin with that the rule gives: all of a constant, a template's text before its first brace. */
static struct tg_str beginning_of(const char *rule)
{
    size_t length = *rule == '/' ? 0 : strcspn(rule, "{}");
    return (struct tg_str){ rule, length };
}

static bool is_own_template(const char *rule)
{
    static const char prefix[] = "tidegate.";
    struct tg_str beginning = beginning_of(rule);
    return rule[beginning.length] && beginning.length >= strlen(prefix) &&
           memcmp(rule, prefix, strlen(prefix)) == 0;
}

static void check_event(struct tg_document *document, const struct tg_path *path,
                        const struct tg_config_sse *sse, const struct tg_config_translate *translate)
{
    struct tg_path event = TG_PATH_KEY(path, "event");
    const char *rule = translate->event;
    if (!rule)
        return;
    bool is_constant = *rule != '/' && !strpbrk(rule, "{}");
    bool is_error = translate->on_misfit == TG_MISFIT_ERROR_EVENT && translate->error_event &&
                    strcmp(rule, translate->error_event) == 0;
    if (is_own_template(rule) || (is_constant && tg_config_is_own_type(sse, tg_str_from(rule))))
        tg_document_error(document, &event, "%s", is_own);
    else if (is_constant && is_error)
        tg_document_error(document, &event, "expected another event type than that of \"error_event\"");
}

/* Of the names beginning with "tidegate." it has its default. */
static void check_names(struct tg_document *document, const struct tg_path *path,
                        const struct tg_config_sse *sse, const struct tg_config_translate *translate)
{
    const struct {
        const char *key, *type;
    } names[] = { { "binary_event", translate->binary_event }, { "error_event", translate->error_event } };

    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        struct tg_path name = TG_PATH_KEY(path, names[i].key);
        const char *type = names[i].type;
        if (type && strcmp(type, "tidegate.error") != 0 && tg_config_is_own_type(sse, tg_str_from(type)))
            tg_document_error(document, &name, "%s", is_own);
    }
}

void tg_config_check_translate(struct tg_document *document, const struct tg_path *path,
                               const struct tg_config_sse *sse, const struct tg_config_stream *stream)
{
    check_event(document, path, sse, &stream->translate);
    check_names(document, path, sse, &stream->translate);
    check_decode(document, path, &stream->translate);
    check_seen(document, path, stream);
}
