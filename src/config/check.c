/* Checks across options: listeners; streams and routes have files of their own. Presence is asked of the JSON, not of
 * the structs: a value that did not load was still given, and its own error is enough. */
#include "check.h"

#include "options.h"

#include <string.h>

/* ---- listeners ---------------------------------------------------------------------------------------- */

static bool is_same_place(const struct tg_config_listener *a, const struct tg_config_listener *b)
{
    if (a->unix_path || b->unix_path)
        return a->unix_path && b->unix_path && strcmp(a->unix_path, b->unix_path) == 0;
    return a->port == b->port && a->port != 0 && strcmp(a->address, b->address) == 0;
}

static void report_same_place(struct tg_document *document, const struct tg_path *listener)
{
    static const char *const keys[] = { "unix", "port", "address" };
    for (size_t i = 0; i < TG_COUNT_OF(keys); i++) {
        struct tg_path path = TG_PATH_KEY(listener, keys[i]);
        if (tg_document_find(document, &path)) {
            tg_document_error(document, &path, "another listener has the same address and port");
            return;
        }
    }
    tg_document_error(document, listener, "another listener has the same address and port");
}

static void check_listener(struct tg_document *document, const struct tg_config *config, size_t index,
                           const struct tg_path *path)
{
    struct tg_path unix_path = TG_PATH_KEY(path, "unix"), mode_path = TG_PATH_KEY(path, "unix_mode");
    struct tg_path tls_path = TG_PATH_KEY(path, "tls");
    const struct tg_config_tls_server *tls = &config->listeners[index].tls;
    bool is_unix = tg_document_find(document, &unix_path);
    if (is_unix && (tg_document_has(document, path, "address") || tg_document_has(document, path, "port")))
        tg_document_error(document, &unix_path, "expected either \"unix\", or \"address\" and \"port\"");
    if (!is_unix && tg_document_find(document, &mode_path))
        tg_document_error(document, &mode_path, "expected \"unix\" beside it");
    tg_config_check_tls_files(document, &tls_path, tls->certificate, tls->key, NULL);
    if (tg_document_has_error(document, path))
        return;
    for (size_t i = 0; i < index; i++) {
        if (is_same_place(&config->listeners[i], &config->listeners[index])) {
            report_same_place(document, path);
            return;
        }
    }
}

static void check_admin(struct tg_document *document, const struct tg_config *config)
{
    struct tg_path admin = TG_PATH_KEY(NULL, "admin");
    struct tg_path listen = TG_PATH_KEY(NULL, "listen");
    struct tg_config_listener place = { .address = config->admin.address, .port = config->admin.port };
    if (!config->admin.enabled || tg_document_has_error(document, &admin) ||
        tg_document_has_error(document, &listen))
        return;
    for (size_t i = 0; i < config->listener_count; i++) {
        if (is_same_place(&config->listeners[i], &place)) {
            if (config->admin.is_set) {
                report_same_place(document, &admin);
            } else {
                struct tg_path listener = TG_PATH_INDEX(&listen, i);
                tg_document_error(
                    document, &listener,
                    "expected another port than \"admin\" has by default, or \"admin\" on another");
            }
            return;
        }
    }
}

static void check_listeners(struct tg_document *document, struct tg_config *config)
{
    struct tg_path listen = TG_PATH_KEY(NULL, "listen");
    if (!tg_document_find(document, &listen)) {
        const struct tg_option *option = tg_options_root.options;
        while (option->offset != offsetof(struct tg_config, listeners) || option->type != TG_OPTION_LIST)
            option++;
        config->listeners = tg_alloc(sizeof(config->listeners[0]));
        config->listener_count = 1;
        tg_options_set_defaults(option->object, config->listeners);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        struct tg_path path = TG_PATH_INDEX(&listen, i);
        check_listener(document, config, i, &path);
    }
    check_admin(document, config);
}

/* ---- clients ------------------------------------------------------------------------------------------ */

/* Other events would look like those that tell of gaps, outages and ends. */
static void check_sse(struct tg_document *document, const struct tg_config_sse *sse)
{
    const struct {
        const char *key, *type;
    } names[] = { { "gap_event", sse->gap_event },
                  { "upstream_event", sse->upstream_event },
                  { "end_event", sse->end_event } };
    static const char *const taken[] = { "message", "tidegate.error", "tidegate.hello" };
    struct tg_path path = TG_PATH_KEY(NULL, "sse");

    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        struct tg_path name = TG_PATH_KEY(&path, names[i].key);
        for (size_t j = 0; names[i].type && j < TG_COUNT_OF(taken); j++) {
            if (strcmp(names[i].type, taken[j]) == 0)
                tg_document_error(document, &name, "expected another event type: other events have this one");
        }
    }
}

/* ---- the whole file ----------------------------------------------------------------------------------- */

void tg_config_check(struct tg_document *document, struct tg_config *config)
{
    struct tg_path streams = TG_PATH_KEY(NULL, "streams");

    check_listeners(document, config);
    check_sse(document, &config->sse);
    for (size_t i = 0; i < config->stream_count; i++) {
        struct tg_path stream = TG_PATH_KEY(&streams, config->streams[i].name);
        tg_config_check_stream(document, &stream, &config->sse, &config->streams[i]);
    }
    tg_config_check_routes(document, config);
}
