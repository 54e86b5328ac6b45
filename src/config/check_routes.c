/* Checks of the routes: what they lead to, and their paths. */
#include "check.h"
#include "parameter_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uthash.h>

/* ---- names -------------------------------------------------------------------------------------------- */

/* A set of names, each with its number. */
struct name {
    char *text;
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
    name->text = tg_strdup(text);
    name->index = index;
    HASH_ADD_KEYPTR(hh, *names, name->text, strlen(name->text), name);
}

static void free_names(struct name **names)
{
    struct name *name, *next;
    HASH_ITER(hh, *names, name, next)
    {
        HASH_DEL(*names, name);
        free(name->text);
        free(name);
    }
}

/* ---- streams ------------------------------------------------------------------------------------------ */

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

/* The stream that the route leads to; NULL after an error, and for files. */
static const struct tg_config_stream *find_stream(struct tg_document *document, const struct tg_path *path,
                                                  struct tg_config *config, struct tg_config_route *route,
                                                  struct name *streams)
{
    const char *given = route->stream ? route->stream : route->send;
    struct tg_path given_path = TG_PATH_KEY(path, route->stream ? "stream" : "send");
    const struct name *found = given ? find_name(streams, given) : NULL;
    if (given && !found)
        report_unknown_stream(document, &given_path, config, given);
    if (!found)
        return NULL;
    route->stream_index = found->index;
    return &config->streams[found->index];
}

/* ---- paths -------------------------------------------------------------------------------------------- */

/* Takes the next segment off a path that is at a "/"; false at its end. */
static bool next_segment(const char **path, struct tg_str *ret_segment)
{
    if (**path != '/')
        return false;
    size_t length = strcspn(*path + 1, "/");
    *ret_segment = (struct tg_str){ *path + 1, length };
    *path += 1 + length;
    return true;
}

static bool has_brace(struct tg_str text)
{
    return memchr(text.data, '{', text.length) || memchr(text.data, '}', text.length);
}

/* The segment is "{name}". */
static bool is_parameter(struct tg_str segment, struct tg_str *ret_name)
{
    if (segment.length < 3 || segment.data[0] != '{' || segment.data[segment.length - 1] != '}')
        return false;
    *ret_name = (struct tg_str){ segment.data + 1, segment.length - 2 };
    return !has_brace(*ret_name);
}

static size_t count_in_path(const char *path, struct tg_str name)
{
    struct tg_str segment, other;
    size_t count = 0;
    while (next_segment(&path, &segment))
        count += is_parameter(segment, &other) && tg_str_equals(name, other);
    return count;
}

static void report_unknown_parameter(struct tg_document *document, const struct tg_path *path,
                                     const struct tg_config_stream *stream)
{
    struct tg_buffer known = { 0 };
    if (stream)
        tg_config_append_parameters(stream, &known);
    if (known.length > 0)
        tg_document_error(document, path, "expected only parameters of the stream in braces: %s", known.data);
    else
        tg_document_error(document, path, "expected no parameter in the path, as the %s has none",
                          stream ? "stream" : "file");
    tg_buffer_deinit(&known);
}

/* What stands in braces. `stream` is NULL for files. */
static void check_segments(struct tg_document *document, const struct tg_path *path, const char *text,
                           const struct tg_config_stream *stream)
{
    const char *rest = text;
    struct tg_str segment, name;
    while (next_segment(&rest, &segment)) {
        if (!has_brace(segment))
            continue;
        if (!is_parameter(segment, &name))
            tg_document_error(
                document, path,
                "expected braces only around a whole segment: a parameter such as \"{symbol}\"");
        else if (!stream || !tg_config_find_parameter(stream, name))
            report_unknown_parameter(document, path, stream);
        else if (count_in_path(text, name) > 1)
            tg_document_error(document, path, "expected each parameter only once");
        else if (text[strlen(text) - 1] == '*')
            tg_document_error(document, path, "expected either parameters or \"*\" at the end");
    }
}

static void check_parameters(struct tg_document *document, const struct tg_path *route_path,
                             const struct tg_config_route *route, const struct tg_config_stream *stream)
{
    struct tg_path path = TG_PATH_KEY(route_path, "path"), streams = TG_PATH_KEY(NULL, "streams");
    struct tg_path stream_path = TG_PATH_KEY(&streams, stream ? stream->name : "");
    struct tg_path parameters = TG_PATH_KEY(&stream_path, "parameters");
    if (stream && tg_document_has_error(document, &parameters))
        return;
    check_segments(document, &path, route->path, stream);
    /* A session that a message is for is named by an id. */
    if (!stream || (route->send && stream->scope == TG_SCOPE_CLIENT))
        return;
    for (size_t i = 0; i < stream->parameter_count; i++) {
        const char *name = stream->parameters[i].name;
        if (count_in_path(route->path, tg_str_from(name)) == 0)
            tg_document_error(document, &path, "expected \"{%s}\" in it, a parameter of the stream", name);
    }
}

