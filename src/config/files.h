/* Files that the configuration consists of or names. */
#ifndef TIDEGATE_CONFIG_FILES_H
#define TIDEGATE_CONFIG_FILES_H

#include "tidegate/base.h"

/* Appends a whole file. TG_ERR_IO: see errno (a folder gives EISDIR); TG_ERR_TOO_LARGE: over `max_bytes`. */
enum tg_err tg_file_read(const char *name, size_t max_bytes, struct tg_buffer *out);

/* 0, or the errno that says why the file cannot be read. */
int tg_file_check_readable(const char *name);

/* The folder of a file, without the slash at its end but for the root's; "" without a slash. */
char *tg_file_folder(const char *name);

/* `name` as seen from `folder`; absolute names and the empty folder change nothing. */
char *tg_file_join(const char *folder, const char *name);

#endif
