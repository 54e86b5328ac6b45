/* The TLS settings of a listener, for the files of net that use them. */
#ifndef TIDEGATE_NET_TLS_SERVER_H
#define TIDEGATE_NET_TLS_SERVER_H

#include "tidegate/net.h"

#include <openssl/ssl.h>

struct tg_tls_server {
    SSL_CTX *ctx;
};

#endif
