/* The counts of connections: one hash table of addresses under a lock, and two atomic numbers. */
#include "limits.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <uthash.h>

enum {
    RESERVED_FILES = 128 + TG_REFUSALS_MAX, /* for listeners, upstreams, loops, logs, and for refusing */
    LEAST_CONNECTIONS = 16,
};

struct tg_address {
    unsigned char key[TG_ADDRESS_KEY_BYTES]; /* the family's length, then the address */
    size_t count;
    UT_hash_handle hh;
};

struct tg_addresses {
    size_t limit;
    pthread_mutex_t lock;
    struct tg_address *table;
};

struct tg_addresses *tg_addresses_new(size_t limit)
{
    struct tg_addresses *addresses = tg_alloc(sizeof(*addresses));
    addresses->limit = limit;
    pthread_mutex_init(&addresses->lock, NULL);
    return addresses;
}

void tg_addresses_free(struct tg_addresses *addresses)
{
    struct tg_address *address, *next;
    if (!addresses)
        return;
    HASH_ITER(hh, addresses->table, address, next)
    {
        HASH_DEL(addresses->table, address);
        free(address);
    }
    pthread_mutex_destroy(&addresses->lock);
    free(addresses);
}

bool tg_address_make_key(const struct sockaddr *peer, unsigned char key[TG_ADDRESS_KEY_BYTES])
{
    memset(key, 0, TG_ADDRESS_KEY_BYTES);
    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)peer;
        key[0] = 4;
        memcpy(key + 1, &in->sin_addr, 4);
        return true;
    }
    if (peer->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)peer;
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    key[0] = is_mapped ? 4 : 8;
    memcpy(key + 1, in6->sin6_addr.s6_addr + (is_mapped ? 12 : 0), key[0]);
    return true;
}

enum tg_err tg_addresses_take(struct tg_addresses *addresses, const struct sockaddr *peer,
                              struct tg_address **ret_address)
{
    unsigned char key[TG_ADDRESS_KEY_BYTES];
    struct tg_address *address;
    enum tg_err err = TG_OK;
    if (addresses->limit == 0 || !tg_address_make_key(peer, key)) {
        *ret_address = NULL;
        return TG_OK;
    }
    pthread_mutex_lock(&addresses->lock);
    HASH_FIND(hh, addresses->table, key, TG_ADDRESS_KEY_BYTES, address);
    if (!address) {
        address = tg_alloc(sizeof(*address));
        memcpy(address->key, key, TG_ADDRESS_KEY_BYTES);
        HASH_ADD(hh, addresses->table, key, TG_ADDRESS_KEY_BYTES, address);
    }
    if (address->count >= addresses->limit) {
        err = TG_ERR_LIMIT;
    } else {
        address->count++;
        *ret_address = address;
    }
    pthread_mutex_unlock(&addresses->lock);
    return err;
}

void tg_addresses_give(struct tg_addresses *addresses, struct tg_address *address)
{
    if (!address)
        return;
    pthread_mutex_lock(&addresses->lock);
    if (--address->count == 0) {
        HASH_DEL(addresses->table, address);
        free(address);
    }
    pthread_mutex_unlock(&addresses->lock);
}

static bool take_one(atomic_size_t *count, size_t limit)
{
    if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < limit)
        return true;
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    return false;
}

enum tg_admission tg_admissions_take(struct tg_admissions *admissions, bool must_refuse)
{
    if (!must_refuse && take_one(&admissions->admitted, admissions->limit))
        return TG_ADMITTED;
    return take_one(&admissions->refused, TG_REFUSALS_MAX) ? TG_REFUSED : TG_TURNED_AWAY;
}

void tg_admissions_give(struct tg_admissions *admissions, enum tg_admission admission)
{
    if (admission == TG_ADMITTED)
        atomic_fetch_sub_explicit(&admissions->admitted, 1, memory_order_relaxed);
    else if (admission == TG_REFUSED)
        atomic_fetch_sub_explicit(&admissions->refused, 1, memory_order_relaxed);
}

size_t tg_limits_leave_room(size_t room, size_t upstreams)
{
    size_t most = room / 2;
    return room - (upstreams < most ? upstreams : most);
}

size_t tg_limits_connections(size_t open_files)
{
    size_t count = open_files > RESERVED_FILES ? open_files - RESERVED_FILES : 0;
    return count > LEAST_CONNECTIONS ? count : LEAST_CONNECTIONS;
}
