/* Limits how many TLS handshakes begin in a second, in all and from each address. A handshake costs a client
 * a few bytes and us a signature, so a crowd of clients could take all of a core.
 *
 *      the client's first byte ─► its address has had too many ─────► closed
 *                    │
 *                    └► too many in all ─► held, first come first served ─► begins
 *
 * Nothing watches a connection that is held, and later ones wait in the kernel's accept queue. The worker's
 * thread; the rates are the server's. */
#ifndef TIDEGATE_DOWNSTREAM_HELLO_H
#define TIDEGATE_DOWNSTREAM_HELLO_H

#include "tidegate/config.h"

struct tg_connection;
struct tg_shard;
struct tg_rate_limit;

struct tg_hellos { /* of a server; NULL: no limit */
    struct tg_rate_limit *all, *by_address;
};

enum tg_hello {
    TG_HELLO_NEW,
    TG_HELLO_COUNTED, /* for its address */
    TG_HELLO_ALLOWED,
};

void tg_hellos_init(struct tg_hellos *hellos, const struct tg_config_limits *limits);
void tg_hellos_deinit(struct tg_hellos *hellos);

/* True: the handshake may begin. False: it is held, and comes back as input when its turn has come; or the connection has
 * been closed. */
bool tg_hello_allows(struct tg_connection *connection);

#endif
