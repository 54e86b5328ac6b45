/* TLS towards a backend: one OpenSSL context for each upstream, with the host-name check always on unless the
 * configuration turns it off. The names to check are set on the context before each connection, so that
 * everything made from it has them from the start. */
#ifndef TIDEGATE_UPSTREAM_TLS_H
#define TIDEGATE_UPSTREAM_TLS_H

#include "tidegate/config.h"

struct ssl_ctx_st;
struct tg_tls_client;

/* TG_ERR_TLS with a line in *ret_error: a file that does not load, or a key that does not fit. */
enum tg_err tg_tls_client_new(const struct tg_config_tls_client *config, struct tg_tls_client **ret_tls,
                              struct tg_buffer *ret_error);
void tg_tls_client_free(struct tg_tls_client *tls); /* NULL is fine */
struct ssl_ctx_st *tg_tls_client_peek_context(struct tg_tls_client *tls);

/* Whom the next connection must reach; `server_name` of the configuration goes before it. */
enum tg_err tg_tls_client_expect(struct tg_tls_client *tls, const char *host);
/* Why the last certificate was refused; NULL when none was since tg_tls_client_expect. */
const char *tg_tls_client_last_error(const struct tg_tls_client *tls);

#endif
