/* The document: parsing, finding by path, and the list of errors. */
#include "document.h"
#include "json_syntax.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ERRORS_MAX = 1000,     /* more help nobody */
    KEY_SHOWN_BYTES = 128, /* of a longer key, the rest is left out */
};

struct tg_document_error {
    uint32_t line, column;
    size_t order;
    char *path; /* "" is the root */
    char *text;
};

static void add_to(struct tg_document_error **list, size_t *count, uint32_t line, uint32_t column, char *path,
                   char *text)
{
    if (*count >= ERRORS_MAX) {
        free(path);
        free(text);
        return;
    }
    *list = tg_realloc_array(*list, *count + 1, sizeof((*list)[0]));
    (*list)[*count] = (struct tg_document_error){
        .line = line, .column = column, .order = *count, .path = path, .text = text
    };
    (*count)++;
}

static void add_error(struct tg_document *document, uint32_t line, uint32_t column, char *path, char *text)
{
    add_to(&document->errors, &document->error_count, line, column, path, text);
}

static void add_syntax_error(struct tg_document *document, int line, int column, const char *what)
{
    struct tg_buffer text = { 0 };
    tg_buffer_appendf(&text, "syntax: %s", what);
    add_error(document, line > 0 ? (uint32_t)line : 1, column > 0 ? (uint32_t)column : 1, tg_strdup(""),
              text.data);
}

static void add_syntax_error_at(struct tg_document *document, size_t offset, const char *what)
{
    int line = 1, column = 1;
    for (const char *at = document->text; at < document->text + offset; at++) {
        column = *at == '\n' ? 1 : column + (((unsigned char)*at & 0xc0) != 0x80);
        line += *at == '\n';
    }
    add_syntax_error(document, line, column, what);
}

/* What jansson would only call an invalid token. */
static bool has_foreign_bytes(struct tg_document *document)
{
    const char *text = document->text;
    if (document->length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        add_syntax_error(document, 1, 1,
                         "the file begins with a byte order mark; save it as UTF-8 without one");
        return true;
    }
    size_t blank = 0;
    while (blank < document->length && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    if (blank == document->length) {
        add_syntax_error(document, 1, 1, "the file is empty");
        return true;
    }
    const char *nul = memchr(text, '\0', document->length);
    if (nul) {
        add_syntax_error_at(document, (size_t)(nul - text), "a NUL byte; the file must be UTF-8 text");
        return true;
    }
    return false;
}

/* In words and at a place of ours where jansson's are of no help. */
static void explain_syntax(struct tg_document *document, const json_error_t *error)
{
    struct tg_json_fault fault;
    enum json_error_code code = json_error_code(error);
    bool is_grammar = code == json_error_invalid_syntax || code == json_error_premature_end_of_input ||
                      code == json_error_end_of_input_expected;
    if (code == json_error_null_character || code == json_error_null_byte_in_key)
        add_syntax_error(document, error->line, error->column, "\"\\u0000\" is not allowed");
    else if (is_grammar && tg_json_find_fault(document->text, document->length, &fault))
        add_syntax_error_at(document, fault.at, fault.text);
    else
        add_syntax_error(document, error->line, error->column, error->text);
}

void tg_document_init(struct tg_document *document, const char *name, const char *folder, const char *text,
                      size_t length)
{
    *document = (struct tg_document){ .name = name, .folder = folder, .text = text, .length = length };
    if (has_foreign_bytes(document))
        return;
    json_error_t error;
    document->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!document->root)
        explain_syntax(document, &error);
}

static void free_list(struct tg_document_error *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].path);
        free(list[i].text);
    }
    free(list);
}

void tg_document_deinit(struct tg_document *document)
{
    free_list(document->errors, document->error_count);
    free_list(document->warnings, document->warning_count);
    tg_json_positions_deinit(&document->positions);
    json_decref(document->root);
    *document = (struct tg_document){ 0 };
}

/* The value below `parent` that `step` names, and its number among its siblings. */
static json_t *find_child(json_t *parent, const struct tg_path *step, size_t *ret_number)
{
    if (!step->key) {
        *ret_number = step->index;
        return json_array_get(parent, step->index);
    }
    const char *key;
    json_t *value;
    size_t number = 0;
    json_object_foreach(parent, key, value)
    {
        if (strcmp(key, step->key) == 0) {
            *ret_number = number;
            return value;
        }
        number++;
    }
    return NULL;
}

json_t *tg_document_find(const struct tg_document *document, const struct tg_path *path)
{
    if (!path)
        return document->root;
    json_t *parent = tg_document_find(document, path->up);
    return path->key ? json_object_get(parent, path->key) : json_array_get(parent, path->index);
}

bool tg_document_has(const struct tg_document *document, const struct tg_path *object, const char *key)
{
    return json_object_get(tg_document_find(document, object), key) != NULL;
}

/* As far down as the path leads: a missing key's place is its object's. */
static json_t *find_place(const struct tg_document *document, const struct tg_path *path, size_t *ret_place)
{
    if (!path) {
        *ret_place = 0;
        return document->root;
    }
    size_t place, number;
    json_t *parent = find_place(document, path->up, &place);
    json_t *value = find_child(parent, path, &number);
    *ret_place = value ? tg_json_positions_child(&document->positions, place, number) : place;
    return value;
}

