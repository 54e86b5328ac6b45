/* Families: making members, joining and leaving them. See family.h for the structure. */
#include "family.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct tg_family *tg_family_new(const struct tg_family_options *options)
{
    struct tg_family *family = tg_alloc(sizeof *family);

    family->options = *options;
    family->name = tg_strdup(options->name);
    family->options.name = family->name;
    tg_random_bytes(family->hash_secret, sizeof family->hash_secret);
    pthread_mutex_init(&family->lock, NULL);
    return family;
}

/* ---- under the lock --------------------------------------------------------------------------- */

static unsigned hash_of(const struct tg_family *family, struct tg_str key)
{
    return (unsigned)key_hash(family->hash_secret, key.data, key.length);
}

struct family_member *family_find(struct tg_family *family, struct tg_str key)
{
    struct family_member *member = NULL;

    HASH_FIND_BYHASHVALUE(hh, family->by_key, key.data, key.length, hash_of(family, key), member);
    return member;
}

/* "<name>/<key>"; a session's key is a secret, so its stream has the family's name. To be freed. */
static char *make_name(const struct tg_family *family, struct tg_str key, bool is_secret)
{
    size_t length = strlen(family->name);
    char *name;

    if (is_secret)
        return tg_strdup(family->name);
    name = tg_alloc(length + 1 + key.length + 1);
    memcpy(name, family->name, length);
    name[length] = '/';
    if (key.length)
        memcpy(name + length + 1, key.data, key.length);
    return name;
}

/* Until it has a writer. */
static void on_early_message(void *arg)
{
    (void)arg;
}

static struct tg_stream *make_stream(const struct tg_family *family, struct tg_str key, const char *epoch)
{
    char *name = make_name(family, key, epoch != NULL);
    struct tg_stream *stream = tg_stream_new(&(struct tg_stream_options){
        .name = name,
        .retain_events = family->options.retain_events,
        .retain_bytes = family->options.retain_bytes,
        .retain_age_ms = family->options.retain_age_ms,
        .epoch = epoch,
    });

    free(name);
    if (stream)
        tg_stream_on_outgoing(stream, on_early_message, NULL);
    return stream;
}

enum tg_err family_add(struct tg_family *family, struct tg_str key, const char *epoch,
                       struct family_member **ret_member)
{
    struct family_member *member;
    struct tg_stream *stream;

    if (HASH_COUNT(family->by_key) >= family->options.max_members) {
        family->refused++;
        return TG_ERR_LIMIT;
    }
    stream = make_stream(family, key, epoch);
    if (!stream)
        return TG_ERR_MEMORY;
    member = tg_alloc(sizeof *member + key.length);
    member->family = family;
    member->stream = stream;
    stream->member = member;
    if (key.length)
        memcpy(member->key, key.data, key.length);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, family->by_key, member->key, key.length, hash_of(family, key), member);
    DL_APPEND2(family->all, member, prev, next);
    *ret_member = member;
    return TG_OK;
}

void family_hold(struct family_member *member)
{
    tg_stream_ref(member->stream);
    member->holds++;
    family_settle(member);
}

void family_remove(struct family_member *member)
{
    struct tg_family *family = member->family;

    member->has_gone = true;
    family_settle(member);
    HASH_DELETE(hh, family->by_key, member);
    DL_DELETE2(family->all, member, prev, next);
}

/* ---- without the lock ------------------------------------------------------------------------- */

void family_member_detach(struct family_member *member)
{
    pthread_mutex_lock(&member->stream->demand_lock);
    member->stream->member = NULL;
    pthread_mutex_unlock(&member->stream->demand_lock);
}

void family_member_free(struct family_member *member)
{
    tg_stream_unref(member->stream);
    free(member->values);
    free(member);
}

/* Nobody writes into the stream, and others may have joined it meanwhile: it ends, so that they do not wait. */
static void give_up(struct family_member *member)
{
    struct tg_family *family = member->family;
    struct tg_stream *stream = member->stream;

    pthread_mutex_lock(&family->lock);
    family_remove(member);
    pthread_mutex_unlock(&family->lock);
    tg_stream_end(stream, NULL, 0);
    tg_family_leave(family, stream);
}

enum tg_err family_enter(struct family_member *member, bool is_new, const struct tg_opening *opening,
                         struct tg_stream **ret_stream)
{
    struct tg_family *family = member->family;
    enum tg_err err;

    tg_stream_subscriber_added(member->stream);
    if (is_new) {
        err = family->options.hooks.open(family->options.hooks.arg, member->stream, opening);
        if (err != TG_OK) {
            give_up(member);
            return err;
        }
        pthread_mutex_lock(&family->lock);
        family->opened++;
        pthread_mutex_unlock(&family->lock);
    }
    *ret_stream = member->stream;
    return TG_OK;
}

enum tg_err tg_family_join(struct tg_family *family, struct tg_str key, const struct tg_opening *opening,
                           struct tg_stream **ret_stream)
{
    enum tg_err err = TG_OK;
    struct family_member *member;
    bool is_new;

    pthread_mutex_lock(&family->lock);
    member = family_find(family, key);
    is_new = !member;
    if (is_new)
        err = family_add(family, key, NULL, &member);
    if (err == TG_OK)
        family_hold(member);
    pthread_mutex_unlock(&family->lock);
    return err == TG_OK ? family_enter(member, is_new, opening, ret_stream) : err;
}

void tg_family_leave(struct tg_family *family, struct tg_stream *stream)
{
    /* Not under a lock: who holds the member keeps it there. */
    struct family_member *member = stream->member;
    bool is_over;

    assert(member && member->family == family);
    tg_stream_subscriber_removed(stream);
    pthread_mutex_lock(&family->lock);
    member->holds--;
    family_settle(member);
    is_over = member->has_gone && member->holds == 0;
    pthread_mutex_unlock(&family->lock);
    if (is_over) {
        family_member_detach(member);
        family_member_free(member);
    }
    tg_stream_unref(stream);
}
