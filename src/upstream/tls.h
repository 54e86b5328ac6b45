/* TLS towards a WebSocket backend: one OpenSSL context for each upstream that has files of its own, one for all
 * others, and from it one session for each connection, with the host-name check always on unless the configuration
 * turns it off. */
#ifndef TIDEGATE_UPSTREAM_TLS_H
#define TIDEGATE_UPSTREAM_TLS_H

#include "tidegate/config.h"

struct ssl_st;
struct ssl_ctx_st;
struct tg_tls_client;

/* TG_ERR_TLS with a line in *ret_error: a file that does not load, or a key that does not fit. Made and
 * freed by the main thread; sessions are for any thread. */
enum tg_err tg_tls_client_new(const struct tg_config_tls_client *config, struct tg_tls_client **ret_tls,
                              struct tg_buffer *ret_error);
void tg_tls_client_free(struct tg_tls_client *tls); /* NULL is fine */
/* For who does TLS in another way: the same errors, so that bad files are found before they are needed. */
enum tg_err tg_tls_client_check(const struct tg_config_tls_client *config, struct tg_buffer *ret_error);

/* What a backend may choose of, for all kinds: nothing that costs many times what it costs the backend. False: memory
 * is out. */
bool tg_tls_client_restrict(struct ssl_ctx_st *context);

/* A session that will accept `host` alone, or the configuration's `server_name` in its place. It may outlive
 * `tls`; release it with SSL_free. NULL: memory is out, or it is no name that TLS can check. */
struct ssl_st *tg_tls_client_new_session(const struct tg_tls_client *tls, const char *host);

#endif
