/* Reading files again.
 *
 *     file ─► as it was ─────────────────────────────────────────► nothing
 *         ├─► gone, empty, no text, too large ─► reported once ──► nothing
 *         └─► new ─► the stream is loaded again ─► it fits ──────► the stream anew
 *                                              └─► reported once ► nothing: the last good state stays
 *
 * The text of the configuration is the one read at start, even if its own file has changed. */
#include "refresh.h"

#include "check.h"
#include "comments.h"
#include "load.h"
#include "resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* All files of a stream as they were at the start; those that are not read again are needed to load it, too. */
struct tg_config_files {
    const struct tg_config *config; /* that holds it */
    struct tg_known_file *list;
    char **shown;
    bool *are_read_again;
    size_t count;
};

struct watched_file {
    struct tg_buffer rejected; /* what it holds when it does not fit */
    bool is_rejected;
    const char *why; /* it could not be read, as told; NULL: it could */
    int why_errno;
    struct tg_buffer found; /* while they are read */
    bool is_new;
};

struct tg_config_refresh {
    const struct tg_config_stream *stream;
    const struct tg_config_files *files;
    struct tg_known_file *known; /* files->count of them: what is good */
    struct watched_file *watched;
};

/* ---- at the start --------------------------------------------------------------------------------- */

static bool has_file(const struct tg_config_files *files, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].name, name) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* A pipe was read at the start, and has nothing more. */
static bool is_regular(const char *name)
{
    struct stat status;
    return stat(name, &status) != 0 || S_ISREG(status.st_mode);
}

static void add_file(struct tg_config_files *files, const struct tg_document_secret *secret)
{
    size_t at;
    if (has_file(files, secret->file, &at)) {
        files->are_read_again[at] |= secret->is_read_again && is_regular(secret->file);
        return;
    }
    at = files->count++;
    files->list = tg_realloc_array(files->list, files->count, sizeof(files->list[0]));
    files->shown = tg_realloc_array(files->shown, files->count, sizeof(files->shown[0]));
    files->are_read_again =
        tg_realloc_array(files->are_read_again, files->count, sizeof(files->are_read_again[0]));
    files->list[at] = (struct tg_known_file){ .name = tg_strdup(secret->file) };
    tg_buffer_append(&files->list[at].content, secret->content.data, secret->content.length);
    files->shown[at] = tg_strdup(secret->shown);
    files->are_read_again[at] = secret->is_read_again && is_regular(secret->file);
}

static struct tg_config_files *keep_files_of(const struct tg_config *config,
                                             const struct tg_document *document, const char *stream)
{
    struct tg_config_files *files = tg_alloc(sizeof(*files));
    bool is_any_read_again = false;
    files->config = config;
    for (size_t i = 0; i < document->secret_count; i++) {
        const struct tg_document_secret *secret = &document->secrets[i];
        if (secret->file && strcmp(secret->stream, stream) == 0)
            add_file(files, secret);
    }
    for (size_t i = 0; i < files->count; i++)
        is_any_read_again |= files->are_read_again[i];
    if (is_any_read_again)
        return files;
    tg_config_files_free(files);
    return NULL;
}

void tg_config_keep_files(struct tg_config *config, const struct tg_document *document)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct tg_config_stream *stream = &config->streams[i];
        stream->files = keep_files_of(config, document, stream->name);
        if (!stream->files || config->text)
            continue;
        config->text = tg_strndup(document->text, document->length);
        config->text_length = document->length;
        config->folder = tg_strdup(document->folder);
    }
}

static void free_known(struct tg_known_file *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
        tg_buffer_deinit(&list[i].content);
    }
    free(list);
}

void tg_config_files_free(struct tg_config_files *files)
{
    if (!files)
        return;
    free_known(files->list, files->count);
    for (size_t i = 0; i < files->count; i++)
        free(files->shown[i]);
    free(files->shown);
    free(files->are_read_again);
    free(files);
}

/* ---- loading a stream again ----------------------------------------------------------------------- */

void tg_config_stream_free(struct tg_config_stream *stream)
{
    if (!stream)
        return;
    tg_options_free(&tg_options_stream, stream);
    tg_strings_free(stream->secrets);
    free(stream->name);
    free(stream);
}

