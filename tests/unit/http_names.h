/* Name lookups of the test's own, in place of the system's: libcurl and libuv call this function. Names that end with
 * ".test" are this machine, but for gone.test, which does not exist, and slow.test, which waits for names_gate. */
#ifndef TIDEGATE_TESTS_HTTP_NAMES_H
#define TIDEGATE_TESTS_HTTP_NAMES_H

#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <string.h>

static sem_t names_gate;  /* one post lets one lookup through */
static sem_t names_asked; /* one post for each lookup of slow.test that has begun */
static sem_t names_found; /* one for each that was let through */

typedef int names_lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict ret_list)
{
    names_lookup_fn *real;
    size_t length = host ? strlen(host) : 0;

    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (length < 5 || strcmp(host + length - 5, ".test") != 0)
        return real(host, service, hints, ret_list);
    if (strcmp(host, "gone.test") == 0)
        return EAI_NONAME;
    if (strcmp(host, "slow.test") == 0) {
        sem_post(&names_asked);
        sem_wait(&names_gate);
        sem_post(&names_found);
    }
    return real("127.0.0.1", service, hints, ret_list);
}

#endif
