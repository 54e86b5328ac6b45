/* A reader of our log that has stopped reading must not stop us: a line waits a moment for room, and once
 * one has waited in vain the following ones do not wait at all, until there is room again.
 *
 * The descriptor stays in blocking mode, since its open file is shared with others, perhaps with a shell. So
 * room is asked for before each write: of a pipe, poll() then promises PIPE_BUF bytes; of a unix socket,
 * more. A line that got only half through is ended before the next one begins. */
#include "log_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

enum { PATIENCE_MS = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_stuck;    /* the last line found no room */
static bool is_mid_line; /* and was cut off */
static uint32_t dropped;

/* Also true when there is nobody: then the write fails, at once. */
static bool has_room(void)
{
    struct pollfd output = { .fd = STDERR_FILENO, .events = POLLOUT };
    int count;
    do {
        count = poll(&output, 1, is_stuck ? 0 : PATIENCE_MS);
    } while (count < 0 && errno == EINTR);
    return count != 0;
}

/* False: there was no room for all of it. */
static bool put(const char *bytes, size_t length)
{
    while (length > 0) {
        if (!has_room())
            return false;
        ssize_t written = write(STDERR_FILENO, bytes, length < PIPE_BUF ? length : PIPE_BUF);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) /* the disk is full, or nobody is there: nobody to tell */
            return true;
        bytes += written;
        length -= (size_t)written;
        is_mid_line = length > 0;
    }
    return true;
}

uint32_t log_output_write(const char *bytes, size_t length)
{
    uint32_t was_dropped = 0;
    pthread_mutex_lock(&lock);
    is_stuck = (is_mid_line && !put("\n", 1)) || !put(bytes, length);
    if (is_stuck) {
        dropped += dropped < UINT32_MAX;
    } else {
        was_dropped = dropped;
        dropped = 0;
    }
    pthread_mutex_unlock(&lock);
    return was_dropped;
}
