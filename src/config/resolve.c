/* Environment variables and files in values. It runs before anything looks at types, so that both work
 * wherever a value may stand. */
#include "resolve.h"
#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1 << 20 };

/* ---- what was found ------------------------------------------------------------------------------ */

/* "streams" and the stream's name, and the keys below it; NULL where the path is shorter. */
struct steps {
    const char *root, *stream, *part, *option;
};

static struct steps first_steps(const struct tg_path *path)
{
    const struct tg_path *last[4] = { NULL };
    for (const struct tg_path *at = path; at; at = at->up) {
        memmove(last + 1, last, 3 * sizeof(last[0]));
        last[0] = at;
    }
    return (struct steps){ last[0] ? last[0]->key : NULL, last[1] ? last[1]->key : NULL,
                           last[2] ? last[2]->key : NULL, last[3] ? last[3]->key : NULL };
}

static bool is_key(const char *key, const char *expected)
{
    return key && strcmp(key, expected) == 0;
}

/* What goes out to a backend. */
static bool is_read_again(const struct steps *steps)
{
    if (is_key(steps->part, "session"))
        return is_key(steps->option, "message");
    return is_key(steps->part, "upstream") && !is_key(steps->option, "tls");
}

/* NULL: it is in no stream. */
static struct tg_document_secret *note_secret(struct tg_document *document, const struct tg_path *path,
                                              const char *value)
{
    const struct steps steps = first_steps(path);
    if (!is_key(steps.root, "streams") || !steps.stream)
        return NULL;
    document->secrets =
        tg_realloc_array(document->secrets, document->secret_count + 1, sizeof(document->secrets[0]));
    struct tg_document_secret *secret = &document->secrets[document->secret_count++];
    *secret = (struct tg_document_secret){ .stream = tg_strdup(steps.stream), .value = tg_strdup(value) };
    secret->is_read_again = is_read_again(&steps);
    return secret;
}

static void note_file(struct tg_document *document, const struct tg_path *path, const char *name,
                      const char *shown, json_t *content)
{
    struct tg_document_secret *secret =
        note_secret(document, path, tg_text_or_empty(json_string_value(content)));
    if (!secret)
        return;
    secret->file = tg_strdup(name);
    secret->shown = tg_strdup(tg_text_or_empty(shown));
    tg_buffer_append(&secret->content, tg_text_or_empty(json_string_value(content)),
                     json_string_length(content));
}

char **tg_document_take_secrets(struct tg_document *document, const char *stream)
{
    size_t count = 0;
    char **taken = tg_alloc((document->secret_count + 1) * sizeof(taken[0]));
    for (size_t i = 0; i < document->secret_count; i++) {
        struct tg_document_secret *secret = &document->secrets[i];
        if (secret->value && *secret->value && strcmp(secret->stream, stream) == 0) {
            taken[count++] = secret->value;
            secret->value = NULL;
        }
    }
    if (count > 0)
        return taken;
    free(taken);
    return NULL;
}

void tg_document_forget_secrets(struct tg_document *document)
{
    for (size_t i = 0; i < document->secret_count; i++) {
        struct tg_document_secret *secret = &document->secrets[i];
        free(secret->stream);
        free(secret->value);
        free(secret->file);
        free(secret->shown);
        tg_buffer_deinit(&secret->content);
    }
    free(document->secrets);
    document->secrets = NULL;
    document->secret_count = 0;
}

/* ---- variables ----------------------------------------------------------------------------------- */

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The length of NAME in "NAME}"; 0 when it is none. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    if (!is_name_start(text[0]))
        return 0;
    while (is_name_start(text[length]) || (text[length] >= '0' && text[length] <= '9'))
        length++;
    return text[length] == '}' ? length : 0;
}

/* Appends the variable at the front of "${NAME}…" and returns the length of what it replaces; 0 after an
 * error. */
static size_t expand_variable(struct tg_document *document, const struct tg_path *path, const char *text,
                              struct tg_buffer *out)
{
    size_t length = name_length(text + 2);
    if (length == 0) {
        tg_document_error(
            document, path,
            "expected an environment variable such as \"${NAME}\"; a literal \"${\" is written \"$${\"");
        return 0;
    }
    char *name = tg_strndup(text + 2, length);
    const char *value = getenv(name);
    bool is_good = value && tg_utf8_is_valid(value, strlen(value));
    if (!value)
        tg_document_error(document, path, "the environment variable %.100s is not set", name);
    else if (!is_good)
        tg_document_error(document, path, "the environment variable %.100s is not UTF-8", name);
    else
        tg_buffer_append_str(out, value);
    if (is_good)
        note_secret(document, path, value);
    free(name);
    return is_good ? length + 3 : 0;
}

static json_t *resolve_string(struct tg_document *document, const struct tg_path *path, json_t *value)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (!memmem(text, length, "${", 2))
        return NULL;
    struct tg_buffer out = { 0 };
    json_t *resolved = NULL;
    for (size_t at = 0; at < length;) {
        if (length - at >= 3 && memcmp(text + at, "$${", 3) == 0) {
            tg_buffer_append_str(&out, "${");
            at += 3;
        } else if (length - at >= 2 && memcmp(text + at, "${", 2) == 0) {
            size_t taken = expand_variable(document, path, text + at, &out);
            if (taken == 0)
                goto fail;
            at += taken;
        } else {
            tg_buffer_append(&out, text + at++, 1);
        }
    }
    resolved = json_stringn(out.data ? out.data : "", out.length);
