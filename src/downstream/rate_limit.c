/* Token buckets in a set-associative table. Tokens are counted in thousandths: `per_second` of them come each
 * millisecond. */
#include "rate_limit.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, TAG_BYTES = 16, SECRET_BYTES = 16, TOKEN = 1000 };

#define RATE_MAX (UINT64_C(1) << 32) /* of per_second and burst: no sum of what follows overflows */

struct bucket {
    unsigned char tag[TAG_BYTES];
    uint64_t tokens, capacity;
    uint64_t since_ms; /* when it had them */
    uint64_t per_second;
};

struct tg_rate_limit {
    pthread_mutex_t lock;
    unsigned char secret[SECRET_BYTES];
    size_t set_count; /* a power of two */
    struct bucket *buckets;
};

struct tg_rate_limit *tg_rate_limit_new(size_t bucket_count)
{
    struct tg_rate_limit *limit = tg_alloc(sizeof(*limit));
    pthread_mutex_init(&limit->lock, NULL);
    tg_random_bytes(limit->secret, sizeof(limit->secret));
    for (limit->set_count = 1; limit->set_count * WAYS < bucket_count;)
        limit->set_count *= 2;
    limit->buckets = tg_alloc(limit->set_count * WAYS * sizeof(*limit->buckets));
    return limit;
}

void tg_rate_limit_free(struct tg_rate_limit *limit)
{
    if (!limit)
        return;
    pthread_mutex_destroy(&limit->lock);
    free(limit->buckets);
    free(limit);
}

/* The set by the one half of the digest, the tag is the other. */
static struct bucket *find_set(const struct tg_rate_limit *limit, struct tg_str key,
                               unsigned char ret_tag[TAG_BYTES])
{
    unsigned char digest[2 * TAG_BYTES] = { 0 };
    struct tg_buffer bytes = { 0 };
    if (!tg_buffer_append(&bytes, limit->secret, SECRET_BYTES) &&
        !tg_buffer_append(&bytes, key.data, key.length))
        (void)EVP_Digest(bytes.data, bytes.length, digest, NULL, EVP_sha256(), NULL);
    tg_buffer_deinit(&bytes);
    uint64_t place;
    memcpy(&place, digest, sizeof(place));
    memcpy(ret_tag, digest + TAG_BYTES, TAG_BYTES);
    return &limit->buckets[(size_t)(place & (limit->set_count - 1)) * WAYS];
}

static void refill(struct bucket *bucket, uint64_t now_ms)
{
    uint64_t missing = bucket->capacity - bucket->tokens;
    uint64_t elapsed_ms = now_ms > bucket->since_ms ? now_ms - bucket->since_ms : 0;
    if (bucket->per_second == 0 || elapsed_ms > missing / bucket->per_second)
        bucket->tokens = bucket->capacity;
    else
        bucket->tokens += elapsed_ms * bucket->per_second;
    if (now_ms > bucket->since_ms)
        bucket->since_ms = now_ms;
}

static uint64_t missing_in(struct bucket *bucket, uint64_t now_ms)
{
    refill(bucket, now_ms);
    return bucket->capacity - bucket->tokens;
}

static struct bucket *find_bucket(struct bucket *set, const unsigned char *tag, const struct tg_rate *rate,
                                  uint64_t now_ms)
{
    struct bucket *fullest = &set[0];
    for (int way = 0; way < WAYS; way++) {
        if (memcmp(set[way].tag, tag, TAG_BYTES) == 0 && set[way].capacity > 0)
            return &set[way];
        if (missing_in(&set[way], now_ms) < missing_in(fullest, now_ms))
            fullest = &set[way];
    }
    uint64_t burst = rate->burst > 0 ? rate->burst : 1, per_second = rate->per_second;
    uint64_t capacity = (burst < RATE_MAX ? burst : RATE_MAX) * TOKEN;
    *fullest = (struct bucket){ .tokens = capacity,
                                .capacity = capacity,
                                .since_ms = now_ms,
                                .per_second = per_second < RATE_MAX ? per_second : RATE_MAX };
    memcpy(fullest->tag, tag, TAG_BYTES);
    return fullest;
}

bool tg_rate_limit_take(struct tg_rate_limit *limit, struct tg_str key, const struct tg_rate *rate,
                        uint64_t now_ms, uint64_t *ret_wait_ms)
{
    unsigned char tag[TAG_BYTES];
    struct bucket *set = find_set(limit, key, tag);
    pthread_mutex_lock(&limit->lock);
    struct bucket *bucket = find_bucket(set, tag, rate, now_ms);
    refill(bucket, now_ms);
    bool is_allowed = bucket->tokens >= TOKEN;
    if (is_allowed)
        bucket->tokens -= TOKEN;
    else
        *ret_wait_ms = (TOKEN - bucket->tokens + bucket->per_second - 1) / bucket->per_second;
    pthread_mutex_unlock(&limit->lock);
    return is_allowed;
}
