/* TLS over borrowed bytes: a BIO that reads from the block at hand, where it lies, and writes to a buffer. */
#include "tls_channel.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tg_tls_channel {
    SSL *ssl;
    struct tg_str block; /* what has come in and is not yet used */
    struct tg_buffer *out;
    const char *error;
};

/* ---- the BIO ---------------------------------------------------------------------------------- */

static int on_bio_read(BIO *bio, char *bytes, size_t size, size_t *ret_length)
{
    struct tg_tls_channel *channel = BIO_get_data(bio);
    size_t length = size < channel->block.length ? size : channel->block.length;

    BIO_clear_retry_flags(bio);
    if (length == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(bytes, channel->block.data, length);
    channel->block.data += length;
    channel->block.length -= length;
    *ret_length = length;
    return 1;
}

static int on_bio_write(BIO *bio, const char *bytes, size_t length, size_t *ret_written)
{
    struct tg_tls_channel *channel = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (tg_buffer_append(channel->out, bytes, length) < 0)
        return 0;
    *ret_written = length;
    return 1;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidegate");
    if (!method)
        return;
    BIO_meth_set_read_ex(method, on_bio_read);
    BIO_meth_set_write_ex(method, on_bio_write);
    BIO_meth_set_ctrl(method, on_bio_control);
}

/* ---- life ------------------------------------------------------------------------------------- */

struct tg_tls_channel *tg_tls_channel_new(struct ssl_st *session, struct tg_buffer *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tg_tls_channel *channel;
    BIO *bio;

    pthread_once(&once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (!bio) {
        SSL_free(session);
        return NULL;
    }
    channel = tg_alloc(sizeof(*channel));
    *channel = (struct tg_tls_channel){ .ssl = session, .block = { "", 0 }, .out = out, .error = "" };
    BIO_set_data(bio, channel);
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    return channel;
}

void tg_tls_channel_free(struct tg_tls_channel *channel)
{
    if (!channel)
        return;
    SSL_free(channel->ssl);
    free(channel);
}

/* ---- errors ----------------------------------------------------------------------------------- */

const char *tg_tls_channel_error(const struct tg_tls_channel *channel)
{
    return channel->error;
}

static enum tg_err fail(struct tg_tls_channel *channel)
{
    unsigned long code = ERR_peek_error();
    long verified = SSL_get_verify_result(channel->ssl);

    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
        channel->error = X509_verify_cert_error_string(verified);
    else
        channel->error = tg_text_or_empty(code ? ERR_reason_error_string(code) : NULL);
    ERR_clear_error();
    return TG_ERR_TLS;
}

static enum tg_err judge(struct tg_tls_channel *channel, int result)
{
    if (result > 0)
        return TG_OK;
    switch (SSL_get_error(channel->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TG_ERR_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return TG_ERR_CLOSED;
    default:
        return fail(channel);
    }
}

/* ---- bytes ------------------------------------------------------------------------------------ */

enum tg_err tg_tls_channel_shake_hands(struct tg_tls_channel *channel)
{
    ERR_clear_error();
    enum tg_err err = judge(channel, SSL_do_handshake(channel->ssl));
    return err == TG_ERR_CLOSED ? TG_ERR_TLS : err;
}

void tg_tls_channel_feed(struct tg_tls_channel *channel, const void *bytes, size_t length)
{
    channel->block = (struct tg_str){ bytes, length };
}

enum tg_err tg_tls_channel_read(struct tg_tls_channel *channel, void *ret_bytes, size_t size,
                                size_t *ret_length)
{
    ERR_clear_error();
    return judge(channel, SSL_read_ex(channel->ssl, ret_bytes, size, ret_length));
}

enum tg_err tg_tls_channel_write(struct tg_tls_channel *channel, const void *bytes, size_t length)
{
    size_t written = 0;

    if (length == 0)
        return TG_OK;
    ERR_clear_error();
    return judge(channel, SSL_write_ex(channel->ssl, bytes, length, &written));
}

void tg_tls_channel_close(struct tg_tls_channel *channel)
{
    ERR_clear_error();
    if (SSL_is_init_finished(channel->ssl))
        SSL_shutdown(channel->ssl);
    ERR_clear_error();
}
