/* A configuration text while it is being read: its JSON, and the errors found in it, by place. */
#ifndef TIDEGATE_CONFIG_DOCUMENT_H
#define TIDEGATE_CONFIG_DOCUMENT_H

#include "json_positions.h"
#include "tidegate/base.h"

#include <jansson.h>

/* One step from the root to a value. Paths live on the stack, each step pointing up to the one before;
 * NULL is the root. */
struct tg_path {
    const struct tg_path *up;
    const char *key; /* NULL: the step is an index */
    size_t index;
};
#define TG_PATH_KEY(up_path, k) ((struct tg_path){ .up = (up_path), .key = (k) })
#define TG_PATH_INDEX(up_path, i) ((struct tg_path){ .up = (up_path), .index = (i) })

struct tg_known_file {
    char *name;
    struct tg_buffer content;
};

struct tg_document {
    const char *name;   /* stands before the line number in messages */
    const char *folder; /* where relative file names start; "" is the working folder */
    const char *text;
    size_t length;
    bool ignores_files;                 /* files that values name are not looked at */
    json_t *root;                       /* NULL after a syntax error */
    struct tg_json_positions positions; /* made with the first error */
    struct tg_document_error *errors, *warnings;
    size_t error_count, warning_count;
    const struct tg_known_file *known;  /* what files hold, of which none is read then; NULL: each is read */
    size_t known_count;
    struct tg_document_secret *secrets; /* resolve.c */
    size_t secret_count;
};

/* Parses `text`. All arguments are borrowed and must outlive the document. Syntax errors are errors of
 * the document. */
void tg_document_init(struct tg_document *document, const char *name, const char *folder, const char *text,
                      size_t length);
void tg_document_deinit(struct tg_document *document);

/* The value there, borrowed; NULL when there is none. */
json_t *tg_document_find(const struct tg_document *document, const struct tg_path *path);

/* Whether the string there was written as it is: one that comes from a variable or a file may be a secret, and is never
 * quoted. */
bool tg_document_may_be_quoted(struct tg_document *document, const struct tg_path *path);

/* Appends the name of the file that the string there stands for: `name`, or, since a variable may hold a secret where a
 * name should be, the string as it was written when that has variables in it. */
void tg_document_append_file(struct tg_document *document, const struct tg_path *path, const char *name,
                             struct tg_buffer *out);

/* Whether the object there has the key. */
bool tg_document_has(const struct tg_document *document, const struct tg_path *object, const char *key);

/* Notes that what stands at the path is wrong; at the key of it, where that is the wrong part. A missing
 * value's place is its object's. The first error at a path or below it wins: what follows from it is not
 * worth a line. */
void tg_document_error(struct tg_document *document, const struct tg_path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tg_document_error_at_key(struct tg_document *document, const struct tg_path *path, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));
/* Whether there is an error at the path or below it. */
bool tg_document_has_error(const struct tg_document *document, const struct tg_path *path);

/* Notes that what stands at the path is most likely a mistake. The place is that of its key, in objects. */
void tg_document_warn(struct tg_document *document, const struct tg_path *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The warnings, one line each, sorted by place; NULL-terminated, NULL when there are none. The caller owns them. */
char **tg_document_render_warnings(struct tg_document *document);

/* Appends the errors, one a line, sorted by place. */
enum tg_err tg_document_render_errors(struct tg_document *document, struct tg_buffer *out);

#endif
