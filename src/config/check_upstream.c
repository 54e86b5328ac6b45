/* Checks across the options of one upstream. */
#include "check.h"

#include "options.h"

#include <string.h>
#include <strings.h>

static void check_auth(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_upstream *upstream)
{
    struct tg_path auth_path = TG_PATH_KEY(path, "auth");
    struct tg_path headers_path = TG_PATH_KEY(path, "headers");
    json_t *auth = tg_document_find(document, &auth_path);
    if (!auth)
        return;
    size_t ways = (json_object_get(auth, "basic") ? 1 : 0) + (json_object_get(auth, "bearer") ? 1 : 0);
    if (ways != 1)
        tg_document_error(document, &auth_path, "expected either \"basic\" or \"bearer\"");
    for (const struct tg_config_header *header = upstream->headers; header && header->name; header++) {
        struct tg_path header_path = TG_PATH_KEY(&headers_path, header->name);
        if (strcasecmp(header->name, "Authorization") == 0)
            tg_document_error_at_key(document, &header_path,
                                     "this header cannot be set together with \"auth\"");
    }
}

static size_t length_of(const char *text)
{
    return text ? strlen(text) : 0;
}

/* What stands in all headers that the configuration gives; in base64, for basic authentication. */
static size_t header_bytes(const struct tg_config_upstream *upstream)
{
    size_t length = length_of(upstream->origin) + length_of(upstream->bearer) +
                    2 * (length_of(upstream->basic_user) + length_of(upstream->basic_password));
    for (const struct tg_config_header *header = upstream->headers; header && header->name; header++)
        length += strlen(header->name) + strlen(header->value) + strlen(": \r\n");
    for (char **word = upstream->subprotocols; word && *word; word++)
        length += strlen(*word) + strlen(", ");
    return length;
}

static void check_header_size(struct tg_document *document, const struct tg_path *path,
                              const struct tg_config_upstream *upstream)
{
    static const char *const keys[] = { "headers", "auth", "subprotocols", "origin" };
    if (header_bytes(upstream) <= TG_UPSTREAM_HEADERS_MAX_BYTES)
        return;
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++) {
        struct tg_path given = TG_PATH_KEY(path, keys[i]);
        if (tg_document_find(document, &given)) {
            tg_document_error(
                document, &given,
                "expected at most 24KiB of headers, with those of \"auth\", \"subprotocols\" and "
                "\"origin\"");
            return;
        }
    }
}

static void check_subprotocols(struct tg_document *document, const struct tg_path *path,
                               const struct tg_config_upstream *upstream)
{
    struct tg_path list = TG_PATH_KEY(path, "subprotocols");
    if (tg_document_has_error(document, &list))
        return;
    for (size_t i = 0; upstream->subprotocols && upstream->subprotocols[i]; i++) {
        struct tg_path item = TG_PATH_INDEX(&list, i);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(upstream->subprotocols[i], upstream->subprotocols[j]) == 0)
                tg_document_error(document, &item, "the same subprotocol twice");
        }
    }
}

static void check_reconnect(struct tg_document *document, const struct tg_path *path,
                            const struct tg_config_upstream *upstream)
{
    struct tg_path reconnect = TG_PATH_KEY(path, "reconnect");
    struct tg_path first = TG_PATH_KEY(&reconnect, "first"), max = TG_PATH_KEY(&reconnect, "max");
    if (tg_document_has_error(document, &reconnect) ||
        upstream->reconnect_first_ms <= upstream->reconnect_max_ms)
        return;
    /* One of the two may be the default: the other is then the one to change. */
    char text[TG_UNIT_TEXT_MAX];
    if (tg_document_find(document, &max) && tg_document_find(document, &first)) {
        tg_document_error(document, &max, "expected a duration that is not shorter than \"first\"");
    } else if (tg_document_find(document, &max)) {
        tg_format_duration(upstream->reconnect_first_ms, text);
        tg_document_error(document, &max,
                          "expected a duration that is not shorter than \"first\", \"%s\" by default", text);
    } else {
        tg_format_duration(upstream->reconnect_max_ms, text);
        tg_document_error(document, &first,
                          "expected a duration that is not longer than \"max\", \"%s\" by default", text);
    }
}

static void check_tls(struct tg_document *document, const struct tg_path *path,
                      const struct tg_config_tls_client *config)
{
    struct tg_path tls = TG_PATH_KEY(path, "tls");
    struct tg_path certificate = TG_PATH_KEY(&tls, "certificate"), key = TG_PATH_KEY(&tls, "key");
    bool has_certificate = tg_document_find(document, &certificate),
         has_key = tg_document_find(document, &key);
    if (has_certificate && !has_key)
        tg_document_error(document, &certificate, "expected \"key\" beside it");
    if (has_key && !has_certificate)
        tg_document_error(document, &key, "expected \"certificate\" beside it");
    tg_config_check_tls_files(document, &tls, config->certificate, config->key, config->ca);
}

void tg_config_check_upstream(struct tg_document *document, const struct tg_path *path,
                              const struct tg_config_upstream *upstream)
{
    check_auth(document, path, upstream);
    check_header_size(document, path, upstream);
    check_subprotocols(document, path, upstream);
    check_reconnect(document, path, upstream);
    check_tls(document, path, &upstream->tls);
}
