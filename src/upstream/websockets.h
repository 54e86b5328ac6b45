/* The WebSocket links of a worker, from the first attempt to the end of the closing handshake. The worker's thread. */
#ifndef TIDEGATE_UPSTREAM_WEBSOCKETS_H
#define TIDEGATE_UPSTREAM_WEBSOCKETS_H

#include "tidegate/net.h"

enum { TG_WEBSOCKET_BLOCK_BYTES = 128 * 1024 }; /* what is read at once */

struct tg_websocket;

struct tg_websockets {
    struct tg_net *net;
    struct tg_websocket *list;
    char block[TG_WEBSOCKET_BLOCK_BYTES];
};

struct tg_websockets *tg_websockets_new(struct tg_net *net);
/* Drops all connections at once. Also the main thread, when the pool has been stopped. NULL is fine. */
void tg_websockets_free(struct tg_websockets *websockets);

#endif
