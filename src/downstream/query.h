/* Picks parameters out of a query string (WHATWG URL section 5.1, application/x-www-form-urlencoded). Pure. */
#ifndef TIDEGATE_DOWNSTREAM_QUERY_H
#define TIDEGATE_DOWNSTREAM_QUERY_H

#include "tidegate/base.h"

/* The first parameter of this name with a value that is not empty, decoded ("+" is a space; a broken escape
 * stands for itself). Appends to `out`; false, and nothing appended, when there is none. */
bool tg_query_get(struct tg_str query, const char *name, struct tg_buffer *out);

/* Appends the parameters with one of these names, or, where one of the names is "*", all but those with one of the
 * `others`; each as it was sent, in the order in which they were. Both lists end with NULL, or are NULL. */
enum tg_err tg_query_filter(struct tg_str query, char *const *names, char *const *others,
                            struct tg_buffer *out);

#endif
