/* The field lines of a parsed request head, by name (RFC 9110 section 5). Pure; views lie in the parsed bytes. */
#ifndef TIDEGATE_DOWNSTREAM_FIELDS_H
#define TIDEGATE_DOWNSTREAM_FIELDS_H

#include "tidegate/base.h"

/* `fields` is what is left of tg_request_head.fields. Takes the next line off it; false at its end. */
bool tg_fields_next(struct tg_str *fields, struct tg_str *ret_name, struct tg_str *ret_value);

/* The values of all fields of this name, joined by ", " (RFC 9110 section 5.3), those of Cookie by "; " (RFC 9113 section
 * 8.2.3). Appends to `out`. TG_ERR_NOT_FOUND: there is no such field. TG_ERR_MEMORY. */
enum tg_err tg_fields_join(struct tg_str fields, const char *name, struct tg_buffer *out);

/* The value of the one field of this name. TG_ERR_NOT_FOUND: there is none. TG_ERR_INVALID: there is more than one. */
enum tg_err tg_fields_only(struct tg_str fields, const char *name, struct tg_str *ret_value);

/* The value of the first cookie of this name (RFC 6265 section 5.4); names differ by case. False: there is none. */
bool tg_fields_cookie(struct tg_str fields, const char *name, struct tg_str *ret_value);

/* The content has a coding other than identity (RFC 9110 section 8.4). */
bool tg_fields_has_coding(struct tg_str fields);

#endif
