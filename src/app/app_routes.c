/* The configured routes: streams, messages for their backends, and files that are read once at the start. */
#include "app_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *ending, *type;
} content_types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".json", "application/json" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".jpg", "image/jpeg" },
    { ".ico", "image/x-icon" },
    { ".woff2", "font/woff2" },
    { ".wasm", "application/wasm" },
};

const char *tg_app_content_type(const char *file_name)
{
    size_t length = strlen(file_name);
    for (size_t i = 0; i < TG_COUNT_OF(content_types); i++) {
        struct tg_str ending = tg_str_from(content_types[i].ending);
        if (length > ending.length &&
            tg_str_equals_nocase(ending, tg_str_from(file_name + length - ending.length)))
            return content_types[i].type;
    }
    return "application/octet-stream";
}

static enum tg_err read_all(int fd, size_t size, struct tg_buffer *out)
{
    enum tg_err err = tg_buffer_reserve(out, size + 1);
    while (!err && out->length < size) {
        ssize_t got = read(fd, out->data + out->length, size - out->length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return TG_ERR_IO;
        if (got == 0)
            break;
        out->length += (size_t)got;
    }
    return err;
}

static enum tg_err read_file(const char *name, struct tg_buffer *out)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return TG_ERR_IO;
    enum tg_err err;
    struct stat facts;
    if (fstat(fd, &facts))
        err = TG_ERR_IO;
    else if (!S_ISREG(facts.st_mode))
        err = TG_ERR_INVALID;
    else if (facts.st_size > TG_ROUTE_FILE_MAX_BYTES)
        err = TG_ERR_TOO_LARGE;
    else
        err = read_all(fd, (size_t)facts.st_size, out);
    int saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return err;
}

static enum tg_err make_route(struct tg_app *app, size_t index, struct tg_route *ret_route)
{
    const struct tg_config_route *from = &app->config->routes[index];
    struct tg_route route = { .path = from->path, .cors = &from->cors };
    if (from->stream || from->send) {
        const struct tg_app_family *family = app->families[from->stream_index];
        route.kind = from->stream ? TG_ROUTE_STREAM : TG_ROUTE_SEND;
        route.stream = app->streams[from->stream_index];
        route.family = family ? family->family : NULL;
        route.stream_config = &app->config->streams[from->stream_index];
        route.send = from->send ? &from->send_options : NULL;
        route.rate = from->rate.per_second > 0 ? &from->rate : NULL;
    } else {
        struct tg_buffer *file = &app->files[index];
        enum tg_err err = read_file(from->file, file);
        if (err) {
            tg_log(TG_LOG_ERROR, "app", "route_file_failed", TG_F_STR("path", from->path),
                   TG_F_STR("file", from->file), TG_F_ERR(err),
                   TG_F_STR_IF("detail", err == TG_ERR_IO ? strerror(errno) : NULL));
            return err;
        }
        route.kind = TG_ROUTE_CONTENT;
        route.content = (struct tg_str){ tg_text_or_empty(file->data), file->length };
        route.content_type = from->content_type ? from->content_type : tg_app_content_type(from->file);
    }
    *ret_route = route;
    return TG_OK;
}

enum tg_err tg_app_add_routes(struct tg_app *app)
{
    size_t count = app->config->route_count;
    app->files = tg_alloc((count + 1) * sizeof(*app->files));
    for (size_t i = 0; i < count; i++) {
        struct tg_route route;
        enum tg_err err = make_route(app, i, &route);
        if (err)
            return err;
        err = tg_server_add_route(app->server, &route);
        if (err) {
            tg_log(TG_LOG_ERROR, "app", "route_refused", TG_F_STR("path", route.path), TG_F_ERR(err));
            return err;
        }
    }
    return TG_OK;
}
