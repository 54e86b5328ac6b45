/* What transport_tls.c needs to know of a listener's TLS settings. */
#ifndef TIDEGATE_DOWNSTREAM_TLS_CONTEXT_H
#define TIDEGATE_DOWNSTREAM_TLS_CONTEXT_H

#include "transport.h"

#include <openssl/ssl.h>

struct tg_tls_context {
    SSL_CTX *ctx;
};

#endif
