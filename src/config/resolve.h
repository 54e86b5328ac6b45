/* The pass over the JSON that puts environment variables and files in. */
#ifndef TIDEGATE_CONFIG_RESOLVE_H
#define TIDEGATE_CONFIG_RESOLVE_H

#include "document.h"

/* Replaces `${NAME}` in every string value and every { "$file": "path" }. What cannot be resolved is an
 * error of the document and stays as it is. Messages never show what a value became. */
void tg_document_resolve(struct tg_document *document);

/* The same for what is below one stream. */
void tg_document_resolve_stream(struct tg_document *document, const char *stream);

/* A `$file` without its last newline. TG_ERR_IO: *ret_why is an errno; TG_ERR_TOO_LARGE: over 1 MiB; TG_ERR_INVALID: not
 * UTF-8. */
enum tg_err tg_document_read_file(const char *name, struct tg_buffer *out, int *ret_why);

/* What was put in somewhere in a stream. */
struct tg_document_secret {
    char *stream;
    char *value;        /* NULL: taken */
    bool is_read_again; /* it goes out to a backend */
    char *file, *shown; /* where it is from, and how that may be shown; NULL: a variable */
    struct tg_buffer content;
};
/* What variables and files stood for in the stream of this name, to be freed with tg_strings_free; NULL: nothing. */
char **tg_document_take_secrets(struct tg_document *document, const char *stream);
void tg_document_forget_secrets(struct tg_document *document);

#endif