/* Two paths are one where only the names of parameters differ. */
static void check_unique(struct tg_document *document, const struct tg_path *path, const char *text,
                         struct name **paths, size_t index)
{
    struct tg_buffer plain = { 0 };
    struct tg_str segment, name;
    while (next_segment(&text, &segment)) {
        bool is_named = is_parameter(segment, &name);
        tg_buffer_append_str(&plain, "/");
        tg_buffer_append(&plain, is_named ? "{}" : segment.data, is_named ? 2 : segment.length);
    }
    if (find_name(*paths, plain.data))
        tg_document_error(document, path, "another route has the same path");
    else
        add_name(paths, plain.data, index);
    tg_buffer_deinit(&plain);
}

/* ---- routes ------------------------------------------------------------------------------------------- */

static void expect_beside(struct tg_document *document, const struct tg_path *route, const char *key,
                          const char *beside)
{
    struct tg_path given = TG_PATH_KEY(route, key);
    if (tg_document_find(document, &given) && !tg_document_has(document, route, beside))
        tg_document_error(document, &given, "expected \"%s\" beside it", beside);
}

static void check_keys(struct tg_document *document, const struct tg_path *path)
{
    static const char *const ways[] = { "stream", "send", "file" };
    size_t given = 0;
    for (size_t i = 0; i < TG_COUNT_OF(ways); i++)
        given += tg_document_has(document, path, ways[i]);
    if (given != 1 && json_is_object(tg_document_find(document, path)))
        tg_document_error(document, path, "expected exactly one of \"stream\", \"send\" and \"file\"");
    expect_beside(document, path, "content_type", "file");
    expect_beside(document, path, "max_body", "send");
    expect_beside(document, path, "binary", "send");
}

/* A file that is read at the start, and stays in memory. */
static void check_file(struct tg_document *document, const struct tg_path *path,
                       const struct tg_config_route *route)
{
    struct tg_path file = TG_PATH_KEY(path, "file");
    struct stat status;
    if (!route->file || tg_document_has_error(document, &file) || stat(route->file, &status) != 0)
        return;
    if (!S_ISREG(status.st_mode))
        tg_document_error(document, &file, "expected a regular file");
    else if (status.st_size > TG_ROUTE_FILE_MAX_BYTES)
        tg_document_error(document, &file, "expected a file of at most 64MiB");
}

static void check_send(struct tg_document *document, const struct tg_path *path,
                       struct tg_config_route *route, const struct tg_config_stream *stream)
{
    struct tg_path send = TG_PATH_KEY(path, "send"), streams = TG_PATH_KEY(NULL, "streams");
    struct tg_config_send *options = &route->send_options;
    if (!route->send || route->stream)
        return;
    options->is_set = true;
    if (!stream)
        return;
    struct tg_path stream_path = TG_PATH_KEY(&streams, stream->name);
    struct tg_path upstream = TG_PATH_KEY(&stream_path, "upstream"), kind = TG_PATH_KEY(&upstream, "kind");
    if (stream->upstream.kind != TG_UPSTREAM_WEBSOCKET && !tg_document_has_error(document, &kind))
        tg_document_error(document, &send, "expected a stream whose upstream is of kind \"websocket\"");
    else if (stream->session.is_plain)
        tg_document_error(document, &send,
                          "expected a stream that is not \"plain\": there, no id names a session");
}

/* `stream` is NULL for files, and where there is none of that name. */
static void check_rate(struct tg_document *document, const struct tg_path *path,
                       struct tg_config_route *route, const struct tg_config_stream *stream)
{
    struct tg_path rate = TG_PATH_KEY(path, "rate");
    bool is_unknown = !stream && (route->stream || route->send);
    bool is_session = stream && stream->scope == TG_SCOPE_CLIENT;
    if (tg_document_find(document, &rate) && !route->send && !is_session && !is_unknown)
        tg_document_error(document, &rate,
                          "expected \"send\" beside it, or a \"stream\" whose scope is \"client\"");
    if (route->rate.burst == 0)
        route->rate.burst = route->rate.per_second;
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
    struct tg_path path_path = TG_PATH_KEY(&path, "path");
    check_keys(document, &path);
    const struct tg_config_stream *stream = find_stream(document, &path, config, route, streams);
    bool is_file = !route->stream && !route->send && tg_document_has(document, &path, "file");
    if (route->path && (stream || is_file))
        check_parameters(document, &path, route, stream);
    if (route->path)
        check_unique(document, &path_path, route->path, paths, index);
    check_file(document, &path, route);
    check_send(document, &path, route, stream);
    check_rate(document, &path, route, stream);
    check_cors(document, &path, &route->cors);
}

void tg_config_check_routes(struct tg_document *document, struct tg_config *config)
{
    struct name *streams = NULL, *paths = NULL;
    for (size_t i = 0; i < config->stream_count; i++)
        add_name(&streams, config->streams[i].name, i);
    for (size_t i = 0; i < config->route_count; i++)
        check_route(document, config, i, streams, &paths);
    free_names(&streams);
    free_names(&paths);
}