/* The first error without its place, which is one of the file that may have changed since. */
static void append_error(struct tg_document *document, struct tg_buffer *out)
{
    struct tg_buffer lines = { 0 };
    tg_document_render_errors(document, &lines);
    const char *text = tg_text_or_empty(lines.data), *at = strstr(text, ": ");
    at = at ? at + 2 : text;
    tg_buffer_append(out, at, strcspn(at, "\n"));
    tg_buffer_deinit(&lines);
}

static void load(struct tg_document *document, const struct tg_config_sse *sse,
                 struct tg_config_stream *stream)
{
    struct tg_path streams = TG_PATH_KEY(NULL, "streams"), path = TG_PATH_KEY(&streams, stream->name);
    json_t *value = tg_document_find(document, &path);
    /* Its filter need not be compiled. */
    json_object_del(value, "translate");
    tg_document_empty_comments(document);
    tg_document_resolve_stream(document, stream->name);
    tg_options_load(document, &path, &tg_options_stream, value, stream);
    tg_config_check_stream(document, &path, sse, stream);
}

/* NULL: it is not as it must be, and *ret_error says why. */
static struct tg_config_stream *load_stream(const struct tg_config_refresh *refresh,
                                            const struct tg_known_file *known, struct tg_buffer *ret_error)
{
    const struct tg_config *config = refresh->files->config;
    struct tg_document document;
    struct tg_config_stream *stream = tg_alloc(sizeof(*stream));
    stream->name = tg_strdup(refresh->stream->name);
    tg_options_set_defaults(&tg_options_stream, stream);
    tg_document_init(&document, config->source, config->folder, config->text, config->text_length);
    document.known = known;
    document.known_count = refresh->files->count;
    if (document.root)
        load(&document, &config->sse, stream);
    if (document.error_count == 0 && stream->upstream.kind != refresh->stream->upstream.kind)
        tg_buffer_append_str(ret_error, "the kind of the upstream is that of the start");
    else if (document.error_count > 0)
        append_error(&document, ret_error);
    stream->secrets = tg_document_take_secrets(&document, stream->name);
    tg_document_forget_secrets(&document);
    tg_document_deinit(&document);
    if (ret_error->length == 0)
        return stream;
    tg_config_stream_free(stream);
    return NULL;
}

/* ---- reading -------------------------------------------------------------------------------------- */

struct tg_config_refresh *tg_config_refresh_new(const struct tg_config_stream *stream)
{
    const struct tg_config_files *files = stream->files;
    if (!files)
        return NULL;
    struct tg_config_refresh *refresh = tg_alloc(sizeof(*refresh));
    refresh->stream = stream;
    refresh->files = files;
    refresh->known = tg_alloc(files->count * sizeof(refresh->known[0]));
    refresh->watched = tg_alloc(files->count * sizeof(refresh->watched[0]));
    for (size_t i = 0; i < files->count; i++) {
        refresh->known[i].name = tg_strdup(files->list[i].name);
        tg_buffer_append(&refresh->known[i].content, files->list[i].content.data,
                         files->list[i].content.length);
    }
    return refresh;
}

void tg_config_refresh_free(struct tg_config_refresh *refresh)
{
    if (!refresh)
        return;
    for (size_t i = 0; i < refresh->files->count; i++) {
        tg_buffer_deinit(&refresh->watched[i].rejected);
        tg_buffer_deinit(&refresh->watched[i].found);
    }
    free_known(refresh->known, refresh->files->count);
    free(refresh->watched);
    free(refresh);
}

static const char *why_unreadable(enum tg_err err, const struct tg_buffer *content)
{
    if (err == TG_ERR_TOO_LARGE)
        return "expected a file of at most 1MiB";
    if (err == TG_ERR_INVALID)
        return "expected a file of UTF-8 text";
    if (err)
        return "cannot read the file";
    return content->length == 0 ? "the file is empty" : NULL;
}

struct telling {
    void (*tell)(void *arg, const char *file, const char *why);
    void *arg;
};

static void tell_unreadable(struct watched_file *file, const char *shown, const char *why, int why_errno,
                            const struct telling *telling)
{
    struct tg_buffer text = { 0 };
    bool is_known = file->why == why && file->why_errno == why_errno;
    file->why = why;
    file->why_errno = why_errno;
    if (is_known)
        return;
    tg_buffer_appendf(&text, "%s%s%s", why, why_errno ? ": " : "", why_errno ? strerror(why_errno) : "");
    telling->tell(telling->arg, shown, text.data);
    tg_buffer_deinit(&text);
}

static bool is_same(const struct tg_buffer *a, const struct tg_buffer *b)
{
    return tg_str_equals(tg_buffer_view(a), tg_buffer_view(b));
}