fail:
    tg_buffer_deinit(&out);
    return resolved;
}

/* ---- files --------------------------------------------------------------------------------------- */

static void drop_newline(struct tg_buffer *content)
{
    size_t length = content->length;
    if (length == 0 || content->data[length - 1] != '\n')
        return;
    length--;
    if (length > 0 && content->data[length - 1] == '\r')
        length--;
    content->length = length;
    content->data[length] = '\0';
}

enum tg_err tg_document_read_file(const char *name, struct tg_buffer *out, int *ret_why)
{
    struct tg_buffer content = { 0 };
    enum tg_err err = tg_file_read(name, FILE_MAX_BYTES, &content);
    *ret_why = err == TG_ERR_IO ? errno : 0;
    if (!err && !tg_utf8_is_valid(content.data, content.length))
        err = TG_ERR_INVALID;
    if (err) {
        tg_buffer_deinit(&content);
        return err;
    }
    drop_newline(&content);
    *out = content;
    return TG_OK;
}

/* From the document's own list, if it has one. */
static enum tg_err get_content(const struct tg_document *document, const char *name, struct tg_buffer *out,
                               int *ret_why)
{
    *ret_why = ENOENT;
    if (!document->known)
        return tg_document_read_file(name, out, ret_why);
    for (size_t i = 0; i < document->known_count; i++) {
        if (strcmp(document->known[i].name, name) == 0)
            return tg_buffer_append(out, document->known[i].content.data, document->known[i].content.length);
    }
    return TG_ERR_IO;
}

static json_t *resolve_file(struct tg_document *document, const struct tg_path *path, json_t *value)
{
    json_t *name = json_object_get(value, "$file"), *resolved = NULL;
    struct tg_path inner = TG_PATH_KEY(path, "$file");
    if (json_object_size(value) != 1) {
        tg_document_error(document, path, "expected no other key beside \"$file\"");
        return NULL;
    }
    if (!json_is_string(name) || strlen(json_string_value(name)) != json_string_length(name) ||
        json_string_length(name) == 0) {
        tg_document_error(document, &inner, "expected the name of a file");
        return NULL;
    }
    struct tg_buffer content = { 0 };
    char *file = tg_file_join(document->folder, json_string_value(name));
    struct tg_buffer shown = { 0 };
    tg_document_append_file(document, &inner, file, &shown);
    int why;
    enum tg_err err = get_content(document, file, &content, &why);
    if (err == TG_ERR_IO) {
        tg_document_error(document, &inner, "cannot read the file \"%s\": %s", shown.data, strerror(why));
    } else if (err == TG_ERR_TOO_LARGE) {
        tg_document_error(document, &inner, "expected a file of at most 1MiB: \"%s\" is larger", shown.data);
    } else if (err == TG_ERR_INVALID) {
        tg_document_error(document, &inner, "expected a file of UTF-8 text, which \"%s\" is not", shown.data);
    } else if (err) {
        tg_document_error(document, &inner, "cannot read the file \"%s\": %s", shown.data, tg_err_text(err));
    } else {
        resolved = json_stringn(tg_text_or_empty(content.data), content.length);
        note_file(document, path, file, shown.data, resolved);
    }
    free(file);
    tg_buffer_deinit(&shown);
    tg_buffer_deinit(&content);
    return resolved;
}

static json_t *resolve_value(struct tg_document *document, const struct tg_path *path, json_t *value);

static void resolve_object(struct tg_document *document, const struct tg_path *path, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        struct tg_path inner = TG_PATH_KEY(path, key);
        json_t *resolved = resolve_value(document, &inner, value);
        /* By the iterator: it keeps the member's place, on which the positions depend. */
        if (resolved)
            json_object_iter_set_new(object, json_object_key_to_iter(key), resolved);
    }
}

/* What takes the place of the value; NULL when it stays. */
static json_t *resolve_value(struct tg_document *document, const struct tg_path *path, json_t *value)
{
    if (json_is_string(value))
        return resolve_string(document, path, value);
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            struct tg_path inner = TG_PATH_INDEX(path, i);
            json_t *resolved = resolve_value(document, &inner, json_array_get(value, i));
            if (resolved)
                json_array_set_new(value, i, resolved);
        }
        return NULL;
    }
    if (!json_is_object(value))
        return NULL;
    resolve_object(document, path, value);
    struct tg_path file = TG_PATH_KEY(path, "$file");
    if (!json_object_get(value, "$file") || tg_document_has_error(document, &file))
        return NULL;
    return resolve_file(document, path, value);
}

void tg_document_resolve(struct tg_document *document)
{
    /* The root itself is no value of any option, so there is nothing to put in its place. */
    if (json_is_object(document->root))
        resolve_object(document, NULL, document->root);
}

void tg_document_resolve_stream(struct tg_document *document, const char *stream)
{
    struct tg_path streams = TG_PATH_KEY(NULL, "streams"), path = TG_PATH_KEY(&streams, stream);
    resolve_object(document, &path, tg_document_find(document, &path));
}
