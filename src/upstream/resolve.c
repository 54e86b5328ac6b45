/* Name lookups through libuv's threads. A cancelled one lives on until its thread is done with it. */
#include "resolve.h"

#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

struct tg_resolve {
    uv_getaddrinfo_t request;
    tg_resolved_fn *on_resolved; /* NULL: cancelled */
    void *arg;
};

static void on_addresses(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct tg_resolve *resolve = TG_CONTAINER_OF(request, struct tg_resolve, request);
    struct tg_addresses addresses = { 0 };

    for (struct addrinfo *item = list; item && addresses.count < TG_ADDRESSES_MAX; item = item->ai_next)
        if (getnameinfo(item->ai_addr, item->ai_addrlen, addresses.text[addresses.count], TG_ADDRESS_BYTES,
                        NULL, 0, NI_NUMERICHOST) == 0)
            addresses.count++;
    uv_freeaddrinfo(list);
    if (resolve->on_resolved)
        resolve->on_resolved(resolve->arg, &addresses,
                             addresses.count ? NULL : (status < 0 ? uv_strerror(status) : "no addresses"));
    free(resolve);
}

struct tg_resolve *tg_resolve_start(struct tg_worker *worker, const char *host, tg_resolved_fn *on_resolved,
                                    void *arg)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct tg_resolve *resolve = tg_alloc(sizeof(*resolve));

    resolve->on_resolved = on_resolved;
    resolve->arg = arg;
    if (uv_getaddrinfo(tg_worker_loop(worker), &resolve->request, on_addresses, host, NULL, &hints) < 0) {
        free(resolve);
        return NULL;
    }
    return resolve;
}

void tg_resolve_cancel(struct tg_resolve *resolve)
{
    if (!resolve)
        return;
    resolve->on_resolved = NULL;
    uv_cancel((uv_req_t *)&resolve->request);
}