static bool is_simple_word(const char *key)
{
    size_t length = strlen(key);
    return length > 0 && length <= KEY_SHOWN_BYTES &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

static void append_path(struct tg_buffer *out, const struct tg_path *path)
{
    if (!path)
        return;
    append_path(out, path->up);
    if (!path->key) {
        tg_buffer_appendf(out, "[%zu]", path->index);
        return;
    }
    if (out->length > 0)
        tg_buffer_append_str(out, ".");
    if (is_simple_word(path->key)) {
        tg_buffer_append_str(out, path->key);
        return;
    }
    size_t length = strlen(path->key), shown = length < KEY_SHOWN_BYTES ? length : KEY_SHOWN_BYTES;
    while (shown < length && shown > 0 && ((unsigned char)path->key[shown] & 0xc0) == 0x80)
        shown--;
    tg_buffer_append_str(out, "\"");
    tg_buffer_append_json(out, path->key, shown);
    tg_buffer_append_str(out, shown < length ? "…\"" : "\"");
}

static char *path_text(const struct tg_path *path)
{
    struct tg_buffer text = { 0 };
    append_path(&text, path);
    return text.data ? text.data : tg_strdup("");
}

bool tg_document_has_error(const struct tg_document *document, const struct tg_path *path)
{
    char *text = path_text(path);
    size_t length = strlen(text);
    bool is_found = false;
    for (size_t i = 0; i < document->error_count && !is_found; i++) {
        const char *other = document->errors[i].path;
        is_found = strncmp(other, text, length) == 0 &&
                   (length == 0 || other[length] == '\0' || other[length] == '.' || other[length] == '[');
    }
    free(text);
    return is_found;
}

static const struct tg_json_place *place_of(struct tg_document *document, const struct tg_path *path)
{
    if (!document->positions.places)
        tg_json_positions_init(&document->positions, document->text, document->length);
    size_t place;
    find_place(document, path, &place);
    return &document->positions.places[place];
}

/* What stands between the quotes of the string there; empty when it is none. */
static struct tg_str source_of(struct tg_document *document, const struct tg_path *path)
{
    const char *quote = document->text + place_of(document, path)->at;
    const char *end = quote + 1, *limit = document->text + document->length;
    if (quote >= limit || *quote != '"')
        return TG_STR("");
    while (end < limit && *end != '"')
        end += *end == '\\' && end + 1 < limit ? 2 : 1;
    return (struct tg_str){ quote + 1, (size_t)(end - quote - 1) };
}

bool tg_document_may_be_quoted(struct tg_document *document, const struct tg_path *path)
{
    struct tg_str source = source_of(document, path);
    return source.length > 0 && !memmem(source.data, source.length, "${", 2);
}

void tg_document_append_file(struct tg_document *document, const struct tg_path *path, const char *name,
                             struct tg_buffer *out)
{
    struct tg_str source = source_of(document, path);
    if (tg_document_may_be_quoted(document, path))
        tg_buffer_append_str(out, name);
    else
        tg_buffer_append(out, source.data, source.length);
}

static void __attribute__((format(printf, 4, 0)))
note_error(struct tg_document *document, const struct tg_path *path, bool is_at_key, const char *format,
           va_list args)
{
    if (document->error_count >= ERRORS_MAX)
        return;
    if (tg_document_has_error(document, path))
        return;
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = tg_strdup("an error");
    const struct tg_json_place *found = place_of(document, path);
    if (is_at_key && found->key_line > 0)
        add_error(document, found->key_line, found->key_column, path_text(path), text);
    else
        add_error(document, found->line, found->column, path_text(path), text);
}

void tg_document_error(struct tg_document *document, const struct tg_path *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_error(document, path, false, format, args);
    va_end(args);
}

void tg_document_error_at_key(struct tg_document *document, const struct tg_path *path, const char *format,
                              ...)
{
    va_list args;
    va_start(args, format);
    note_error(document, path, true, format, args);
    va_end(args);
}

static int compare_errors(const void *a, const void *b)
{
    const struct tg_document_error *left = a, *right = b;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

/* Syntax errors quote the file as it is, control characters and halves of characters too. */
static void make_printable(char *text)
{
    bool is_utf8 = tg_utf8_is_valid(text, strlen(text));
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8))
            *text = '?';
    }
}

void tg_document_warn(struct tg_document *document, const struct tg_path *path, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = tg_strdup("a warning");
    va_end(args);
    const struct tg_json_place *found = place_of(document, path);
    bool has_key = found->key_line > 0;
    add_to(&document->warnings, &document->warning_count, has_key ? found->key_line : found->line,
           has_key ? found->key_column : found->column, path_text(path), text);
}

char **tg_document_render_warnings(struct tg_document *document)
{
    size_t count = document->warning_count;
    if (count == 0)
        return NULL;
    qsort(document->warnings, count, sizeof(document->warnings[0]), compare_errors);
    char **lines = tg_alloc((count + 1) * sizeof(lines[0]));
    for (size_t i = 0; i < count; i++) {
        const struct tg_document_error *warning = &document->warnings[i];
        struct tg_buffer line = { 0 };
        make_printable(warning->text);
        tg_buffer_appendf(&line, "%s:%" PRIu32 ":%" PRIu32 ": warning: %s: %s", document->name, warning->line,
                          warning->column, warning->path, warning->text);
        lines[i] = line.data;
    }
    return lines;
}

enum tg_err tg_document_render_errors(struct tg_document *document, struct tg_buffer *out)
{
    if (document->error_count > 0)
        qsort(document->errors, document->error_count, sizeof(document->errors[0]), compare_errors);
    enum tg_err err = TG_OK;
    for (size_t i = 0; i < document->error_count && !err; i++) {
        const struct tg_document_error *error = &document->errors[i];
        make_printable(error->text);
        err = tg_buffer_appendf(out, "%s:%" PRIu32 ":%" PRIu32 ": %s%s%s\n", document->name, error->line,
                                error->column, error->path, *error->path ? ": " : "", error->text);
    }
    if (!err && document->error_count >= ERRORS_MAX)
        err = tg_buffer_appendf(out, "%s: too many errors; the rest are not shown\n", document->name);
    return err;
}
