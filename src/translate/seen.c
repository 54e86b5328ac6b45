/* The ring and its table: see seen.h. */
#include "seen.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64, SALT_BYTES = 16 };

struct tg_seen {
    struct tg_seen_key *ring;
    size_t capacity, remember, count;
    size_t oldest;   /* counts once the ring is full for good */
    uint32_t *table; /* place in the ring plus one; 0: free */
    size_t mask;     /* the table's size, a power of two, minus one */
    EVP_MD *digest;
    EVP_MD_CTX *context;
    unsigned char salt[SALT_BYTES];
};

struct tg_seen *tg_seen_new(size_t remember)
{
    struct tg_seen *seen = tg_alloc(sizeof(*seen));

    seen->remember = remember < UINT32_MAX / 4 ? remember : UINT32_MAX / 4;
    seen->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    seen->context = EVP_MD_CTX_new();
    tg_random_bytes(seen->salt, sizeof(seen->salt));
    return seen;
}

void tg_seen_free(struct tg_seen *seen)
{
    if (!seen)
        return;
    EVP_MD_CTX_free(seen->context);
    EVP_MD_free(seen->digest);
    free(seen->ring);
    free(seen->table);
    free(seen);
}

bool tg_seen_make_key(struct tg_seen *seen, struct tg_str first, struct tg_str second,
                      struct tg_seen_key *ret_key)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    uint64_t first_length = first.length;

    if (!seen->digest || !seen->context || !EVP_DigestInit_ex2(seen->context, seen->digest, NULL) ||
        !EVP_DigestUpdate(seen->context, seen->salt, sizeof(seen->salt)) ||
        !EVP_DigestUpdate(seen->context, &first_length, sizeof(first_length)) ||
        !EVP_DigestUpdate(seen->context, first.data, first.length) ||
        !EVP_DigestUpdate(seen->context, second.data, second.length) ||
        !EVP_DigestFinal_ex(seen->context, bytes, NULL))
        return false;
    memcpy(ret_key, bytes, sizeof(*ret_key));
    return true;
}

static bool is_same(const struct tg_seen_key *a, const struct tg_seen_key *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

static size_t home_of(const struct tg_seen *seen, uint32_t entry)
{
    return seen->ring[entry - 1].words[0] & seen->mask;
}

bool tg_seen_has(const struct tg_seen *seen, const struct tg_seen_key *key)
{
    if (seen->count == 0)
        return false;
    for (size_t slot = key->words[0] & seen->mask; seen->table[slot]; slot = (slot + 1) & seen->mask) {
        if (is_same(&seen->ring[seen->table[slot] - 1], key))
            return true;
    }
    return false;
}

static void insert(struct tg_seen *seen, uint32_t entry)
{
    size_t slot = home_of(seen, entry);

    while (seen->table[slot])
        slot = (slot + 1) & seen->mask;
    seen->table[slot] = entry;
}

/* Entries behind the hole that could have been at its place or before it move up, so that no walk ends there early. */
static void remove_entry(struct tg_seen *seen, uint32_t entry)
{
    size_t hole = home_of(seen, entry);

    while (seen->table[hole] != entry)
        hole = (hole + 1) & seen->mask;
    for (size_t slot = (hole + 1) & seen->mask; seen->table[slot]; slot = (slot + 1) & seen->mask) {
        size_t from_home = (slot - home_of(seen, seen->table[slot])) & seen->mask;
        if (from_home >= ((slot - hole) & seen->mask)) {
            seen->table[hole] = seen->table[slot];
            hole = slot;
        }
    }
    seen->table[hole] = 0;
}

/* The ring has not gone round yet, so that its order stays as it is. */
static bool grow(struct tg_seen *seen)
{
    size_t capacity = seen->capacity ? seen->capacity * 2 : FIRST_CAPACITY, size = FIRST_CAPACITY;

    if (capacity > seen->remember)
        capacity = seen->remember;
    while (size < capacity * 2)
        size *= 2;
    uint32_t *table = calloc(size, sizeof(*table));
    struct tg_seen_key *ring = table ? realloc(seen->ring, capacity * sizeof(*ring)) : NULL;
    if (!ring) {
        free(table);
        return false;
    }
    free(seen->table);
    seen->table = table;
    seen->mask = size - 1;
    seen->ring = ring;
    seen->capacity = capacity;
    for (size_t i = 0; i < seen->count; i++)
        insert(seen, (uint32_t)(i + 1));
    return true;
}

void tg_seen_add(struct tg_seen *seen, const struct tg_seen_key *key)
{
    size_t place = seen->count;

    /* After a failure the ring stays as small as it is, or goes without if there is none. */
    if (seen->count == seen->capacity && seen->capacity < seen->remember && !grow(seen) && seen->capacity > 0)
        seen->remember = seen->capacity;
    if (seen->capacity == 0)
        return;
    if (seen->count < seen->capacity) {
        seen->count++;
    } else {
        place = seen->oldest;
        remove_entry(seen, (uint32_t)(place + 1));
        seen->oldest = (seen->oldest + 1) % seen->capacity;
    }
    seen->ring[place] = *key;
    insert(seen, (uint32_t)(place + 1));
}
