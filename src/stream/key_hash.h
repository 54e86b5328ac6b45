/* A hash for tables whose keys come from clients: SipHash-2-4. Who does not know the secret cannot choose keys that
 * fall into one bucket. */
#ifndef TIDEGATE_STREAM_KEY_HASH_H
#define TIDEGATE_STREAM_KEY_HASH_H

#include <stddef.h>
#include <stdint.h>

#define KEY_HASH_SECRET_BYTES 16

uint64_t key_hash(const unsigned char *secret, const void *bytes, size_t length);

#endif