/* Whether it holds something that has not been tried. */
static bool read_one(struct tg_config_refresh *refresh, size_t index, const struct telling *telling)
{
    struct watched_file *file = &refresh->watched[index];
    const struct tg_known_file *known = &refresh->known[index];
    int why_errno = 0;
    if (!refresh->files->are_read_again[index])
        return false;
    enum tg_err err =
        is_regular(known->name) ? tg_document_read_file(known->name, &file->found, &why_errno) : TG_ERR_IO;
    const char *why = why_unreadable(err, &file->found);
    bool is_good = !err && is_same(&file->found, &known->content); /* also one that was empty at the start */
    if (why && !is_good) {
        tell_unreadable(file, refresh->files->shown[index], why, why_errno, telling);
        return false;
    }
    file->why = NULL;
    if (is_good)
        file->is_rejected = false;
    file->is_new = !is_good && !(file->is_rejected && is_same(&file->found, &file->rejected));
    return file->is_new;
}

static void reject(struct watched_file *file, const char *shown, const char *why,
                   const struct telling *telling)
{
    tg_buffer_deinit(&file->rejected);
    file->rejected = file->found;
    file->found = (struct tg_buffer){ 0 };
    file->is_rejected = true;
    telling->tell(telling->arg, shown, why);
}

static void swap(struct tg_buffer *a, struct tg_buffer *b)
{
    struct tg_buffer kept = *a;
    *a = *b;
    *b = kept;
}

/* What is new takes the place of what was good; again: the other way round. */
static void swap_new(struct tg_config_refresh *refresh)
{
    for (size_t i = 0; i < refresh->files->count; i++) {
        if (refresh->watched[i].is_new)
            swap(&refresh->known[i].content, &refresh->watched[i].found);
    }
}

/* Those that are new, together. */
static struct tg_config_stream *try_new(struct tg_config_refresh *refresh, struct tg_buffer *ret_error)
{
    swap_new(refresh);
    struct tg_config_stream *stream = load_stream(refresh, refresh->known, ret_error);
    if (!stream)
        swap_new(refresh);
    return stream;
}

static void tell_new(struct tg_config_refresh *refresh, const char *error, const struct telling *telling)
{
    for (size_t i = 0; i < refresh->files->count; i++) {
        struct watched_file *file = &refresh->watched[i];
        if (file->is_new && !error)
            telling->tell(telling->arg, refresh->files->shown[i], NULL);
        else if (file->is_new)
            reject(file, refresh->files->shown[i], error, telling);
        file->is_new = false;
    }
}

/* One after the other, so that one which does not fit holds up no other. */
static struct tg_config_stream *try_each(struct tg_config_refresh *refresh, const struct telling *telling)
{
    struct tg_config_stream *latest = NULL;
    bool *are_new = tg_alloc(refresh->files->count * sizeof(are_new[0]));
    for (size_t i = 0; i < refresh->files->count; i++) {
        are_new[i] = refresh->watched[i].is_new;
        refresh->watched[i].is_new = false;
    }
    for (size_t i = 0; i < refresh->files->count; i++) {
        struct tg_buffer error = { 0 };
        if (!are_new[i])
            continue;
        refresh->watched[i].is_new = true;
        struct tg_config_stream *stream = try_new(refresh, &error);
        tell_new(refresh, error.data, telling);
        tg_buffer_deinit(&error);
        if (!stream)
            continue;
        tg_config_stream_free(latest);
        latest = stream;
    }
    free(are_new);
    return latest;
}

struct tg_config_stream *tg_config_refresh_read(struct tg_config_refresh *refresh,
                                                void (*tell)(void *arg, const char *file, const char *why),
                                                void *arg)
{
    const struct telling telling = { tell, arg };
    struct tg_config_stream *stream = NULL;
    struct tg_buffer error = { 0 };
    bool is_any_new = false;
    for (size_t i = 0; i < refresh->files->count; i++)
        is_any_new |= read_one(refresh, i, &telling);
    if (is_any_new)
        stream = try_new(refresh, &error);
    if (stream)
        tell_new(refresh, NULL, &telling);
    else if (is_any_new)
        stream = try_each(refresh, &telling);
    for (size_t i = 0; i < refresh->files->count; i++)
        tg_buffer_deinit(&refresh->watched[i].found);
    tg_buffer_deinit(&error);
    return stream;
}
