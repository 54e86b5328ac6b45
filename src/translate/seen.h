/* What has been seen before: the last so many keys, in memory that grows with their number up to there.
 *
 *     ring    [key][key][key][ … ]   in the order in which they came; the oldest makes room for the newest
 *     table   [ 3 ][   ][ 1 ][ … ]   place in the ring by hash, open addressing, at most half full
 *
 * A key is 128 bits of SHA-256 (so that no backend can make two messages one), salted (so that it cannot choose where in
 * the table they go). One costs 16 bytes in the ring and 8 to 16 in the table. */
#ifndef TIDEGATE_TRANSLATE_SEEN_H
#define TIDEGATE_TRANSLATE_SEEN_H

#include "tidegate/base.h"

struct tg_seen;

struct tg_seen_key {
    uint64_t words[2];
};

struct tg_seen *tg_seen_new(size_t remember);
void tg_seen_free(struct tg_seen *seen); /* NULL is fine */

/* The key of a first and a second part, told apart from each other. False: the library could not; then nothing is
 * known of it, rather twice than lost. */
bool tg_seen_make_key(struct tg_seen *seen, struct tg_str first, struct tg_str second,
                      struct tg_seen_key *ret_key);
bool tg_seen_has(const struct tg_seen *seen, const struct tg_seen_key *key);
/* A key that it does not have yet. When memory is out it remembers as many as it has room for. */
void tg_seen_add(struct tg_seen *seen, const struct tg_seen_key *key);

#endif
