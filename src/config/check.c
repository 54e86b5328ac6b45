/* Checks across options: listeners, streams, routes. Presence is asked of the JSON, not of the structs: a
 * value that did not load was still given, and its own error is enough. */
#include "check.h"

#include "files.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

/* ---- listeners ---------------------------------------------------------------------------------------- */

static bool is_given(const struct tg_document *document, const struct tg_path *object, const char *key)
{
    struct tg_path path = TG_PATH_KEY(object, key);
    return tg_document_find(document, &path) != NULL;
}

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
    bool is_unix = tg_document_find(document, &unix_path);
    if (is_unix && (is_given(document, path, "address") || is_given(document, path, "port")))
        tg_document_error(document, &unix_path, "expected either \"unix\", or \"address\" and \"port\"");
    if (!is_unix && tg_document_find(document, &mode_path))
        tg_document_error(document, &mode_path, "expected \"unix\" beside it");
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

/* ---- streams and routes ------------------------------------------------------------------------------- */

/* A set of names, each with its number. */
struct name {
    const char *text;
    size_t index;
    UT_hash_handle hh;
};

static struct name *find_name(struct name *names, const char *text)
{
    struct name *found;
    HASH_FIND_STR(names, text, found);
    return found;
}

static void add_name(struct name **names, const char *text, size_t index)
{
    struct name *name = tg_alloc(sizeof(*name));
    name->text = text;
    name->index = index;
    HASH_ADD_KEYPTR(hh, *names, name->text, strlen(name->text), name);
}

static void free_names(struct name **names)
{
    struct name *name, *next;
    HASH_ITER(hh, *names, name, next)
    {
        HASH_DEL(*names, name);
        free(name);
    }
}

static void report_unknown_stream(struct tg_document *document, const struct tg_path *path,
                                  const struct tg_config *config, const char *given)
{
    const char *nearest = NULL;
    size_t nearest_distance = 2 + strlen(given) / 4;
    for (size_t i = 0; i < config->stream_count; i++) {
        size_t distance = tg_edit_distance(given, config->streams[i].name);
        if (distance < nearest_distance && distance < strlen(config->streams[i].name)) {
            nearest = config->streams[i].name;
            nearest_distance = distance;
        }
    }
    if (nearest)
        tg_document_error(document, path, "expected the name of a stream; did you mean \"%s\"?", nearest);
    else
        tg_document_error(document, path, "expected the name of a stream");
}

static void check_cors(struct tg_document *document, const struct tg_path *route,
                       const struct tg_config_cors *cors)
{
    struct tg_path cors_path = TG_PATH_KEY(route, "cors");
    struct tg_path credentials = TG_PATH_KEY(&cors_path, "credentials");
    for (size_t i = 0; cors->credentials && cors->origins && cors->origins[i]; i++) {
        if (strcmp(cors->origins[i], "*") == 0)
            tg_document_error(document, &credentials, "expected false, or \"origins\" without \"*\"");
    }
}

static void check_route(struct tg_document *document, struct tg_config *config, size_t index,
                        struct name *streams, struct name **paths)
{
    struct tg_config_route *route = &config->routes[index];
    struct tg_path routes = TG_PATH_KEY(NULL, "routes"), path = TG_PATH_INDEX(&routes, index);
    struct tg_path path_path = TG_PATH_KEY(&path, "path"), stream_path = TG_PATH_KEY(&path, "stream");
    struct tg_path type_path = TG_PATH_KEY(&path, "content_type");
    bool has_stream = tg_document_find(document, &stream_path), has_file = is_given(document, &path, "file");

    if (has_stream == has_file && json_is_object(tg_document_find(document, &path)))
        tg_document_error(document, &path, "expected either \"stream\" or \"file\"");
    if (tg_document_find(document, &type_path) && !has_file)
        tg_document_error(document, &type_path, "expected \"file\" beside it");
    if (route->stream) {
        const struct name *stream = find_name(streams, route->stream);
        if (stream)
            route->stream_index = stream->index;
        else
            report_unknown_stream(document, &stream_path, config, route->stream);
    }
    if (route->path) {
        if (find_name(*paths, route->path))
            tg_document_error(document, &path_path, "another route has the same path");
        else
            add_name(paths, route->path, index);
    }
    check_cors(document, &path, &route->cors);
}

void tg_config_check(struct tg_document *document, struct tg_config *config)
{
    struct name *streams = NULL, *paths = NULL;
    struct tg_path streams_path = TG_PATH_KEY(NULL, "streams");

    check_listeners(document, config);
    for (size_t i = 0; i < config->stream_count; i++) {
        struct tg_path stream = TG_PATH_KEY(&streams_path, config->streams[i].name);
        struct tg_path upstream = TG_PATH_KEY(&stream, "upstream"),
                       translate = TG_PATH_KEY(&stream, "translate");
        tg_config_check_request(document, &upstream, &config->streams[i].upstream);
        tg_config_check_upstream(document, &upstream, &config->streams[i].upstream);
        tg_config_check_translate(document, &translate, &config->streams[i]);
        add_name(&streams, config->streams[i].name, i);
    }
    for (size_t i = 0; i < config->route_count; i++)
        check_route(document, config, i, streams, &paths);
    free_names(&streams);
    free_names(&paths);
}
