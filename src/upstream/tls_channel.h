/* One TLS connection over bytes that others carry: no socket. What came from the network is handed in, what
 * must go there comes out. */
#ifndef TIDEGATE_UPSTREAM_TLS_CHANNEL_H
#define TIDEGATE_UPSTREAM_TLS_CHANNEL_H

#include "tls.h"

struct tg_tls_channel;

/* Takes the session; NULL when memory is out, it is then freed. What is to be sent goes to `out`, which must
 * outlive the channel. */
struct tg_tls_channel *tg_tls_channel_new(struct ssl_st *session, struct tg_buffer *out);
void tg_tls_channel_free(struct tg_tls_channel *channel); /* NULL is fine */

/* Goes on with the handshake: TG_OK when it is done, TG_ERR_AGAIN when more must come in, else TG_ERR_TLS. */
enum tg_err tg_tls_channel_shake_hands(struct tg_tls_channel *channel);
/* Hands bytes in. They are borrowed until tg_tls_channel_read or _shake_hands has returned TG_ERR_AGAIN. */
void tg_tls_channel_feed(struct tg_tls_channel *channel, const void *bytes, size_t length);
/* TG_ERR_AGAIN: all that came in is used up. TG_ERR_CLOSED: the other side has said that nothing follows. */
enum tg_err tg_tls_channel_read(struct tg_tls_channel *channel, void *ret_bytes, size_t size,
                                size_t *ret_length);
/* All or nothing. TG_ERR_AGAIN: not before more has come in; call again then, with the same bytes in front. */
enum tg_err tg_tls_channel_write(struct tg_tls_channel *channel, const void *bytes, size_t length);
/* Says that nothing follows. */
void tg_tls_channel_close(struct tg_tls_channel *channel);
/* Why TG_ERR_TLS was returned. */
const char *tg_tls_channel_error(const struct tg_tls_channel *channel);

#endif
