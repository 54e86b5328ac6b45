/* The cursor of a poll: read in one answer, put into the next request. Pure. */
#ifndef TIDEGATE_UPSTREAM_POLL_CURSOR_H
#define TIDEGATE_UPSTREAM_POLL_CURSOR_H

#include "tidegate/config.h"

/* Replaces *cursor with the string or the number (as written) at the JSON pointer config->from, or with the integer
 * there and config->add. TG_ERR_CLOSED: the answer says that there is nothing further (null, "", an empty list whose
 * last element is asked for); TG_ERR_NOT_FOUND: there is no cursor, and *ret_finds is what is there instead. Then, and
 * when memory is out, the cursor stays. */
enum tg_err tg_poll_cursor_read(const struct tg_config_cursor *config, struct tg_str text,
                                struct tg_buffer *cursor, bool *ret_is_number, const char **ret_finds);
/* Appends `path` with one more query parameter. TG_ERR_TOO_LARGE: it is longer than TG_TARGET_PATH_MAX. */
enum tg_err tg_poll_cursor_add_to_path(struct tg_buffer *out, const char *path, const char *name,
                                       struct tg_str cursor);
/* Appends the JSON text `body` with the cursor in the place of the JSON pointer: instead of the value that is there, or
 * as a new member, in new objects if need be. TG_ERR_INVALID: `body` is not JSON, or has something else on the way. */
enum tg_err tg_poll_cursor_add_to_body(struct tg_buffer *out, struct tg_str body, const char *pointer,
                                       struct tg_str cursor, bool is_number);

#endif
