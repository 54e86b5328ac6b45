/* Reading small files whole, and joining names. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024 };

enum tg_err tg_file_read(const char *name, size_t max_bytes, struct tg_buffer *out)
{
    size_t length_before = out->length;
    enum tg_err err = TG_OK;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return TG_ERR_IO;
    for (;;) {
        err = tg_buffer_reserve(out, READ_BYTES);
        if (err)
            goto fail;
        ssize_t got = read(fd, out->data + out->length, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        err = got < 0 ? TG_ERR_IO : TG_OK;
        if (err)
            goto fail;
        if (got == 0)
            break;
        out->length += (size_t)got;
        out->data[out->length] = '\0';
        err = out->length - length_before > max_bytes ? TG_ERR_TOO_LARGE : TG_OK;
        if (err)
            goto fail;
    }
    close(fd);
    return TG_OK;

fail:
    if (out->data) {
        out->length = length_before;
        out->data[out->length] = '\0';
    }
    int saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return err;
}

int tg_file_check_readable(const char *name)
{
    struct stat status;
    int why = 0;
    /* Not blocking: the name may be a pipe's. */
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    if (fstat(fd, &status) != 0)
        why = errno;
    else if (S_ISDIR(status.st_mode))
        why = EISDIR;
    close(fd);
    return why;
}

char *tg_file_folder(const char *name)
{
    const char *slash = strrchr(name, '/');
    if (!slash)
        return tg_strdup("");
    return slash == name ? tg_strdup("/") : tg_strndup(name, (size_t)(slash - name));
}

char *tg_file_join(const char *folder, const char *name)
{
    if (*name == '/' || !*folder)
        return tg_strdup(name);
    struct tg_buffer joined = { 0 };
    tg_buffer_appendf(&joined, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", name);
    return joined.data;
}
