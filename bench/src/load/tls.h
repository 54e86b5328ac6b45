/* TLS on a connection. OpenSSL reads from what we have read from the socket, in one go, into the loop's buffer. */
#ifndef LOAD_TLS_H
#define LOAD_TLS_H

#include "http1.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

struct load_connection;
struct load_tls;

enum load_tls_result { LOAD_TLS_OK, LOAD_TLS_MORE, LOAD_TLS_END };

/* Verifies nothing, resumes nothing; with `is_h2` only servers with HTTP/2 will do. */
SSL_CTX *load_tls_context(bool is_h2);

struct load_tls *load_tls_new(SSL_CTX *context, struct load_connection *connection);
/* Fine for NULL. */
void load_tls_free(struct load_tls *tls);

/* What the socket gave; it must stay until it has been read or shaken, which each use up all of it. */
void load_tls_put(struct load_tls *tls, struct load_bytes input);

/* MORE: when more input has come. */
enum load_tls_result load_tls_shake(struct load_tls *tls);

/* All that is there, in a buffer that all connections share; also in front of the END. MORE otherwise. */
enum load_tls_result load_tls_read(struct load_tls *tls, struct load_bytes *ret_plain);

/* False: broken. */
bool load_tls_write(struct load_tls *tls, const char *data, size_t length);

#endif
