/* The pass over the JSON that puts environment variables and files in. */
#ifndef TIDEGATE_CONFIG_RESOLVE_H
#define TIDEGATE_CONFIG_RESOLVE_H

#include "document.h"

/* Replaces `${NAME}` in every string value and every { "$file": "path" }. What cannot be resolved is an
 * error of the document and stays as it is. Messages never show what a value became. */
void tg_document_resolve(struct tg_document *document);

/* What variables and files stood for in the stream of this name, to be freed with tg_strings_free; NULL: nothing. */
char **tg_document_take_secrets(struct tg_document *document, const char *stream);
void tg_document_forget_secrets(struct tg_document *document);

#endif
