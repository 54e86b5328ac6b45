/* The registry: the streams of the process by name. */
#include "tidegate/stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct registered {
    struct tg_stream *stream; /* a reference; the key is its name */
    UT_hash_handle hh;
};

struct tg_registry {
    pthread_rwlock_t lock;
    struct registered *by_name;
};

struct tg_registry *tg_registry_new(void)
{
    struct tg_registry *registry = tg_alloc(sizeof *registry);

    pthread_rwlock_init(&registry->lock, NULL);
    return registry;
}

void tg_registry_free(struct tg_registry *registry)
{
    struct registered *entry, *next;

    if (!registry)
        return;
    HASH_ITER(hh, registry->by_name, entry, next)
    {
        HASH_DEL(registry->by_name, entry);
        tg_stream_unref(entry->stream);
        free(entry);
    }
    pthread_rwlock_destroy(&registry->lock);
    free(registry);
}

static struct registered *find(struct tg_registry *registry, const char *name)
{
    struct registered *entry = NULL;

    HASH_FIND(hh, registry->by_name, name, strlen(name), entry);
    return entry;
}

static int by_name(const struct registered *a, const struct registered *b)
{
    return strcmp(tg_stream_name(a->stream), tg_stream_name(b->stream));
}

enum tg_err tg_registry_add(struct tg_registry *registry, struct tg_stream *stream)
{
    const char *name = tg_stream_name(stream);
    enum tg_err err = TG_ERR_IN_USE;

    pthread_rwlock_wrlock(&registry->lock);
    if (!find(registry, name)) {
        struct registered *entry = tg_alloc(sizeof *entry);
        entry->stream = tg_stream_ref(stream);
        HASH_ADD_KEYPTR_INORDER(hh, registry->by_name, name, strlen(name), entry, by_name);
        err = TG_OK;
    }
    pthread_rwlock_unlock(&registry->lock);
    return err;
}

void tg_registry_each(struct tg_registry *registry, void (*visit)(void *arg, struct tg_stream *stream),
                      void *arg)
{
    pthread_rwlock_rdlock(&registry->lock);
    for (struct registered *entry = registry->by_name; entry; entry = entry->hh.next)
        visit(arg, entry->stream);
    pthread_rwlock_unlock(&registry->lock);
}
