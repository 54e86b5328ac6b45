/* Comments in option objects: the key "$comment". */
#ifndef TIDEGATE_CONFIG_COMMENTS_H
#define TIDEGATE_CONFIG_COMMENTS_H

#include "document.h"
#include "options.h"

#define TG_COMMENT_KEY "$comment"

/* Puts null in the place of each comment. */
void tg_document_empty_comments(struct tg_document *document);

#endif
