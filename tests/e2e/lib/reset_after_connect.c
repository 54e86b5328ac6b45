/* Preloaded into Tidegate by a test: each connection is reset right after it was made, between the event that says so
 * and the question whether it is true. On a real network this needs bad luck. */
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    int (*real)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
    int rc = real(fd, level, name, value, length);

    if (rc == 0 && level == SOL_SOCKET && name == SO_ERROR)
        *(int *)value = ECONNRESET;
    return rc;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    int rc = real(fd, address, length);

    if (rc == 0) {
        errno = EINPROGRESS;
        return -1;
    }
    return rc;
}
