/* What the kernel knows of a client, by TCP_INFO (tcp(7)). Any thread. */
#ifndef TIDEGATE_DOWNSTREAM_PEER_H
#define TIDEGATE_DOWNSTREAM_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes wait for an answer that does not come, and none has come for so long. A client that is frozen answers the
 * kernel's probes, so it is not among them: it has stall_timeout. False for a unix socket. */
bool tg_peer_is_lost(int fd, uint64_t silent_ms);
/* How many bytes the client has acknowledged so far, modulo 2^32. False, and nothing set, for a unix socket. */
bool tg_peer_count_acked(int fd, uint32_t *ret_acked);

#endif
