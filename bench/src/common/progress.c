#include "common/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct bench_progress) == 4096, "the file is one page");

static struct bench_progress *map(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return NULL;
    if (status.st_size < (off_t)sizeof(struct bench_progress)) {
        errno = EINVAL; /* touching what lies behind the end of a file ends the process */
        return NULL;
    }
    void *mapped = mmap(NULL, sizeof(struct bench_progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

struct bench_progress *bench_progress_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct bench_progress *progress = map(fd);
    int error = errno;
    close(fd);
    errno = error;
    return progress;
}

uint64_t bench_progress_least(const struct bench_progress *progress)
{
    uint64_t least = BENCH_PROGRESS_UNUSED;
    for (size_t i = 0; i < BENCH_PROGRESS_SLOTS; i++) {
        uint64_t seq = atomic_load_explicit(&progress->slots[i].seq, memory_order_acquire);
        if (seq < least)
            least = seq;
    }
    return least;
}
