/* Checks across the options of one stream's `translate`. */
#include "check.h"

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

void tg_config_check_translate(struct tg_document *document, const struct tg_path *path,
                               const struct tg_config_stream *stream)
{
    check_decode(document, path, &stream->translate);
    check_seen(document, path, stream);
}
